# SPDX-License-Identifier: Apache-2.0
"""What alembic runs for each command; valence.db.sql.migration calls it with an open connection."""

from alembic import context

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    target_metadata=attributes["target_metadata"],
    **attributes["options"],
)
with context.begin_transaction():
    context.run_migrations()
