# SPDX-License-Identifier: Apache-2.0
"""Resources that were removed lately, and what they are known again by."""

import sqlalchemy as sa
from alembic import op

from valence.db.sql import rows

revision = "0015"
down_revision = "0014"


def upgrade():
    op.create_table(
        "removed_resources",
        sa.Column("uuid", rows.Words(36), nullable=False, comment="Identifier that the resource had."),
        sa.Column("podm_id", rows.Words(36), nullable=False, comment="Its pod manager."),
        sa.Column("resource_url", rows.Words(500), nullable=False, comment="Path on the pod manager."),
        sa.Column("resource_type", rows.Words(21), nullable=False, comment="What it was."),
        sa.Column("identity", rows.Words(255), nullable=True, comment="Redfish UUID or serial number."),
        sa.Column("removed_at", rows.Moment(), nullable=False, comment="When it was removed."),
        sa.ForeignKeyConstraint(
            ["podm_id"], ["pod_managers.uuid"], name="fk_removed_resources_podm_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("uuid"),
        comment="A resource that was removed lately: if it comes back, it gets its identifier again.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index(
        "ix_removed_resources_podm_id_uuid", "removed_resources", ["podm_id", "uuid"], unique=False
    )
