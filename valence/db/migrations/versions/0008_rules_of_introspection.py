# SPDX-License-Identifier: Apache-2.0
"""Rules of introspection, and contents by their parts."""

# A column that an older Valence does not know has a server default or takes NULL: both versions write.

import sqlalchemy as sa
from alembic import op

from valence.db.sql import rows

revision = "0008"
down_revision = "0007"


def upgrade():
    op.create_table(
        "introspection_rules",
        sa.Column("uuid", rows.Words(36), nullable=False, comment="Identifier."),
        sa.Column(
            "position",
            sa.BigInteger(),
            nullable=False,
            comment="Place in the order in which rules are applied.",
        ),
        sa.Column("description", rows.Words(1024), nullable=True, comment="What it is for."),
        sa.Column(
            "scope",
            rows.Words(255),
            nullable=True,
            comment="Name or uuid of the pod manager whose machines it is for.",
        ),
        sa.Column("conditions", rows.Document(), nullable=True, comment="What has to hold."),
        sa.Column("actions", rows.Document(), nullable=True, comment="What is done."),
        sa.Column("created_at", rows.Moment(), nullable=False, comment="When it was created."),
        sa.Column("updated_at", rows.Moment(), nullable=False, comment="When it was last changed."),
        sa.Column(
            "revision",
            sa.BigInteger(),
            server_default="1",
            nullable=False,
            comment="Number of the last change.",
        ),
        sa.PrimaryKeyConstraint("uuid"),
        sa.UniqueConstraint("position", name="uniq_introspection_rules0position"),
        comment="Actions that are taken if all conditions hold of a machine's document.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index(
        "ix_introspection_rules_created_at_uuid", "introspection_rules", ["created_at", "uuid"], unique=False
    )
    op.create_index(
        "ix_introspection_data_content_id_id", "introspection_data", ["content_id", "id"], unique=False
    )
