# SPDX-License-Identifier: Apache-2.0
"""Names of jobs without their project: found in all projects, and unique at a client that works for all."""

import sqlalchemy as sa
from alembic import op

from valence.db.sql import rows

revision = "0017"
down_revision = "0015"


def upgrade():
    op.add_column(
        "job_attachments",
        sa.Column(
            "name",
            rows.Words(191),
            server_default="",
            nullable=False,
            comment="The job's own name, without its project.",
        ),
    )
    # The key is the project, a colon and the name.
    op.execute("UPDATE job_attachments SET name = SUBSTR(job_id, LENGTH(project_id) + 2)")
    op.create_index("ix_job_attachments_name_job_id", "job_attachments", ["name", "job_id"], unique=False)
