# SPDX-License-Identifier: Apache-2.0
"""Sources and tokens of introspections."""

# A column that an older Valence does not know has a server default or takes NULL: both versions write.

import sqlalchemy as sa
from alembic import op

from valence.db.sql import rows

revision = "0006"
down_revision = "0005"


def upgrade():
    op.add_column(
        "introspections",
        sa.Column(
            "source",
            rows.Words(9),
            server_default="ramdisk",
            nullable=False,
            comment="Who looks into the machine, or that its data came from elsewhere.",
        ),
    )
    op.add_column(
        "introspections",
        sa.Column(
            "token",
            rows.Words(64),
            nullable=True,
            comment="SHA-256 of what its ramdisk has to know; null is nothing.",
        ),
    )
