# SPDX-License-Identifier: Apache-2.0
"""Reports of jobs outlive the actions that they are about: their references become NULL."""

import sqlalchemy as sa
from alembic import op

from valence.db.sql import rows

revision = "0018"
down_revision = "0017"

#: column -> its length and the table that it refers to
REFERENCES = {"action_id": (256, "actions"), "action_attachment_id": (36, "action_attachments")}
#: indexes of these columns, in PostgreSQL with NULLs first now
INDEXES = (("action_attachment_id", "id"), ("action_id", "id"), ("action_id", "report_date", "id"))


def upgrade():
    with op.batch_alter_table("action_reports") as reports:
        for name, (length, table) in REFERENCES.items():
            key = f"fk_action_reports_{name}"
            reports.drop_constraint(key, type_="foreignkey")
            reports.alter_column(
                name, nullable=True, existing_type=rows.Words(length), existing_nullable=False
            )
            reports.create_foreign_key(key, table, [name], ["id"], ondelete="SET NULL")
    op.add_column(
        "action_reports",
        sa.Column(
            "action_name",
            rows.Words(191),
            server_default="",
            nullable=False,
            comment="The action's own name, which is known after its removal.",
        ),
    )
    # The key is the project, a colon and the name.
    op.execute("UPDATE action_reports SET action_name = SUBSTR(action_id, LENGTH(project_id) + 2)")
    if op.get_bind().dialect.name == "postgresql":
        for names in INDEXES:
            index = f"ix_action_reports_{'_'.join(names)}"
            op.drop_index(index, "action_reports")
            op.create_index(index, "action_reports", [rows.nulls_first(names[0], op), *names[1:]])
