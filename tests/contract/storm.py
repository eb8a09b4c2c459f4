# SPDX-License-Identifier: Apache-2.0
"""A process that makes random commits and kills itself in the middle of some: python -m tests.contract.storm ….

Arguments: DRIVER URL FOLDER NAME FIRST LAST, the numbers of the commits to make. Each commit makes entries that
name it and, mostly, something that other processes are in the way of. The number of a commit is printed before it
is made, and again when it was acknowledged.
"""

import os
import random
import signal
import sys
import threading
import uuid

from tests.contract import databases
from tests.contract import examples
from valence.common import errors
from valence.db import store

ENTRIES = 3
#: entries of a commit that is too large for one transaction of etcd's v3 API, and characters that are for the v2 API
MANY = 80
LONG = 210_000
#: how many commits are killed, and within which time of their beginning
KILLED = 0.05
MOMENT = 0.06
LARGE = 0.02
NAMES = [f"name {number}" for number in range(12)]


class Storm:
    """Random changes of shelves, books and pages that are shared with other processes."""

    def __init__(self, database, name):
        self._store, self._name = database, name

    def commit(self, number):
        """Make one commit; one that is refused is made without what was in the way."""
        changes = self._changes()
        marks = [examples.Entry(text=f"{self._name} {number}") for _ in range(ENTRIES)]
        if random.random() < LARGE:
            marks = [examples.Entry(text=mark.text) for mark in marks for _ in range(MANY // ENTRIES)]
            changes.append(store.Create(examples.shelf(uuid.uuid4().hex, extra={"text": "x" * LONG})))
        try:
            self._store.commit(*changes, *map(store.Create, marks))
        except (errors.Conflict, errors.NotFound, errors.RevisionMismatch):
            self._store.commit(*map(store.Create, marks))

    def _changes(self):
        kinds = (self._shelve, self._rename, self._clear, self._place, self._write, self._discard)
        return [change for change in random.choice(kinds)() if change]

    def _any(self, model):
        rows = self._store.list(model, limit=40)
        return random.choice(rows) if rows else None

    def _shelve(self):
        return [store.Create(examples.shelf(random.choice(NAMES), place=random.choice(NAMES)))]

    def _rename(self):
        shelf = self._any(examples.Shelf)
        return [shelf and store.Update(shelf, {"name": random.choice(NAMES), "weight": random.randrange(9)})]

    def _clear(self):
        shelf = self._any(examples.Shelf)
        return [shelf and store.Delete(shelf)]

    def _place(self):
        shelf = self._any(examples.Shelf)
        book = shelf and examples.Book(shelf_id=shelf.uuid, title=random.choice(NAMES))
        return [book and store.Create(book)]

    def _write(self):
        book = self._any(examples.Book)
        return [book and store.Create(examples.Page(book_id=book.uuid)) for _ in range(3)]

    def _discard(self):
        book = self._any(examples.Book)
        return [book and store.Delete(book)]


def main(driver, url, folder, name, *numbers):
    first, last = map(int, numbers)
    database = databases.DATABASES[driver][0](url, folder).connect()
    storm = Storm(database, name)
    for number in range(first, last + 1):
        print(f"begin {number}", flush=True)
        if random.random() < KILLED:
            seconds = random.uniform(0, MOMENT)
            threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()
        storm.commit(number)
        print(f"end {number}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
