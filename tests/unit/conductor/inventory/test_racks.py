# SPDX-License-Identifier: Apache-2.0
"""What a rack contains, by the documents of its chassis and by the store."""

from tests import base
from tests import embedded
from valence.common import errors
from valence.conductor.inventory import racks
from valence.db import models
from valence.db import store

CHASSIS = "/redfish/v1/Chassis"
SYSTEM = "/redfish/v1/Systems/1"


def links(*urls):
    return [{"@odata.id": url} for url in urls]


class RackTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.store = self.useFixture(embedded.Database()).store
        self.pod_manager = models.PodManager(name="p", url="http://127.0.0.1:1/redfish/v1")
        self.store.commit(store.Create(self.pod_manager))
        self.documents, self.uuids = {}, {}

    def add(self, url, kind, parent="", **document):
        row = models.Resource(podm_id=self.pod_manager.uuid, resource_url=url, resource_type=kind)
        state = models.ResourceState(uuid=row.uuid, name=url.rpartition("/")[2], parent=parent)
        self.store.commit(store.Create(row), store.Create(state))
        self.uuids[url] = row.uuid
        self.documents[row.uuid] = {"detail": document}
        return row.uuid

    def read(self, uuids):
        return {uuid: self.documents[uuid] for uuid in uuids}

    def content(self, url=f"{CHASSIS}/R"):
        return racks.content(self.store, self.read, self.uuids[url])

    def test_trays_have_what_is_in_the_chassis_inside_them(self):
        self.add(f"{CHASSIS}/R", "Rack", HeightMm=1867, Links={"Contains": links(f"{CHASSIS}/E")})
        place = {"Placement": {"RackOffset": 7}}
        self.add(
            f"{CHASSIS}/E", "Chassis", HeightMm=89, Location=place, Links={"Contains": links(f"{CHASSIS}/S")}
        )
        self.add(f"{CHASSIS}/S", "Chassis", Links={"ComputerSystems": links(SYSTEM)})
        self.add(SYSTEM, "System")
        found = self.content()
        (tray,) = found["trays"]
        self.assertEqual((42, 7, 2), (found["units"], tray["offset"], tray["units"]))
        self.assertEqual([self.uuids[SYSTEM]], [each["uuid"] for each in tray["members"]])
        self.assertEqual([], found["members"])

    def test_what_hangs_below_the_rack_is_no_tray(self):
        self.add(f"{CHASSIS}/R", "Rack")
        self.add(f"{CHASSIS}/R/Drives/1", "Drive", parent=f"{CHASSIS}/R")
        self.add(f"{CHASSIS}/R/Sensors/1", "Sensor", parent=f"{CHASSIS}/R")
        found = self.content()
        self.assertEqual((None, []), (found["units"], found["trays"]))
        self.assertEqual(["1"], [each["name"] for each in found["members"]])

    def test_members_are_in_the_order_of_their_numbers(self):
        self.add(f"{CHASSIS}/R", "Rack")
        for number in ("10", "9", "1"):
            self.add(f"{CHASSIS}/R/Drives/{number}", "Drive", parent=f"{CHASSIS}/R")
        self.assertEqual(["1", "9", "10"], [each["name"] for each in self.content()["members"]])

    def test_without_documents_it_shows_what_the_store_knows_and_the_problem(self):
        uuid = self.add(f"{CHASSIS}/R", "Rack")
        self.add(f"{CHASSIS}/R/Drives/1", "Drive", parent=f"{CHASSIS}/R")
        self.documents[uuid] = {"error": {"detail": "It does not answer."}}
        found = self.content()
        self.assertEqual(("It does not answer.", 1), (found["problem"], len(found["members"])))

    def test_links_in_a_circle_end(self):
        self.add(f"{CHASSIS}/R", "Rack", Links={"Contains": links(f"{CHASSIS}/S")})
        self.add(f"{CHASSIS}/S", "Chassis", Links={"Contains": links(f"{CHASSIS}/R", f"{CHASSIS}/S")})
        self.assertEqual(1, len(self.content()["trays"]))

    def test_documents_may_be_of_any_form(self):
        for wrong in (None, 1, [1], {"a": 1}, "x", True, -1, 1e9):
            document = {"HeightMm": wrong, "Location": wrong, "Links": {"Contains": wrong, "Drives": wrong}}
            uuid = self.add(f"{CHASSIS}/{wrong}", "Rack", **document)
            found = racks.content(self.store, self.read, uuid)
            self.assertEqual([], found["trays"], wrong)
            self.documents[uuid] = {"detail": {"Links": wrong}}
            self.assertEqual([], racks.content(self.store, self.read, uuid)["trays"], wrong)

    def test_only_racks(self):
        self.add(f"{CHASSIS}/S", "Chassis")
        self.assertRaises(errors.NotFound, self.content, f"{CHASSIS}/S")
