# SPDX-License-Identifier: Apache-2.0
"""Operations tell how much was done: all, or parts only."""

import sqlalchemy as sa
from alembic import op

from valence.db.sql import rows

revision = "0014"
down_revision = "0013"


def upgrade():
    op.add_column(
        "operations",
        sa.Column(
            "result",
            rows.Words(16),
            nullable=True,
            comment="How much was done of what succeeded: complete, or partial if parts of the pod manager could not "
            "be read; progress.unread says how many.",
        ),
    )
