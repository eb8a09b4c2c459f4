# SPDX-License-Identifier: Apache-2.0
"""The order of requests of one project under a limit in this process, and what the last of them summed.

A request that waits keeps a thread of the conductor, so few may wait; the others get QuotaBusy at once.
"""

import contextlib
import threading
import time
import weakref
from collections import abc

from valence.common import composition_errors
from valence.db import models
from valence.db import store

#: requests of a store that may wait for others of their project
MOST_WAITING = 3
#: seconds for which a sum is carried: a request that read no limit adds to it without a new revision of the quota
LONGEST_CARRY = 1.0

_turns: weakref.WeakKeyDictionary[store.Store, "Turns"] = weakref.WeakKeyDictionary()


class Carried:
    """What a project uses at most, as of one revision of its quota: additions change the revision, returns do not."""

    def __init__(self) -> None:
        self._version: tuple[str | None, int] | None = None
        self._numbers: dict[str, int] = {}
        self._end = 0.0

    def get(self, row: models.Quota | None, names: abc.Collection[str]) -> dict[str, int] | None:
        """Return the numbers of some resources, None where they were not summed at this revision, or long ago."""
        is_fresh = row is not None and self._version == _version(row) and time.monotonic() < self._end
        return (
            {name: self._numbers[name] for name in names}
            if is_fresh and {*names} <= {*self._numbers}
            else None
        )

    def put(self, row: models.Quota | None, numbers: abc.Mapping[str, int], began: float) -> None:
        """Keep numbers whose sum ``began`` at a moment of time.monotonic."""
        self._version, self._numbers = _version(row) if row else None, dict(numbers)
        self._end = began + LONGEST_CARRY

    def add(self, row: models.Quota, asked: abc.Mapping[str, int]) -> None:
        """Take over what a commit added that gave the quota the revision of ``row``."""
        self._version = _version(row)
        self._numbers = {name: number + asked[name] for name, number in self._numbers.items()}


class Turns:
    """Lets one request of a project work at a time. A request of a project of which no other works never waits."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._carried: dict[str, Carried] = {}
        self._working: set[str] = set()
        self._waiting = 0

    @contextlib.contextmanager
    def turn(self, project_id: str, end: float) -> abc.Iterator[Carried]:
        """Wait for the requests of a project that came before, until ``end`` of time.monotonic; raise QuotaBusy."""
        with self._changed:
            self._wait(project_id, end)
            self._working.add(project_id)
            carried = self._carried.setdefault(project_id, Carried())
        try:
            yield carried
        finally:
            with self._changed:
                self._working.remove(project_id)
                if not self._waiting:
                    self._carried = {
                        project_id: carried
                    }  # no more than the last one, however many projects come
                self._changed.notify_all()

    def _wait(self, project_id: str, end: float) -> None:
        if project_id not in self._working:
            return
        if self._waiting >= MOST_WAITING:
            raise composition_errors.QuotaBusy()
        self._waiting += 1
        try:
            if not self._changed.wait_for(lambda: project_id not in self._working, end - time.monotonic()):
                raise composition_errors.QuotaBusy()
        finally:
            self._waiting -= 1


def of(database: store.Store) -> Turns:
    """Return the turns of the requests that come by a store."""
    return _turns.setdefault(database, Turns())


def _version(row: models.Quota) -> tuple[str | None, int]:
    # A quota that was deleted and set again begins with the same revision.
    return row.created_at, row.revision
