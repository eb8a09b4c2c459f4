# SPDX-License-Identifier: Apache-2.0
"""Types of resources have names of up to 21 characters."""

from alembic import op

from valence.db.sql import rows

revision = "0010"
down_revision = "0009"


def upgrade():
    # SQLite cannot change a column: alembic copies the table there, which keeps its rows, keys and indexes.
    with op.batch_alter_table("resources") as resources:
        resources.alter_column(
            "resource_type",
            type_=rows.Words(21),
            existing_type=rows.Words(18),
            existing_nullable=False,
            existing_comment="What it is.",
        )
