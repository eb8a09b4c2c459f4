# SPDX-License-Identifier: Apache-2.0
"""The schema of the database: its version, and whether a conductor can work with it."""

import pathlib
import typing

import sqlalchemy

from valence.common import errors
from valence.db import schemas
from valence.db.sql import connections
from valence.db.sql import tables

if typing.TYPE_CHECKING:
    from valence.db.sql import migration

VERSIONS = pathlib.Path(__file__).parent.parent / "migrations" / "versions"


class Schema(schemas.Schema):
    """The schema of one SQL database. The files of migrations begin with their versions, which count up."""

    def __init__(self, connections: connections.Connections, tables: tables.Tables) -> None:
        self._connections, self._tables = connections, tables
        #: folders of the files of migrations
        self.folders = [VERSIONS]

    def head(self) -> str:
        """Return the newest version that this Valence knows."""
        return max(self._known())

    def version(self) -> str | None:
        """Return the version that the database has, None for an empty one."""
        return self._connections.run(_version)

    def require(self) -> None:
        """Raise SchemaOutdated unless the database has this Valence's version, or one that is newer."""
        version = self.version()
        if version is None or (version in self._known() and version != self.head()):
            raise errors.SchemaOutdated(version=version or "empty", head=self.head())

    def upgrade(self) -> None:
        """Bring the database to the newest version, unless a newer Valence did; one of several does the work."""
        if self.version() in (None, *self._known()):
            self._migration().upgrade()

    def differences(self) -> list[str]:
        """Return what differs between the database and the models, one line each."""
        return self._migration().differences()

    def charsets(self) -> list[tuple[str, str, str]]:
        """Return tables, columns and character sets of texts that MariaDB does not keep as utf8mb4."""
        return self._connections.run(_charsets)

    def revise(self, message: str, folder: pathlib.Path = VERSIONS) -> pathlib.Path:
        """Write a migration from what this SQLite database has to what the models say; return its path."""
        self.folders = [*dict.fromkeys([*self.folders, folder])]
        return self._migration().revise(f"{int(self.head()) + 1:04}", message, folder)

    def _migration(self) -> "migration.Migration":
        # alembic takes 10 MB of memory in every process that imports it; only an upgrade needs it.
        from valence.db.sql import migration  # noqa: PLC0415

        return migration.Migration(self._connections, self._tables, self.folders)

    def _known(self) -> set[str]:
        return {path.name.partition("_")[0] for folder in self.folders for path in folder.glob("[0-9]*_*.py")}


def _version(connection: sqlalchemy.Connection) -> str | None:
    # where alembic notes it
    if not sqlalchemy.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sqlalchemy.text("SELECT version_num FROM alembic_version")).scalar()


def _charsets(connection: sqlalchemy.Connection) -> list[tuple[str, str, str]]:
    if connection.dialect.name != "mysql":
        return []
    # alembic makes its own table, with the character set of the database; a version is ASCII anyway.
    statement = (
        "SELECT table_name, column_name, character_set_name FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND table_name <> 'alembic_version' "
        "AND character_set_name <> 'utf8mb4' ORDER BY table_name, column_name"
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(sqlalchemy.text(statement))]
