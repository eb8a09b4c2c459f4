# SPDX-License-Identifier: Apache-2.0
"""Leases: rows that say who has a right until when, by the clock of the database."""

import contextlib
import uuid
from collections import abc

import sqlalchemy

from valence.common import errors
from valence.db import store
from valence.db.sql import connections
from valence.db.sql import failures

#: comes after every character
LAST = "\U0010ffff"


class Leases:
    """The table of leases. Tokens are microseconds of the database's clock, so that they grow past a removed row."""

    def __init__(self, connections: connections.Connections, table: sqlalchemy.Table) -> None:
        self._connections, self._table = connections, table
        self._clock: sqlalchemy.ColumnElement[float] = sqlalchemy.literal_column(
            connections.dialect.clock, sqlalchemy.Double()
        )

    def take(self, name: str, holder: str, ttl: float, steal: bool) -> store.Lease:
        """Return a new Lease; raise LeaseHeld."""
        # A statement whose answer got lost is repeated; by the nonce it knows its own success.
        row = {"name": name, "holder": holder, "nonce": uuid.uuid4().hex, "ttl": ttl}
        token = self._connections.write(lambda connection: self._take(connection, row, steal))
        return store.Lease(self, name, holder, token, ttl)

    def renew(self, lease: store.Lease) -> None:
        """Start the time of a lease anew; raise LeaseLost."""
        renewed = (
            sqlalchemy.update(self._table).where(*self._is(lease)).values(expires_at=self._clock + lease.ttl)
        )
        if not self._connections.write(lambda connection: connection.execute(renewed).rowcount):
            raise errors.LeaseLost(name=lease.name)

    def renew_all(self, leases: abc.Collection[store.Lease]) -> bool:
        """Start the time of some leases anew; return whether that was all of them."""
        table, ttl = self._table, max((lease.ttl for lease in leases), default=0)
        same = sqlalchemy.tuple_(table.c.name, table.c.token).in_(
            [(each.name, each.token) for each in leases]
        )
        renewed = sqlalchemy.update(table).where(same).values(expires_at=self._clock + ttl)
        if any(lease.ttl != ttl for lease in leases):
            return False
        return self._connections.write(lambda connection: connection.execute(renewed).rowcount) == len(leases)

    def release(self, lease: store.Lease) -> None:
        """Remove the row of a lease, if it has one."""
        removed = sqlalchemy.delete(self._table).where(*self._is(lease))
        self._connections.write(lambda connection: connection.execute(removed))

    def held(self, prefix: str) -> list[store.HeldLease]:
        """Return the HeldLeases whose names begin with ``prefix``."""
        table = self._table
        begins = table.c.name >= prefix, table.c.name < prefix + LAST
        found = (
            sqlalchemy.select(table.c.name, table.c.holder, table.c.token)
            .where(*begins, table.c.expires_at > self._clock)
            .order_by(table.c.name)
        )
        return [store.HeldLease(*row) for row in self._connections.read(found)]

    def require(self, connection: sqlalchemy.Connection, lease: store.Lease) -> None:
        """Raise LeaseLost unless the lease is held; nobody can take it until the transaction ends."""
        held = sqlalchemy.select(self._table.c.token).where(
            *self._is(lease), self._table.c.expires_at > self._clock
        )
        if connection.execute(held.with_for_update()).first() is None:
            raise errors.LeaseLost(name=lease.name)

    def _is(
        self, lease: store.Lease
    ) -> tuple[sqlalchemy.ColumnElement[bool], sqlalchemy.ColumnElement[bool]]:
        return self._table.c.name == lease.name, self._table.c.token == lease.token

    def _take(self, connection: sqlalchemy.Connection, row: store.RowValues, steal: bool) -> int:
        token = self._insert(connection, row) if _tells_tokens(connection) else None
        if token is None and not self._take_over(connection, row, steal):
            token = self._insert(connection, row)  # it may have been released a moment ago
        if token is not None:
            return token
        table = self._table
        holder, nonce, token = connection.execute(
            sqlalchemy.select(table.c.holder, table.c.nonce, table.c.token).where(table.c.name == row["name"])
        ).first() or ("somebody", "", 0)
        if nonce != row["nonce"]:
            raise errors.LeaseHeld(name=row["name"], holder=holder)
        return token

    def _take_over(self, connection: sqlalchemy.Connection, row: store.RowValues, steal: bool) -> int:
        table = self._table
        free = (
            sqlalchemy.true()
            if steal
            else (table.c.expires_at <= self._clock) | (table.c.nonce == row["nonce"])
        )
        token = self._token()
        taken = (
            sqlalchemy.update(table)
            .where(table.c.name == row["name"], free)
            .values(
                holder=row["holder"],
                nonce=row["nonce"],
                token=sqlalchemy.case((table.c.token < token, token), else_=table.c.token + 1),
                expires_at=self._clock + row["ttl"],
            )
        )
        return connection.execute(taken).rowcount

    def _insert(self, connection: sqlalchemy.Connection, row: store.RowValues) -> int | None:
        """Return the token of a lease that nobody had, None where there is a row or the database does not tell."""
        values = {name: row[name] for name in ("name", "holder", "nonce")}
        new = sqlalchemy.insert(self._table).values(
            token=self._token(), expires_at=self._clock + row["ttl"], **values
        )
        # Somebody has it, or was faster.
        with contextlib.suppress(*failures.INTEGRITY):
            if _tells_tokens(connection):
                return int(connection.execute(new.returning(self._table.c.token)).scalar_one())
            connection.execute(new)
        return None

    def _token(self) -> sqlalchemy.ColumnElement[int]:
        return sqlalchemy.cast(self._clock * 1000000, sqlalchemy.BigInteger())


def _tells_tokens(connection: sqlalchemy.Connection) -> bool:
    """Return whether an insertion answers with the token, so that a lease that nobody has is one statement.

    MySQL cannot. SQLite's clock shows milliseconds: a lease that is taken right after a release could get its token.
    """
    return connection.dialect.insert_returning and connection.dialect.name != "sqlite"
