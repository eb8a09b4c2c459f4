# SPDX-License-Identifier: Apache-2.0
"""Migrations of the database by alembic, and what it lacks of the models."""

import contextlib
import pathlib
import re

import alembic.autogenerate
import alembic.command
import alembic.config
import alembic.runtime.migration
import sqlalchemy

from valence.common import errors
from valence.db.sql import columns
from valence.db.sql import failures
from valence.db.sql import patience

FOLDER = pathlib.Path(__file__).parent.parent / "migrations"
#: the creation of an index in a migration
INDEXED = re.compile(r"""(op\.create_index\(.+?, '(\w+)', )\[([\w', ]+)\]""")

#: what alembic adds
NOTE = re.compile(r" *# ### .*\n")


class Migration:
    """Changes the schema of one SQL database."""

    def __init__(self, connections, tables):
        self._connections, self._tables = connections, tables
        self._options = {
            "compare_type": True,
            "render_item": _render,
            # Comments are for whoever looks into the database; a new wording needs no migration.
            "autogenerate_plugins": ["alembic.autogenerate.*", "~alembic.autogenerate.comments"],
        }
        attributes = {"target_metadata": tables.metadata, "options": self._options}
        self._config = alembic.config.Config(attributes=attributes)
        self._config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))

    def upgrade(self):
        """Bring the database to the newest version; several may do so at once, one does the work."""
        with self._alone() as connection:
            self._config.attributes["connection"] = connection
            alembic.command.upgrade(self._config, "head")

    def differences(self):
        """Return what differs between the database and the models, one line each."""
        found = self._connections.run(self._compare)
        return [str(each) for each in found]

    def revise(self, number, message, folder):
        """Write migration ``number`` from what this SQLite database has to what the models say; return its path."""
        folders = dict.fromkeys([FOLDER / "versions", folder])  # alembic warns of one that is given twice
        self._config.set_main_option("version_locations", ";".join(map(str, folders)))
        self._config.set_main_option("path_separator", ";")
        with self._alone() as connection:
            self._config.attributes["connection"] = connection
            alembic.command.revision(
                self._config, message, autogenerate=True, rev_id=number, version_path=str(folder)
            )
        path = next(folder.glob(f"{number}_*.py"))
        path.write_text(NOTE.sub("", INDEXED.sub(self._nulls_first, path.read_text())))
        return path

    def _nulls_first(self, indexed):
        """Return the index of a migration with its columns that take NULL marked."""
        call, table, names = indexed.groups()
        columns_of = self._tables.metadata.tables[table].c
        marked = [
            f"columns.nulls_first({name!r}, op)" if columns_of[name].nullable else repr(name)
            for name in re.findall(r"\w+", names)
        ]
        return f"{call}[{', '.join(marked)}]"

    def _compare(self, connection):
        return alembic.autogenerate.compare_metadata(self._context(connection), self._tables.metadata)

    def _context(self, connection):
        options = self._options | {"target_metadata": self._tables.metadata}
        return alembic.runtime.migration.MigrationContext.configure(connection, opts=options)

    @contextlib.contextmanager
    def _alone(self):
        """Lend a connection while no other process changes the schema."""
        dialect = self._connections.dialect
        try:
            with self._connections.connection() as connection:
                patience.lift(connection)
                for statement in dialect.lock_schema:
                    _lock(connection, statement)
                yield connection
                connection.exec_driver_sql(dialect.unlock_schema)
                connection.invalidate()
        except (failures.Lost, failures.Collision) as failure:
            raise errors.StoreUnavailable(reason=str(failure)) from failure


def _lock(connection, statement):
    done = connection.exec_driver_sql(statement)
    if done.returns_rows and done.scalar() == 0:  # MySQL's answer when it waited in vain
        raise failures.Collision("another process has been changing the schema for a long time")


def _render(kind, thing, _context):
    """Return how a migration names one of our column types, and a default that databases write differently."""
    if kind == "server_default" and isinstance(thing.arg, (sqlalchemy.True_, sqlalchemy.False_)):
        return f"sa.{thing.arg}()"
    if kind != "type" or not isinstance(thing, columns.TYPES):
        return False
    length = getattr(thing.impl, "length", None)
    return f"columns.{type(thing).__name__}({length or ''})"
