# SPDX-License-Identifier: Apache-2.0
"""Subscriptions to remove from deleted pod managers."""

# A column that an older Valence does not know has a server default or takes NULL: both versions write.

import sqlalchemy as sa
from alembic import op

from valence.db.sql import rows

revision = "0012"
down_revision = "0011"


def upgrade():
    op.create_table(
        "subscription_removals",
        sa.Column("uuid", rows.Words(36), nullable=False, comment="Identifier."),
        sa.Column("podm_id", rows.Words(36), nullable=False, comment="The pod manager that was deleted."),
        sa.Column(
            "access",
            rows.Document(),
            nullable=True,
            comment="How it is reached: its fields but the password.",
        ),
        sa.Column(
            "password",
            rows.Document(),
            server_default=sa.text("('')"),
            nullable=False,
            comment="Password to sign in with.",
        ),
        sa.Column(
            "attempts", sa.BigInteger(), server_default="0", nullable=False, comment="Attempts so far."
        ),
        sa.Column("next_attempt_at", rows.Moment(), nullable=True, comment="When it is tried next."),
        sa.Column("expires_at", rows.Moment(), nullable=True, comment="When it is given up."),
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
        comment="A subscription to remove from a deleted pod manager, with what is needed to sign in there.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("subscription_removals", schema=None) as batch_op:
        batch_op.create_index(
            "ix_subscription_removals_created_at_uuid", ["created_at", "uuid"], unique=False
        )
        batch_op.create_index(
            "ix_subscription_removals_next_attempt_at_uuid",
            [rows.nulls_first("next_attempt_at", op), "uuid"],
            unique=False,
        )
