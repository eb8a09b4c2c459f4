# SPDX-License-Identifier: Apache-2.0
"""Find reports by their dates."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade():
    op.create_index("ix_action_reports_report_date_id", "action_reports", ["report_date", "id"], unique=False)
