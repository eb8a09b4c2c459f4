# SPDX-License-Identifier: Apache-2.0
"""Nodes and claims, and the projects of operations and events."""

# A column that an older Valence does not know has a server default or takes NULL: both versions write.

import sqlalchemy as sa
from alembic import op

from valence.db.sql import rows

revision = "0019"
down_revision = "0018"


def upgrade():
    op.create_table(
        "nodes",
        sa.Column("uuid", rows.Words(36), nullable=False, comment="Identifier."),
        sa.Column("name", rows.Words(255), nullable=False, comment="Name; several nodes may have the same."),
        sa.Column(
            "description",
            rows.Words(1024),
            server_default="",
            nullable=False,
            comment="What its owner wants to remember of it.",
        ),
        sa.Column(
            "project_id",
            rows.Words(64),
            server_default="",
            nullable=False,
            comment="Project that has it; empty without authentication.",
        ),
        sa.Column("podm_id", rows.Words(36), nullable=False, comment="Its pod manager."),
        sa.Column(
            "kind",
            rows.Words(9),
            server_default="composed",
            nullable=False,
            comment="Whether it was composed of blocks, allocated by its pod manager, or is a system as it stands.",
        ),
        sa.Column(
            "state", rows.Words(11), server_default="composing", nullable=False, comment="Where it stands."
        ),
        sa.Column(
            "goal",
            rows.Words(7),
            server_default="present",
            nullable=False,
            comment="Whether it is wanted, or being taken apart.",
        ),
        sa.Column("error", rows.Words(1024), nullable=True, comment="Why its state is error."),
        sa.Column("requirements", rows.Document(), nullable=True, comment="What it was requested with."),
        sa.Column(
            "flavor_id",
            rows.Words(36),
            nullable=True,
            comment="Flavor it was requested with; the flavor may be gone.",
        ),
        sa.Column(
            "resource_url",
            rows.Words(500),
            nullable=True,
            comment="Path of its system on the pod manager; null until there is one.",
        ),
        sa.Column(
            "managed_by",
            rows.Words(64),
            nullable=True,
            comment="Service that manages it now, such as ironic.",
        ),
        sa.Column(
            "handle",
            rows.Document(),
            nullable=True,
            comment="What is under way on the hardware, for the conductor that continues it.",
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
        sa.ForeignKeyConstraint(
            ["podm_id"], ["pod_managers.uuid"], name="fk_nodes_podm_id", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("uuid"),
        comment="A machine that a project has.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index("ix_nodes_created_at_uuid", "nodes", ["created_at", "uuid"], unique=False)
    op.create_index("ix_nodes_goal_uuid", "nodes", ["goal", "uuid"], unique=False)
    op.create_index("ix_nodes_name_uuid", "nodes", ["name", "uuid"], unique=False)
    op.create_index(
        "ix_nodes_podm_id_resource_url",
        "nodes",
        ["podm_id", rows.nulls_first("resource_url", op)],
        unique=False,
    )
    op.create_index("ix_nodes_podm_id_uuid", "nodes", ["podm_id", "uuid"], unique=False)
    op.create_index("ix_nodes_project_id_uuid", "nodes", ["project_id", "uuid"], unique=False)
    op.create_index("ix_nodes_state_uuid", "nodes", ["state", "uuid"], unique=False)

    op.create_table(
        "claims",
        sa.Column(
            "id",
            rows.Words(48),
            nullable=False,
            comment="<uuid of the device>/<slot>; slots are counted from 1.",
        ),
        sa.Column("node_id", rows.Words(36), nullable=False, comment="The node."),
        sa.Column(
            "device_id",
            rows.Words(36),
            nullable=False,
            comment="The device: uuid of a resource, which may be gone.",
        ),
        sa.Column("podm_id", rows.Words(36), nullable=False, comment="Its pod manager."),
        sa.Column("part", rows.Words(64), nullable=False, comment="What it is for."),
        sa.Column(
            "state", rows.Words(9), server_default="claimed", nullable=False, comment="Where it stands."
        ),
        sa.Column("error", rows.Words(1024), nullable=True, comment="Why its state is failed."),
        sa.ForeignKeyConstraint(["node_id"], ["nodes.uuid"], name="fk_claims_node_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        comment="The right of a node to a device. Its key is unique, so that two nodes cannot have the same slot.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index("ix_claims_device_id_id", "claims", ["device_id", "id"], unique=False)
    op.create_index("ix_claims_node_id_id", "claims", ["node_id", "id"], unique=False)
    op.create_index("ix_claims_podm_id_id", "claims", ["podm_id", "id"], unique=False)

    op.add_column(
        "events",
        sa.Column(
            "project_id",
            rows.Words(64),
            nullable=True,
            comment="Project that has that thing; null is everybody's.",
        ),
    )

    op.add_column(
        "operations",
        sa.Column(
            "project_id",
            rows.Words(64),
            nullable=True,
            comment="Project that has that thing; null is everybody's.",
        ),
    )
