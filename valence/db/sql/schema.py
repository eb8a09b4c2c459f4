# SPDX-License-Identifier: Apache-2.0
"""The schema of the database: which version it has, which it should have, and the way from one to the other."""

import pathlib

import sqlalchemy

from valence.common import errors
from valence.db import store

VERSIONS = pathlib.Path(__file__).parent.parent / "migrations" / "versions"


class Schema(store.Schema):
    """The schema of one SQL database. The files of migrations begin with their versions, which count up."""

    def __init__(self, connections, tables):
        self._connections, self._tables = connections, tables
        #: folders of the files of migrations
        self.folders = [VERSIONS]

    def head(self):
        """Return the newest version that this Valence knows."""
        return max(self._known())

    def version(self):
        """Return the version that the database has, None for an empty one."""
        return self._connections.run(_version)

    def require(self):
        """Raise SchemaOutdated unless the database has this Valence's version, or one that is newer."""
        version = self.version()
        if version is None or (version in self._known() and version != self.head()):
            raise errors.SchemaOutdated(version=version or "empty", head=self.head())

    def upgrade(self):
        """Bring the database to the newest version, unless a newer Valence did; one of several does the work."""
        if self.version() in (None, *self._known()):
            self._migration().upgrade()

    def differences(self):
        """Return what differs between the database and the models, one line each."""
        return self._migration().differences()

    def revise(self, message, folder=VERSIONS):
        """Write a migration from what this SQLite database has to what the models say; return its path."""
        self.folders = [*dict.fromkeys([*self.folders, folder])]
        return self._migration().revise(f"{int(self.head()) + 1:04}", message, folder)

    def _migration(self):
        # alembic takes 12 MB of memory, which a conductor has better use for.
        from valence.db.sql import migration  # noqa: PLC0415

        return migration.Migration(self._connections, self._tables, self.folders)

    def _known(self):
        return {path.name.partition("_")[0] for folder in self.folders for path in folder.glob("[0-9]*_*.py")}


def _version(connection):
    # where alembic notes it
    if not sqlalchemy.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sqlalchemy.text("SELECT version_num FROM alembic_version")).scalar()
