# SPDX-License-Identifier: Apache-2.0
"""Nodes keep the power state that their last operation saw."""

# A column that an older Valence does not know has a server default or takes NULL: both versions write.

import sqlalchemy as sa
from alembic import op

from valence.db.sql import rows

revision = "0025"
down_revision = "0024"


def upgrade():
    with op.batch_alter_table("nodes", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "power_seen",
                rows.Words(32),
                nullable=True,
                comment="PowerState that the last operation on its machine saw; it is shown until the inventory has the machine.",
            )
        )
