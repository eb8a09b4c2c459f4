# SPDX-License-Identifier: Apache-2.0
"""The introspections that are stored."""

from tests.unit.api.introspection import case
from valence.common import context
from valence.common import errors
from valence.common import introspection_errors
from valence.conductor.introspection import states
from valence.db import models
from valence.db import store

MAC, OTHER_MAC = "52:54:00:00:00:01", "52:54:00:00:00:02"


class IntrospectionsTest(case.IntrospectionCase):
    def setUp(self):
        super().setUp()
        self.records = states.Introspections(self.conf, self.backend.store)
        self.context = context.RequestContext(overwrite=False)
        self.keeper = self.backend.store.lease("test", "test", 60)

    def begin(self, **known):
        row = self.records.begin(self.context, self.records.machine(self.uuid), True)
        return self.records.expect(row, known, self.keeper) if known else row

    def known(self, **values):
        return {"mac": [], "bmc_address": [], "serial": [], "uuid": []} | values

    def add_machine(self, **known):
        row = models.Introspection(uuid="5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11", state="starting")
        row = self.backend.store.commit(store.Create(row))[0]
        return self.records.expect(row, known, self.keeper)

    def test_a_machine_is_a_system_or_a_node(self):
        self.assertEqual(self.uuid, self.records.machine(self.uuid.upper()).uuid)
        self.assertEqual(self.uuid, self.records.machine("/redfish/v1/0").uuid)
        for name in (self.drive, "nobody", ""):
            self.assertRaises(errors.NotFound, self.records.machine, name)

    def test_a_name_that_two_have_is_nobodys(self):
        pod_manager = self.add_pod_manager(name="other", url="http://127.0.0.1:9/other")
        self.add_resources(pod_manager, "System")
        self.assertRaises(errors.Conflict, self.records.machine, "/redfish/v1/0")

    def test_a_new_start_forgets_the_old_one(self):
        row = self.begin(mac=[MAC])
        self.records.end(self.context, row, {"state": "finished", "processed": "digest"})
        row = self.begin()
        self.assertEqual(("starting", None, None), (row.state, row.processed, row.finished_at))
        self.assertRaises(introspection_errors.LookUpFailed, self.records.find, self.known(mac=[MAC]))

    def test_what_is_being_processed_cannot_be_started(self):
        row = self.begin()
        self.records.change(self.context, row, {"state": "processing"})
        with self.backend.store.lease(states.lease_name(self.uuid), "another", 60):
            self.assertRaises(errors.Conflict, self.begin)
            self.assertRaises(errors.Conflict, self.records.abort, self.context, self.uuid)
        self.assertEqual("starting", self.begin().state, "without a lease its conductor is dead")

    def test_the_best_match_is_found(self):
        self.begin(mac=[MAC], serial=["s"])
        self.add_machine(mac=[OTHER_MAC], serial=["s"])
        self.assertEqual(self.uuid, self.records.find(self.known(mac=[MAC], serial=["s"])).uuid)

    def test_a_mac_address_counts_more_than_what_machines_may_share(self):
        self.begin(mac=[MAC])
        self.add_machine(mac=[OTHER_MAC], serial=["s"], bmc_address=["10.0.0.1"])
        known = self.known(mac=[MAC], serial=["s"], bmc_address=["10.0.0.1"])
        self.assertEqual(self.uuid, self.records.find(known).uuid)

    def test_two_that_match_equally_well_are_nobody(self):
        self.begin(mac=[MAC])
        self.add_machine(mac=[OTHER_MAC])
        for known in ({"mac": [MAC, OTHER_MAC]}, {"serial": ["unknown"]}, {}):
            self.assertRaises(introspection_errors.LookUpFailed, self.records.find, self.known(**known))

    def test_a_value_counts_only_as_what_it_is(self):
        self.begin(serial=[MAC])
        self.assertRaises(introspection_errors.LookUpFailed, self.records.find, self.known(mac=[MAC]))

    def test_a_machine_can_be_expected_again(self):
        row = self.begin(mac=[MAC])
        self.records.expect(row, {"mac": [MAC, OTHER_MAC]}, self.keeper)
        self.assertEqual(2, self.backend.store.count(models.IntrospectionAddress))

    def test_whoever_loses_addresses_to_another_request_lost_their_introspection(self):
        row = self.begin(mac=[MAC])
        stale = self.records.forget(self.uuid)
        self.records.abort(self.context, self.uuid)
        self.records.forget = lambda uuid: stale
        for change in (
            lambda: self.records.fail(self.context, row, "late"),
            lambda: self.records.expect(row, {"mac": [OTHER_MAC]}, self.keeper),
        ):
            self.assertRaises(errors.RevisionMismatch, change)
        self.assertEqual("Canceled by operator", self.records.get(self.uuid).error)

    def test_starts_at_once_all_succeed(self):
        first = self.begin()
        stale, self.records.get = [first], lambda uuid: stale.pop() if stale else first_again(self, uuid)
        self.backend.store.commit(store.Update(first, {"error": "changed"}))
        self.assertEqual("starting", self.begin().state)


def first_again(test, uuid):
    """Return the introspection as it is stored now."""
    return test.backend.store.get(models.Introspection, uuid)
