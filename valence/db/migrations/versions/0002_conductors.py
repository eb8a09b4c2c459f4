# SPDX-License-Identifier: Apache-2.0
"""Conductors, their groups, and what operations need of them."""

# A column that an older Valence does not know has a server default or takes NULL: both versions write.

import sqlalchemy as sa
from alembic import op

from valence.db.sql import rows

revision = "0002"
down_revision = "0001"


def upgrade():
    op.create_table(
        "conductors",
        sa.Column("hostname", rows.Words(255), nullable=False, comment="Its name, the option host."),
        sa.Column(
            "alive", sa.Boolean(), server_default=sa.true(), nullable=False, comment="Whether it works."
        ),
        sa.Column(
            "conductor_groups",
            rows.Document(),
            nullable=True,
            comment="Groups of pod managers that it serves.",
        ),
        sa.Column(
            "version",
            rows.Words(64),
            server_default="",
            nullable=False,
            comment="Version of Valence that it runs.",
        ),
        sa.Column(
            "pod_managers",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Pod managers that it serves.",
        ),
        sa.Column("started_at", rows.Moment(), nullable=True, comment="When it was started."),
        sa.Column("heartbeat_at", rows.Moment(), nullable=True, comment="When it last said that it lives."),
        sa.Column("created_at", rows.Moment(), nullable=False, comment="When it was created."),
        sa.Column("updated_at", rows.Moment(), nullable=False, comment="When it was last changed."),
        sa.Column(
            "revision",
            sa.BigInteger(),
            server_default="1",
            nullable=False,
            comment="Number of the last change.",
        ),
        sa.PrimaryKeyConstraint("hostname"),
        comment="A conductor that has registered itself; whether it lives is what the others saw last.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index("ix_conductors_alive_hostname", "conductors", ["alive", "hostname"], unique=False)
    op.create_index(
        "ix_conductors_created_at_hostname", "conductors", ["created_at", "hostname"], unique=False
    )
    op.add_column(
        "operations",
        sa.Column(
            "attempts",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="How often a conductor began with it.",
        ),
    )
    op.add_column(
        "operations",
        sa.Column(
            "cancel_requested_at",
            rows.Moment(),
            nullable=True,
            comment="When somebody asked to cancel it while it ran.",
        ),
    )
    op.add_column(
        "pod_managers",
        sa.Column(
            "conductor_group",
            rows.Words(255),
            server_default="default",
            nullable=False,
            comment="Group of the conductors that can serve it.",
        ),
    )
    op.add_column(
        "pod_managers",
        sa.Column(
            "conductor", rows.Words(255), nullable=True, comment="Conductor that serves it, or did last."
        ),
    )
    op.create_index(
        "ix_pod_managers_conductor_group_uuid", "pod_managers", ["conductor_group", "uuid"], unique=False
    )
    op.create_index(
        "ix_pod_managers_conductor_uuid",
        "pod_managers",
        [rows.nulls_first("conductor", op), "uuid"],
        unique=False,
    )
