# SPDX-License-Identifier: Apache-2.0
"""Nodes that are asked for by exactly the devices that they shall have."""

import uuid

from tests import base
from tests import devices
from tests import embedded
from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.composition import named
from valence.composition import selection


class NamedTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.store = self.useFixture(embedded.Database()).store
        self.pool = devices.Pool(self.store)
        self.podm = self.pool.pod_manager()
        self.zoning = self.pool.zoning(self.podm, "zone")

    def add(self, kind, zoning=None, **values):
        return self.pool.add(self.podm, zoning or self.zoning, kind, **values)[0].uuid

    def refused(self, *uuids, error=errors.ValidationFailed, **more):
        refused = self.assertRaises(error, named.choose, self.store, uuids, **more)
        return [problem.get("path") for problem in refused.problems]

    def test_they_are_chosen_with_the_machine_first_and_a_part_each(self):
        uuids = [self.add(kind) for kind in ("Storage", "Compute", "Storage", "Memory", "Accelerator")]
        choice = named.choose(self.store, uuids)
        parts = ["processor", "storage/0", "storage/1", "memory", "accelerator/0"]
        self.assertEqual(parts, [part for part, _ in choice.devices])
        self.assertEqual((set(uuids), uuids[1]), (set(choice.uuids), choice.uuids[0]))
        self.assertEqual("blocks", choice.place.method)

    def test_a_system_where_nothing_is_composed_is_taken_alone(self):
        alone = self.pool.zoning(self.podm, method="none")
        system = self.add("System", alone)
        self.assertEqual([system], named.choose(self.store, [system]).uuids)
        self.assertEqual(["$.resources"], self.refused(system, self.add("Storage", alone)))

    def test_what_is_unknown_or_named_twice_is_refused_with_its_place(self):
        base_uuid = self.add("Compute")
        found = self.refused(base_uuid, str(uuid.uuid4()), base_uuid)
        self.assertEqual(["$.resources[1]", "$.resources[2]"], found)
        self.assertEqual(["$.resources"], self.refused())

    def test_one_machine_is_needed_unless_there_is_one(self):
        drive = self.add("Storage")
        self.assertEqual(["$.resources"], self.refused(drive))
        self.assertEqual(["$.resources"], self.refused(self.add("Compute"), self.add("Compute")))
        there = selection.Among(zonings=(self.zoning.id,))
        self.assertEqual([drive], named.choose(self.store, [drive], base=False, among=there).uuids)
        elsewhere = selection.Among(zonings=(self.pool.zoning(self.podm, "other").id,))
        self.assertEqual(["$.attach"], self.refused(drive, base=False, among=elsewhere, path="$.attach"))

    def test_devices_without_a_zone_in_common_cannot_be_combined(self):
        both = self.add("Compute", self.pool.zoning(self.podm, "zone", "other"))
        near = self.add("Storage")
        far = self.add("Storage", self.pool.zoning(self.podm, "far"))
        self.assertEqual("zone", named.choose(self.store, [both, near]).place.zone)
        self.assertEqual(["$.resources"], self.refused(both, far))

    def test_the_limits_of_a_zone_are_kept_and_named(self):
        limited = self.pool.zoning(self.podm, "limited", limits={"MaxStorage": 2, "MinStorage": 1})
        machine, *drives = (self.add(kind, limited) for kind in ("Compute", "Storage", "Storage", "Storage"))
        self.assertEqual(3, len(named.choose(self.store, [machine, *drives[:2]]).devices))
        for uuids, limit in (([machine, *drives], "MaxStorage 2"), ([machine], "MinStorage 1")):
            refused = self.assertRaises(errors.ValidationFailed, named.choose, self.store, uuids)
            (problem,) = refused.problems
            self.assertEqual("$.resources", problem["path"])
            self.assertIn(f"its limit is {limit}.", problem["detail"])
        there = {"base": False, "path": "$.attach"}
        for present, path in ((1, None), (2, "$.attach")):
            among = selection.Among(zonings=(limited.id,), present={"Compute": 1, "Storage": present})
            if path:
                self.assertEqual([path], self.refused(drives[0], among=among, **there))
            else:
                named.choose(self.store, drives[:1], among=among, **there)

    def texts(self, *uuids, **among):
        """Return what is said to a client that names devices for a machine that is there."""
        refused = self.assertRaises(
            errors.ValidationFailed, named.choose, self.store, uuids,
            base=False, among=selection.Among(**among), path="$.attach.uuid",
        )  # fmt: skip
        return [(problem["detail"], problem["hint"]) for problem in refused.problems]

    def test_what_is_said_to_a_client_that_attaches_is_about_its_node(self):
        limited = self.pool.zoning(self.podm, "limited", limits={"MaxStorage": 1})
        drive, machine = self.add("Storage", limited), self.add("Compute", limited)
        here = {"zonings": (limited.id,)}
        cases = {
            "The node has its machine already; this is one too, of the type Compute.": self.texts(
                machine, **here
            ),
            "It has no zone in common with the devices of the node.": self.texts(self.add("Storage"), **here),
            "The node would have more of these than its zone allows: its limit is MaxStorage 1.": self.texts(
                drive, present={"Storage": 1}, **here
            ),
            f"It belongs to the pod manager {self.podm.uuid}, the node to other.": self.texts(
                drive, podm_id="other", **here
            ),
        }
        for detail, problems in cases.items():
            self.assertEqual([detail], [said for said, _ in problems])
            self.assertNotIn("podm_id", problems[0][1], "the action has no such field")

    def test_a_device_is_named_for_a_machine_that_a_pod_manager_has_chosen(self):
        choosing = self.pool.zoning(self.podm, "choosing", method="constrained")
        drive, among = self.add("Storage", choosing), selection.Among(zonings=(choosing.id,))
        choice = named.choose(self.store, [drive], base=False, among=among)
        self.assertEqual([drive], choice.uuids, "such a request names its device")

    def test_devices_are_not_named_where_the_pod_manager_chooses(self):
        choosing = self.pool.zoning(self.podm, "choosing", method="constrained")
        uuids = [self.add("Compute", choosing), self.add("Storage", choosing)]
        error = self.assertRaises(introspection_errors.NotOffered, named.choose, self.store, uuids)
        self.assertIn("composition of named devices", error.detail)

    def test_devices_of_another_pod_manager_than_that_of_the_request_are_refused(self):
        machine = self.add("Compute")
        mine = selection.Among(podm_id=self.podm.uuid)
        self.assertEqual([machine], named.choose(self.store, [machine], among=mine).uuids)
        other = selection.Among(podm_id=str(uuid.uuid4()))
        self.assertEqual(["$.resources[0]"], self.refused(machine, among=other))

    def test_devices_that_are_not_free_are_taken(self):
        for values in (
            {"full": True},
            {"state": "reserved"},
            {"state": "unhealthy", "reason": "It is broken."},
        ):
            uuids = self.add("Compute"), self.add("Storage", **values)
            self.refused(*uuids, error=composition_errors.DeviceTaken)

    def test_devices_of_a_pod_manager_that_cannot_be_asked_are_refused(self):
        away = self.pool.pod_manager("away", status="offline")
        (device,) = self.pool.add(away, self.pool.zoning(away, "z"), "Compute")
        refused = self.assertRaises(composition_errors.DeviceTaken, named.choose, self.store, [device.uuid])
        self.assertIn("offline", refused.detail)
