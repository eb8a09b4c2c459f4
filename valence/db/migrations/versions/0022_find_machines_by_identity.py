# SPDX-License-Identifier: Apache-2.0
"""Machines are found by their identity, which an operating system knows too."""

from alembic import op

from valence.db.sql import rows

revision = "0022"
down_revision = "0021"


def upgrade():
    op.create_index(
        "ix_resource_states_identity_uuid",
        "resource_states",
        [rows.nulls_first("identity", op), "uuid"],
        unique=False,
    )
