# SPDX-License-Identifier: Apache-2.0
"""Long texts compare by code points, as short ones do."""

import sqlalchemy as sa
from alembic import op

from valence.db.sql import rows

revision = "0009"
down_revision = "0008"

#: columns of texts, not of JSON documents, that are too long for a VARCHAR
TEXTS = {
    "actions": ("src_file", "container", "restore_abs_path", "log_file"),
    "backups": ("container",),
    "action_reports": ("log",),
}


def upgrade():
    inspector = sa.inspect(op.get_bind())
    for table, names in TEXTS.items():
        existing = {column["name"]: column for column in inspector.get_columns(table)}
        for name in names:
            _convert(table, existing[name])


def _convert(table, column):
    dialect = op.get_bind().dialect
    if dialect.name != "sqlite":
        op.alter_column(
            table,
            column["name"],
            type_=rows.Document(),
            existing_nullable=column["nullable"],
            existing_comment=column["comment"],
        )
