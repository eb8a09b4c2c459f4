# SPDX-License-Identifier: Apache-2.0
"""Identity of the site."""

import sqlalchemy as sa
from alembic import op

from valence.db.sql import rows

revision = "0013"
down_revision = "0012"


def upgrade():
    op.create_table(
        "sites",
        sa.Column("name", rows.Words(64), nullable=False, comment="Always 'site'."),
        sa.Column("uuid", rows.Words(36), nullable=False, comment="Identifier of the site."),
        sa.PrimaryKeyConstraint("name"),
        comment="The identity of this database, made once, by which the processes of two sites tell each other apart.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
