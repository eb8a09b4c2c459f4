# SPDX-License-Identifier: Apache-2.0
"""A process that commits as fast as it can: python -m tests.contract.writer DRIVER URL FOLDER NAME.

Each commit counts a counter up and makes three entries that name it; each one that was acknowledged is printed.
"""

import sys

from tests.contract import databases
from tests.contract import examples
from valence.common import errors
from valence.db import store

ENTRIES = 3


def commits(database, name):
    """Yield the number of each commit that was acknowledged; go on after the database was away."""
    while True:
        try:
            counter = database.get(examples.Counter, name)
            number = counter.value + 1
            entries = [store.Create(examples.Entry(text=f"{name} {number}")) for _ in range(ENTRIES)]
            database.commit(store.Update(counter, {"value": number}), *entries)
        except errors.StoreUnavailable:
            continue
        yield number


def main(driver, url, folder, name):
    kind = databases.DATABASES[driver][0]
    for number in commits(kind(url, folder).connect(), name):
        print(number, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
