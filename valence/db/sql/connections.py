# SPDX-License-Identifier: Apache-2.0
"""Connections that are kept open, work on them that is repeated when the database fails, and the database's clock.

SQLAlchemy's own pool asks the server on every checkout whether it is still there and rolls back on every
return: two round trips for each read. So connections are taken from it once and kept, in autocommit; a read
is one round trip, a transaction says BEGIN and COMMIT itself, and a connection that broke is noticed by the
statement that meets it, which is then repeated on a new one.
"""

import collections
import contextlib
import itertools
import random
import threading
import time
import typing

import sqlalchemy
from oslo_config import cfg
from oslo_log import log

from valence.common import bus_errors
from valence.common import errors
from valence.db import store
from valence.db.sql import engine
from valence.db.sql import failures
from valence.db.sql import rows

Result = typing.TypeVar("Result")
#: what is done with a connection
Work = typing.Callable[[sqlalchemy.Connection], Result]

LOG = log.getLogger(__name__)

#: seconds that a call waits for a database that just went away, and for transactions that are in its way
PATIENCE = 1.0
COLLISION_PATIENCE = 2.0
#: seconds between two attempts; the last one is repeated
PAUSES = (0.0, 0.02, 0.05, 0.1, 0.2)

#: seconds after which the distance is measured again, because clocks drift and are set
REFRESH_SECONDS = 10.0
#: longest round trip, in seconds, that may replace a distance that is known already
PRECISE_SECONDS = 0.5

#: errors after which a connection is as good as before
HARMLESS = (*failures.INTEGRITY, failures.Missed, failures.Collision, errors.ValenceError)


class Connections:
    """The open connections of one engine, for any number of threads of one process."""

    def __init__(self, database: cfg.ConfigOpts.GroupAttr) -> None:
        self.engine = engine.create(database)
        self.dialect = engine.DIALECTS[self.engine.dialect.name]
        self._shown: sqlalchemy.Select[typing.Any] = sqlalchemy.select(
            sqlalchemy.literal_column(self.dialect.clock, sqlalchemy.Double())
        )
        self._idle: collections.deque[sqlalchemy.Connection] = collections.deque()
        self._max_idle = database.max_pool_size or 5
        self._away = False
        # SQLite lets waiting writers sleep longer and longer; a lock wakes the next one at once.
        self._writer = threading.Lock() if self.engine.dialect.name == "sqlite" else contextlib.nullcontext()

    def read(
        self, statement: sqlalchemy.Select[typing.Any], parameters: store.RowValues | None = None
    ) -> typing.Sequence[rows.Cells]:
        """Return all rows of one SELECT."""
        return self.run(lambda connection: connection.execute(statement, parameters).all())

    def run(self, work: Work[Result]) -> Result:
        """Return ``work(connection)``; it is one statement, or does no harm when it is begun anew."""
        return self.persist(lambda: self._run(work))

    def write(self, work: Work[Result]) -> Result:
        """Return ``work(connection)`` as ``run`` does, where the work writes."""
        return self.persist(lambda: self._write(work))

    def _run(self, work: Work[Result]) -> Result:
        with self.connection() as connection:
            return work(connection)

    def _write(self, work: Work[Result]) -> Result:
        with self._writer:
            return self._run(work)

    def read_clock(self) -> float:
        """Return what the database's clock shows, in seconds since 1970."""
        return float(self.read(self._shown)[0][0])

    def clock(self) -> tuple[float, float]:
        """Return the earliest and the latest that the database's clock may show now."""
        asked_at = time.monotonic()
        earliest = self.read_clock()
        return earliest, earliest + time.monotonic() - asked_at

    def transact(self, work: Work[Result], before: float | None = None) -> Result:
        """Return ``work(connection)`` done in one transaction, once; raises Collision, Lost, LostInCommit.

        The transaction does not take place if the database's clock shows ``before`` or later: TooLate. The database
        compares where it commits, so that a process which is stopped in between commits nothing late. Where that cannot
        be one statement, the rows are locked by then: whoever changes them later waits for this transaction's end.
        """
        with self._writer, self.connection() as connection:
            connection.exec_driver_sql(self.dialect.begin)
            try:
                result = work(connection)
            except (*failures.ERRORS, failures.Missed, errors.ValenceError) as error:
                raise self._roll_back(connection, error) from error
            self._commit(connection, before)
            return result

    def _roll_back(self, connection: sqlalchemy.Connection, error: Exception) -> Exception:
        """Return what to raise for ``error``; a connection that is still of use leaves its transaction."""
        translated = failures.translate(error)
        if isinstance(translated, HARMLESS):
            connection.exec_driver_sql("ROLLBACK")
        return translated

    def _commit(self, connection: sqlalchemy.Connection, before: float | None) -> None:
        try:
            statement = "COMMIT" if before is None else self._commit_before(connection, before)
            connection.exec_driver_sql(statement)
        except failures.ERRORS as error:
            if failures.is_too_late(error):
                connection.exec_driver_sql("ROLLBACK")
                raise bus_errors.TooLate() from None
            if isinstance(translated := failures.translate(error), failures.Lost):
                raise failures.LostInCommit(str(translated)) from error
            raise

    def _commit_before(self, connection: sqlalchemy.Connection, before: float) -> str:
        """Return the statement that commits before a moment; where only COMMIT does, compare first."""
        # MySQL does not know MariaDB's.
        if self.dialect.timed_commit and getattr(connection.dialect, "is_mariadb", True):
            return self.dialect.timed_commit.format(clock=self.dialect.clock, before=before)
        if connection.execute(self._shown).scalar_one() >= before:
            connection.exec_driver_sql("ROLLBACK")
            raise bus_errors.TooLate()
        return "COMMIT"

    def persist(self, attempt: typing.Callable[[], Result]) -> Result:
        """Return ``attempt()``, repeated while it loses its connection or collides; raise StoreUnavailable."""
        began = time.monotonic()
        for pause in itertools.chain(PAUSES, itertools.repeat(PAUSES[-1])):
            try:
                result = attempt()
            except failures.Collision as collision:
                if time.monotonic() - began > COLLISION_PATIENCE:
                    raise errors.StoreUnavailable(reason=f"too many collide: {collision}") from collision
            except failures.Lost as lost:
                self._give_up(lost, waited=time.monotonic() - began)
            else:
                self._away = False
                return result
            time.sleep(pause * (0.5 + random.random()))
        raise AssertionError("the pauses do not end")

    def _give_up(self, lost: failures.Lost, waited: float) -> None:
        """Forget all connections; raise StoreUnavailable when it is known, or proven, that the database is away."""
        self._drop_idle()
        if self._away or waited > PATIENCE:
            self._away = True
            raise errors.StoreUnavailable(reason=str(lost)) from lost

    @contextlib.contextmanager
    def connection(self) -> typing.Iterator[sqlalchemy.Connection]:
        """Lend a connection in autocommit; after any error but a broken rule it is not used again."""
        connection = self._take()
        try:
            yield connection
        except HARMLESS:
            self._give_back(connection)
            raise
        except failures.ERRORS as error:
            _discard(connection)
            raise failures.translate(error) from error
        except BaseException:
            _discard(connection)
            raise
        self._give_back(connection)

    def _take(self) -> sqlalchemy.Connection:
        with contextlib.suppress(IndexError):
            return self._idle.pop()
        try:
            connection = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        except failures.ERRORS as error:
            raise failures.Lost(failures.reason(error)) from error
        # Tells oslo.db's listener for SQLite not to say BEGIN.
        connection.info["in_transaction"] = True
        return connection

    def _give_back(self, connection: sqlalchemy.Connection) -> None:
        if connection.invalidated:
            _discard(connection)
        elif len(self._idle) < self._max_idle:
            self._idle.append(connection)
        else:
            connection.close()

    def _drop_idle(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                _discard(self._idle.pop())

    def close(self) -> None:
        """Close every idle connection."""
        self._drop_idle()
        self.engine.dispose()


def _discard(connection: sqlalchemy.Connection) -> None:
    with contextlib.suppress(*failures.ERRORS):
        connection.invalidate()
    with contextlib.suppress(*failures.ERRORS):
        connection.close()


class Clock:
    """Seconds since 1970 on a database's clock; ``read()`` queries it, for which ``monotonic`` gives the times.

    Conductors compare times that other conductors wrote: due times, time-outs, ages. The clocks of their hosts may
    differ by hours, so every time comes from the database's clock, cached as its distance from this process's
    monotonic clock.
    """

    def __init__(
        self, read: typing.Callable[[], float], monotonic: typing.Callable[[], float] = time.monotonic
    ) -> None:
        self._read, self._monotonic = read, monotonic
        self._lock = threading.Lock()
        self._offset: float | None = None
        self._refresh_at = 0.0

    def now(self) -> float:
        """Return the present time; raise StoreUnavailable if the database has never answered."""
        if self._offset is None:
            self._measure()
        elif self._is_stale():
            self._refresh()
        assert self._offset is not None
        return self._monotonic() + self._offset

    def _is_stale(self) -> bool:
        """Whether the caller has to refresh; only one of several threads has to."""
        with self._lock:
            now = self._monotonic()
            if now < self._refresh_at:
                return False
            self._refresh_at = now + REFRESH_SECONDS
            return True

    def _refresh(self) -> None:
        try:
            self._measure()
        except errors.StoreUnavailable:
            # The known distance stays right: both clocks go on while the database is away.
            return

    def _measure(self) -> None:
        asked_at = self._monotonic()
        told = self._read()
        heard_at = self._monotonic()
        if self._offset is None or heard_at - asked_at < PRECISE_SECONDS:
            self._offset = told - (asked_at + heard_at) / 2
            self._refresh_at = heard_at + REFRESH_SECONDS
