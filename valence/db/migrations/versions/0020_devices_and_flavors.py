# SPDX-License-Identifier: Apache-2.0
"""Devices that nodes are made of, what can be combined, and flavors."""

# A column that an older Valence does not know has a server default or takes NULL: both versions write.

import sqlalchemy as sa
from alembic import op

from valence.db.sql import rows

revision = "0020"
down_revision = "0019"


def upgrade():
    op.create_table(
        "flavors",
        sa.Column("uuid", rows.Words(36), nullable=False, comment="Identifier."),
        sa.Column("name", rows.Words(255), nullable=False, comment="Name, unique here."),
        sa.Column(
            "description",
            rows.Words(1024),
            server_default="",
            nullable=False,
            comment="What an operator wants to remember of it.",
        ),
        sa.Column(
            "properties",
            rows.Document(),
            nullable=True,
            comment="What a node needs: processor, memory, storage, network, accelerator.",
        ),
        sa.Column(
            "policy",
            rows.Words(6),
            nullable=True,
            comment="How devices are chosen: pack wastes the least and fills zones up, spread prefers the emptiest.",
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
        sa.PrimaryKeyConstraint("uuid"),
        sa.UniqueConstraint("name", name="uniq_flavors0name"),
        comment="Requirements that nodes are composed by; a change of a flavor changes no node.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("flavors", schema=None) as batch_op:
        batch_op.create_index("ix_flavors_created_at_uuid", ["created_at", "uuid"], unique=False)

    op.create_table(
        "zonings",
        sa.Column(
            "id",
            rows.Words(80),
            nullable=False,
            comment="UUID of the pod manager, a slash, and a digest of the zones.",
        ),
        sa.Column("podm_id", rows.Words(36), nullable=False, comment="Its pod manager."),
        sa.Column(
            "zones",
            rows.Document(),
            nullable=True,
            comment="UUIDs of the zones; devices can be combined if they have one in common. Empty where there are none.",
        ),
        sa.Column(
            "method",
            rows.Words(11),
            server_default="none",
            nullable=False,
            comment="How its pod manager composes.",
        ),
        sa.Column(
            "limits",
            rows.Document(),
            nullable=True,
            comment="ResourceBlockLimits of Redfish that all its zones keep, such as MaxStorage.",
        ),
        sa.ForeignKeyConstraint(
            ["podm_id"], ["pod_managers.uuid"], name="fk_zonings_podm_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id"),
        comment="A set of resource zones that devices are in, and how their pod manager combines the devices.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("zonings", schema=None) as batch_op:
        batch_op.create_index("ix_zonings_podm_id_id", ["podm_id", "id"], unique=False)

    op.create_table(
        "devices",
        sa.Column("uuid", rows.Words(36), nullable=False, comment="The resource."),
        sa.Column("podm_id", rows.Words(36), nullable=False, comment="Its pod manager."),
        sa.Column("device_type", rows.Words(11), nullable=False, comment="What it contributes to a node."),
        sa.Column(
            "state",
            rows.Words(11),
            nullable=False,
            comment="Whether a node can get it; only free devices are selected.",
        ),
        sa.Column("reason", rows.Words(255), nullable=True, comment="Why it is not free."),
        sa.Column(
            "node_id",
            rows.Words(36),
            nullable=True,
            comment="The node that has it; one of them if it is shared.",
        ),
        sa.Column(
            "full",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
            comment="Whether nodes have claimed all its slots.",
        ),
        sa.Column(
            "slots", sa.BigInteger(), server_default="1", nullable=False, comment="Nodes that can share it."
        ),
        sa.Column(
            "consumers",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Systems that use it, as the pod manager says.",
        ),
        sa.Column(
            "size",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="The measure that leads for its type: cores, MiB, GiB, Mbps or accelerators.",
        ),
        sa.Column("cores", sa.BigInteger(), server_default="0", nullable=False, comment="Cores of its CPUs."),
        sa.Column(
            "memory_mib", sa.BigInteger(), server_default="0", nullable=False, comment="Memory in MiB."
        ),
        sa.Column(
            "storage_gib",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Capacity of its drives in GiB.",
        ),
        sa.Column(
            "accelerators",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Processors that are not CPUs.",
        ),
        sa.Column(
            "speed_mbps",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Speed of its fastest network interface in Mbps.",
        ),
        sa.Column(
            "model", rows.Words(255), nullable=True, comment="Model of the parts that lead for its type."
        ),
        sa.Column(
            "architecture",
            rows.Words(64),
            nullable=True,
            comment="Instruction set of its CPUs, or ProcessorType of its accelerators.",
        ),
        sa.Column("media", rows.Words(32), nullable=True, comment="Media type of its drives."),
        sa.Column(
            "zones", rows.Document(), nullable=True, comment="UUIDs of the resource zones that it is in."
        ),
        sa.Column(
            "zoning",
            rows.Words(80),
            server_default="",
            nullable=False,
            comment="Which devices it can be combined with.",
        ),
        sa.ForeignKeyConstraint(
            ["podm_id"], ["pod_managers.uuid"], name="fk_devices_podm_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["uuid"], ["resources.uuid"], name="fk_devices_uuid", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("uuid"),
        comment="A resource that becomes part of a node as a whole: a block, a pooled drive, or a system.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.create_index(
            "ix_devices_device_type_state_full_size_uuid",
            ["device_type", "state", "full", "size", "uuid"],
            unique=False,
        )
        batch_op.create_index(
            "ix_devices_node_id_uuid", [rows.nulls_first("node_id", op), "uuid"], unique=False
        )
        batch_op.create_index("ix_devices_podm_id_uuid", ["podm_id", "uuid"], unique=False)
        batch_op.create_index(
            "ix_devices_zoning_device_type_state_full_size_uuid",
            ["zoning", "device_type", "state", "full", "size", "uuid"],
            unique=False,
        )
