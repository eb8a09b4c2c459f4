# SPDX-License-Identifier: Apache-2.0
"""Quotas of projects."""

# A column that an older Valence does not know has a server default or takes NULL: both versions write.

import sqlalchemy as sa
from alembic import op

from valence.db.sql import rows

revision = "0023"
down_revision = "0022"


def upgrade():
    op.create_table(
        "quotas",
        sa.Column(
            "project_id",
            rows.Words(64),
            nullable=False,
            comment="The project; - stands for requests without authentication.",
        ),
        sa.Column(
            "limits",
            rows.Document(),
            nullable=True,
            comment="Limits of this project by resource; -1 is no limit, and what is not named has the limit of the site.",
        ),
        sa.Column("created_at", rows.Moment(), nullable=False, comment="When it was created."),
        sa.Column("updated_at", rows.Moment(), nullable=False, comment="When it was last changed."),
        sa.Column(
            "revision",
            sa.BigInteger(),
            server_default="1",
            nullable=False,
            comment="Number of the last change.",
        ),
        sa.PrimaryKeyConstraint("project_id"),
        comment="The limits of a project. Requests that claim hardware under a limit change the revision, one after the other.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("quotas", schema=None) as batch_op:
        batch_op.create_index("ix_quotas_created_at_project_id", ["created_at", "project_id"], unique=False)

    with op.batch_alter_table("claims", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "counted",
                rows.Document(),
                nullable=True,
                comment="What the device counts for in the quota of the project: the measures that it had when it was claimed. Null where an older version claimed it, and where it was not known: then its present ones count.",
            )
        )
