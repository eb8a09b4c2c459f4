# SPDX-License-Identifier: Apache-2.0
"""Versions of introspection data."""

# A column that an older Valence does not know has a server default or takes NULL: both versions write.

import sqlalchemy as sa
from alembic import op

from valence.db.sql import rows

revision = "0007"
down_revision = "0006"


def upgrade():
    op.create_table(
        "introspection_versions",
        sa.Column("id", rows.Words(60), nullable=False, comment="<machine>/<number>."),
        sa.Column("introspection_id", rows.Words(36), nullable=False, comment="The machine."),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="Its number, from 1 on."),
        sa.Column("source", rows.Words(16), nullable=False, comment="Who looked into the machine."),
        sa.Column("finished_at", rows.Moment(), nullable=True, comment="When it was processed."),
        sa.Column("processed", rows.Words(64), nullable=False, comment="SHA-256 of the processed document."),
        sa.Column(
            "unprocessed", rows.Words(64), nullable=False, comment="The same of the unprocessed document."
        ),
        sa.ForeignKeyConstraint(
            ["introspection_id"],
            ["introspections.uuid"],
            name="fk_introspection_versions_introspection_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id"),
        comment="A pair of documents of one machine, processed and unprocessed, that is kept beside later ones.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index(
        "ix_introspection_versions_introspection_id_id",
        "introspection_versions",
        ["introspection_id", "id"],
        unique=False,
    )
    op.create_index(
        "ix_introspection_versions_introspection_id_number",
        "introspection_versions",
        ["introspection_id", "number"],
        unique=False,
    )
