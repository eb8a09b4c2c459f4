# SPDX-License-Identifier: Apache-2.0
"""Requests for the introspection of one machine at the same time, to conductors with a store each."""

import types
import uuid

import testscenarios

from tests import base
from tests.contract import case
from tests.contract import databases
from valence.common import context
from valence.common import errors
from valence.conductor.introspection import states
from valence.db import models
from valence.db import store

ROUNDS = 3


class RaceTest(testscenarios.WithScenarios, base.TestCase):
    scenarios = databases.SCENARIOS

    def setUp(self):
        super().setUp()
        database = databases.shared(self.driver)
        self.stores = [database.connect() for _ in range(4)]
        for each in self.stores:
            self.addCleanup(each.close)
        self.records = [states.Introspections(database.conf, each) for each in self.stores]
        self.context = context.RequestContext(overwrite=False)
        self.machine = types.SimpleNamespace(uuid=str(uuid.uuid4()), podm_id=None)
        self.known = {"mac": ["52:54:00:00:00:01"], "uuid": [self.machine.uuid]}
        self.addCleanup(self.remove)

    def remove(self):
        """Remove what other tests of the shared database do not expect."""
        for model in (models.Introspection, models.Event):
            while rows := self.stores[0].list(model, limit=100):
                self.stores[0].commit(*map(store.Delete, rows))

    def expect(self):
        """Start an introspection, and let its ramdisk be waited for."""
        row = self.records[0].begin(self.context, self.machine)
        with self.stores[0].lease(states.lease_name(row.uuid), "conductor-1", 60) as lease:
            return self.records[0].expect(row, self.known, lease)

    def test_starts_and_aborts_all_succeed_and_leave_no_address(self):
        for _ in range(ROUNDS):
            self.expect()
            begin, abort = (
                lambda own: own.begin(self.context, self.machine),
                lambda own: own.abort(self.context, self.machine.uuid),
            )
            calls = zip((begin, abort, begin, abort), self.records, strict=True)
            results = case.together(*(lambda call=call, own=own: call(own) for call, own in calls))
            self.assertEqual([], [each for each in results if isinstance(each, Exception)])
            self.assertIn(self.records[0].get(self.machine.uuid).state, ("starting", "error"))
            self.assertEqual(0, self.stores[0].count(models.IntrospectionAddress))

    def test_work_is_protected_by_its_lease_alone(self):
        row = self.expect()
        name = states.lease_name(row.uuid)
        with self.stores[1].lease(name, "conductor-2", 60) as lease:
            row = self.records[1].change(self.context, row, {"state": "processing"}, lease=lease)
            for call in (
                lambda: self.records[0].begin(self.context, self.machine),
                lambda: self.records[0].abort(self.context, row.uuid),
            ):
                self.assertRaises(errors.Conflict, call)
        self.assertEqual("starting", self.records[0].begin(self.context, self.machine).state)
        values = {"state": "finished"}
        late = (errors.RevisionMismatch, errors.LeaseLost)
        self.assertRaises(late, self.records[1].end, self.context, row, values, lease)
