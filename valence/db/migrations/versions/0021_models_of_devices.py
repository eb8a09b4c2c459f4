# SPDX-License-Identifier: Apache-2.0
"""Devices are found by their model."""

from alembic import op

from valence.db.sql import rows

revision = "0021"
down_revision = "0020"


def upgrade():
    op.create_index(
        "ix_devices_device_type_model_state_full_size_uuid",
        "devices",
        ["device_type", rows.nulls_first("model", op), "state", "full", "size", "uuid"],
        unique=False,
    )
