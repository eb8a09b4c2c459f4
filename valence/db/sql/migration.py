# SPDX-License-Identifier: Apache-2.0
"""Migrations by alembic, and what the database lacks compared with the models."""

import contextlib
import functools
import pathlib
import re
import typing

import alembic.autogenerate
import alembic.command
import alembic.config
import alembic.ddl.mysql
import alembic.runtime.migration
import sqlalchemy

from valence.common import errors
from valence.db.sql import connections
from valence.db.sql import engine
from valence.db.sql import failures
from valence.db.sql import rows
from valence.db.sql import tables

FOLDER = pathlib.Path(__file__).parent.parent / "migrations"
#: the table of a batch, and the creation of an index in it
BATCH = re.compile(r"op\.batch_alter_table\('(\w+)'")
INDEXED = re.compile(r"(batch_op\.create_index\([^\[]+, )\[([\w', ]+)\]")

#: MySQL: the table, column, index or key is there already; what is to be dropped is not
DONE_ALREADY = {1050, 1060, 1061, 1826, 1051, 1091}
#: how MariaDB says that a table has a foreign key already, with the number 1005 of several problems
DUPLICATE_KEY = "errno: 121"

#: what alembic adds
NOTE = re.compile(r" *# ### .*\n")


class MySQLImpl(alembic.ddl.mysql.MySQLImpl):
    """Lets an upgrade be repeated that was killed: MySQL commits each statement that changes a schema by itself."""

    __dialect__ = "mysql"

    def _exec(self, *args: typing.Any, **kwargs: typing.Any) -> sqlalchemy.CursorResult[typing.Any] | None:
        try:
            return super()._exec(*args, **kwargs)
        except failures.ERRORS as error:
            number, text = (*failures.original_of(error).args, None, "")[:2]
            if number in DONE_ALREADY or (number == 1005 and DUPLICATE_KEY in text):
                return None
            raise


class Migration:
    """Changes the schema of one SQL database by the migrations in ``folders``."""

    def __init__(
        self,
        connections: connections.Connections,
        tables: tables.Tables,
        folders: typing.Iterable[pathlib.Path],
    ) -> None:
        self._connections, self._tables = connections, tables
        self._options = {
            "compare_type": True,
            "render_item": _render,
            # SQLite can add neither a unique column nor a reference to a table: alembic copies the table.
            "render_as_batch": True,
            # Comments are for whoever looks into the database; a new wording needs no migration.
            "autogenerate_plugins": ["alembic.autogenerate.*", "~alembic.autogenerate.comments"],
        }
        attributes = {"target_metadata": tables.metadata, "options": self._options}
        self._config = alembic.config.Config(attributes=attributes)
        self._config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
        self._config.set_main_option("version_locations", ";".join(map(str, folders)).replace("%", "%%"))
        self._config.set_main_option("path_separator", ";")

    def upgrade(self, version: str = "head") -> None:
        """Bring the database to a version, the newest; several may do so at once, one does the work."""
        with self._alone() as connection:
            self._config.attributes["connection"] = connection
            alembic.command.upgrade(self._config, version)

    def differences(self) -> list[str]:
        """Return what differs between the database and the models, one line each."""
        found = self._connections.run(self._compare)
        return [str(each) for each in found]

    def revise(self, number: str, message: str, folder: pathlib.Path) -> pathlib.Path:
        """Write migration ``number`` from what this SQLite database has to what the models say; return its path."""
        with self._alone() as connection:
            self._config.attributes["connection"] = connection
            alembic.command.revision(
                self._config, message, autogenerate=True, rev_id=number, version_path=str(folder)
            )
        path = next(folder.glob(f"{number}_*.py"))
        path.write_text(NOTE.sub("", "".join(self._with_nulls_first(path.read_text()))))
        return path

    def _with_nulls_first(self, text: str) -> typing.Iterator[str]:
        """Yield the lines of a migration with the columns of indexes marked that take NULL."""
        table = ""
        for line in text.splitlines(keepends=True):
            if batch := BATCH.search(line):
                table = batch[1]
            yield INDEXED.sub(functools.partial(self._nulls_first, table), line)

    def _nulls_first(self, table: str, indexed: re.Match[str]) -> str:
        """Return the creation of an index with its columns that take NULL marked."""
        call, names = indexed.groups()
        columns_of = self._tables.metadata.tables[table].c
        marked = [
            f"rows.nulls_first({name!r}, op)" if columns_of[name].nullable else repr(name)
            for name in re.findall(r"\w+", names)
        ]
        return f"{call}[{', '.join(marked)}]"

    def _compare(self, connection: sqlalchemy.Connection) -> typing.Any:
        return alembic.autogenerate.compare_metadata(self._context(connection), self._tables.metadata)

    def _context(self, connection: sqlalchemy.Connection) -> alembic.runtime.migration.MigrationContext:
        options = self._options | {"target_metadata": self._tables.metadata}
        return alembic.runtime.migration.MigrationContext.configure(connection, opts=options)

    @contextlib.contextmanager
    def _alone(self) -> typing.Iterator[sqlalchemy.Connection]:
        """Lend a connection while no other process changes the schema."""
        dialect = self._connections.dialect
        try:
            with self._connections.connection() as connection:
                engine.lift(connection)
                for statement in dialect.lock_schema:
                    _lock(connection, statement)
                yield connection
                for statement in dialect.check_schema:
                    _check(connection, statement)
                connection.exec_driver_sql(dialect.unlock_schema)
                connection.invalidate()
        except (failures.Lost, failures.Collision) as failure:
            raise errors.StoreUnavailable(reason=str(failure)) from failure


def _lock(connection: sqlalchemy.Connection, statement: str) -> None:
    done = connection.exec_driver_sql(statement)
    if done.returns_rows and done.scalar() == 0:  # MySQL's answer when it waited in vain
        raise failures.Collision("another process has been changing the schema for a long time")


def _check(connection: sqlalchemy.Connection, statement: str) -> None:
    if broken := connection.exec_driver_sql(statement).all():
        raise errors.StoreUnavailable(
            reason=f"the upgrade would break references, nothing was changed: {broken[:3]}"
        )


def _render(kind: str, thing: typing.Any, _context: object) -> str | typing.Literal[False]:
    """Return how a migration names one of our column types, and a default that databases write differently."""
    if kind == "server_default" and isinstance(thing.arg, (sqlalchemy.True_, sqlalchemy.False_)):
        return f"sa.{thing.arg}()"
    if kind != "type" or not isinstance(thing, rows.TYPES):
        return False
    length = getattr(thing.impl, "length", None)
    return f"rows.{type(thing).__name__}({length or ''})"
