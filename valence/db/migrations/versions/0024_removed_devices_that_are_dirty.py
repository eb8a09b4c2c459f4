# SPDX-License-Identifier: Apache-2.0
"""Removed resources whose devices were not erased."""

# A column that an older Valence does not know has a server default or takes NULL: both versions write.

import sqlalchemy as sa
from alembic import op

from valence.db.sql import rows

revision = "0024"
down_revision = "0023"


def upgrade():
    with op.batch_alter_table("removed_resources", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "unerased",
                rows.Words(255),
                nullable=True,
                comment="The reason of its device that was dirty, null where it was not.",
            )
        )
