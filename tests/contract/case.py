# SPDX-License-Identifier: Apache-2.0
"""What the tests of the contract start from: a store of each driver."""

import threading

import fixtures
import testscenarios

from tests import base
from tests.contract import databases
from tests.contract import examples
from valence.db import store
from valence.db.sql import engine

#: seconds that a call goes on trying here, so that a pause of the machine does not decide a race
PATIENCE = 20
PATIENCES = ("sql.connections.COLLISION_PATIENCE", "sql.connections.PATIENCE", "etcd.endpoints.PATIENCE")


class ContractCase(testscenarios.WithScenarios, base.TestCase):
    """A test that runs once for each driver, with ``self.store`` on an empty database."""

    scenarios = databases.SCENARIOS

    def setUp(self):
        super().setUp()
        patient = (f"PRAGMA busy_timeout = {PATIENCE * 1000}", "PRAGMA journal_mode = WAL")
        dialects = engine.DIALECTS | {"sqlite": engine.DIALECTS["sqlite"]._replace(session=patient)}
        self.useFixture(fixtures.MonkeyPatch("valence.db.sql.engine.DIALECTS", dialects))
        for name in PATIENCES:
            self.useFixture(fixtures.MonkeyPatch(f"valence.db.{name}", PATIENCE))
        self.database = databases.shared(self.driver)
        self.database.clear()
        self.store = self.connect()

    def connect(self):
        """Return a further store on the same database, as another process has."""
        connected = self.database.connect()
        self.addCleanup(connected.close)
        return connected

    def create(self, *objects):
        """Store objects in one commit and return them as stored."""
        return self.store.commit(*map(store.Create, objects))

    def create_shelves(self, *names, **values):
        """Store shelves in one commit and return them."""
        return self.create(*(examples.shelf(name, **values) for name in names))

    def names(self, model=examples.Shelf, **query):
        """Return the names of a list."""
        return [row.name for row in self.store.list(model, **query)]


def together(*calls):
    """Run calls in threads that begin at the same time; return what each returned or raised."""
    results, barrier = [None] * len(calls), threading.Barrier(len(calls))

    def run(number, call):
        barrier.wait(60)
        try:
            results[number] = call()
        except Exception as error:  # handed to the test
            results[number] = error

    threads = [threading.Thread(target=run, args=each) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results
