# SPDX-License-Identifier: Apache-2.0
"""Introspections and their data."""

# A column that an older Valence does not know has a server default or takes NULL: both versions write.

import sqlalchemy as sa
from alembic import op

from valence.db.sql import rows

revision = "0004"
down_revision = "0003"


def upgrade():
    op.create_table(
        "introspection_data_parts",
        sa.Column("uuid", rows.Words(36), nullable=False, comment="Identifier."),
        sa.Column("content_id", rows.Words(36), nullable=False, comment="The content that it is a part of."),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="Its place, from 1 on."),
        sa.Column("data", rows.Document(), nullable=False, comment="The part."),
        sa.Column("created_at", rows.Moment(), nullable=False, comment="When it was stored."),
        sa.PrimaryKeyConstraint("uuid"),
        comment="A further part of a document that is too long for one row.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index(
        "ix_introspection_data_parts_content_id_number",
        "introspection_data_parts",
        ["content_id", "number"],
        unique=False,
    )
    op.create_index(
        "ix_introspection_data_parts_content_id_uuid",
        "introspection_data_parts",
        ["content_id", "uuid"],
        unique=False,
    )
    op.create_index(
        "ix_introspection_data_parts_created_at_uuid",
        "introspection_data_parts",
        ["created_at", "uuid"],
        unique=False,
    )
    op.create_table(
        "introspections",
        sa.Column("uuid", rows.Words(36), nullable=False, comment="The machine: uuid of a resource."),
        sa.Column("podm_id", rows.Words(36), nullable=True, comment="Its pod manager."),
        sa.Column(
            "state", rows.Words(10), server_default="starting", nullable=False, comment="Where it stands."
        ),
        sa.Column("error", rows.Words(1024), nullable=True, comment="Why it failed."),
        sa.Column(
            "manage_boot",
            sa.Boolean(),
            server_default=sa.true(),
            nullable=False,
            comment="Whether Valence boots the ramdisk.",
        ),
        sa.Column("started_at", rows.Moment(), nullable=True, comment="When it was started."),
        sa.Column("finished_at", rows.Moment(), nullable=True, comment="When it ended."),
        sa.Column(
            "deadline", rows.Moment(), nullable=True, comment="When it fails unless something happens."
        ),
        sa.Column(
            "processed",
            rows.Words(64),
            nullable=True,
            comment="SHA-256 of the processed document; null hides what a storage may still hold.",
        ),
        sa.Column(
            "unprocessed", rows.Words(64), nullable=True, comment="The same of the unprocessed document."
        ),
        sa.Column("logs", rows.Words(64), nullable=True, comment="The same of the ramdisk's logs."),
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
        comment="The last introspection of one machine.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index(
        "ix_introspections_created_at_uuid", "introspections", ["created_at", "uuid"], unique=False
    )
    op.create_index(
        "ix_introspections_deadline_uuid",
        "introspections",
        [rows.nulls_first("deadline", op), "uuid"],
        unique=False,
    )
    op.create_index(
        "ix_introspections_started_at_uuid",
        "introspections",
        [rows.nulls_first("started_at", op), "uuid"],
        unique=False,
    )
    op.create_index(
        "ix_introspections_state_deadline",
        "introspections",
        ["state", rows.nulls_first("deadline", op)],
        unique=False,
    )
    op.create_index(
        "ix_introspections_state_started_at",
        "introspections",
        ["state", rows.nulls_first("started_at", op)],
        unique=False,
    )
    op.create_index("ix_introspections_state_uuid", "introspections", ["state", "uuid"], unique=False)
    op.create_table(
        "introspection_addresses",
        sa.Column("id", rows.Words(320), nullable=False, comment="<machine>/<attribute>/<value>."),
        sa.Column("introspection_id", rows.Words(36), nullable=False, comment="The introspection."),
        sa.Column("attribute", rows.Words(11), server_default="mac", nullable=False, comment="What it is."),
        sa.Column("value", rows.Words(255), nullable=False, comment="In lower case."),
        sa.ForeignKeyConstraint(
            ["introspection_id"],
            ["introspections.uuid"],
            name="fk_introspection_addresses_introspection_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id"),
        comment="Something that a ramdisk can be known by, of an introspection that waits for it.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index(
        "ix_introspection_addresses_introspection_id_id",
        "introspection_addresses",
        ["introspection_id", "id"],
        unique=False,
    )
    op.create_index(
        "ix_introspection_addresses_value_id", "introspection_addresses", ["value", "id"], unique=False
    )
    op.create_table(
        "introspection_data",
        sa.Column("id", rows.Words(80), nullable=False, comment="<machine>, or <machine>-<suffix>."),
        sa.Column("uuid", rows.Words(36), nullable=False, comment="The machine."),
        sa.Column(
            "processed",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
            comment="Whether it is the processed document.",
        ),
        sa.Column("data", rows.Document(), nullable=False, comment="The packed document, or its first part."),
        sa.Column(
            "content_id", rows.Words(36), nullable=False, comment="Common to the parts of this content."
        ),
        sa.Column("parts", sa.BigInteger(), server_default="0", nullable=False, comment="Further parts."),
        sa.Column("created_at", rows.Moment(), nullable=False, comment="When it was created."),
        sa.Column("updated_at", rows.Moment(), nullable=False, comment="When it was last changed."),
        sa.Column(
            "revision",
            sa.BigInteger(),
            server_default="1",
            nullable=False,
            comment="Number of the last change.",
        ),
        sa.ForeignKeyConstraint(
            ["uuid"], ["introspections.uuid"], name="fk_introspection_data_uuid", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id"),
        comment="One document of one machine, in the storage ``database``.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index(
        "ix_introspection_data_created_at_id", "introspection_data", ["created_at", "id"], unique=False
    )
    op.create_index("ix_introspection_data_uuid_id", "introspection_data", ["uuid", "id"], unique=False)
