# SPDX-License-Identifier: Apache-2.0
"""Protocols and ciphers of pod managers, and an index of the UUIDs of their services."""

# A column that an older Valence does not know has a server default or takes NULL: both versions write.

import sqlalchemy as sa
from alembic import op

from valence.db.sql import rows

revision = "0011"
down_revision = "0010"


def upgrade():
    op.add_column(
        "pod_managers",
        sa.Column(
            "tls",
            rows.Words(6),
            server_default="auto",
            nullable=False,
            comment='Protocols and ciphers: "auto" takes TLS 1.2 with old ciphers only where the certificate is not '
            'checked, "modern" never, "legacy" takes TLS 1.0 and every cipher.',
        ),
    )
    op.create_index(
        "ix_pod_managers_redfish_uuid_uuid",
        "pod_managers",
        [rows.nulls_first("redfish_uuid", op), "uuid"],
        unique=False,
    )
