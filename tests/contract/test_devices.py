# SPDX-License-Identifier: Apache-2.0
"""The projection of devices on every store: differences alone are written, and claims keep what is theirs."""

from tests.contract import case
from valence.conductor.inventory import devices
from valence.db import models
from valence.db import store
from valence.db.models import device
from valence.podmanagers import offers

ZONE = "/zones/1"


class Interrupted(Exception):
    """What the test lets end an update."""


class ProjectionTest(case.ContractCase):
    def setUp(self):
        super().setUp()
        self.podm_id = self.create(models.PodManager(name="pod", url="http://127.0.0.1:1"))[0].uuid
        self.addCleanup(self.empty)
        self.zone = self.resource(ZONE, "Zone")
        self.drives = [self.resource(f"/blocks/{number}", "Resource Block") for number in range(3)]
        self.commits = 0

    def empty(self):
        """Remove what other tests of the shared database do not expect."""
        for model in (models.Node, models.PodManager):
            self.store.commit(*map(store.Delete, self.store.list(model)))

    def resource(self, url, resource_type):
        place = {"podm_id": self.podm_id, "resource_url": url, "resource_type": resource_type}
        return self.create(models.Resource(**place))[0]

    def offer(self, number, gib=512, **values):
        defaults = {
            "device_type": "Storage",
            "state": device.FREE,
            "reason": None,
            "slots": 1,
            "consumers": 0,
            "measures": offers.Measures(storage_gib=gib, media="SSD"),
            "zones": (ZONE,),
            "method": "blocks",
        }
        return offers.Offer(resource_url=f"/blocks/{number}", **defaults | values)

    def update(self, *found, whole=True, batch=2, check=lambda: None):
        with self.store.lease("pod", "conductor-1", 60) as lease:
            projection = devices.Projection(self, self.podm_id, lease=lease, batch=batch, check=check)
            projection.update(found, self.find, whole=whole)

    def find(self, urls):
        """Return the uuids of resources by their paths, as a synchronization does."""
        rows = self.store.list(models.Resource, filters=[store.Filter("resource_url", "in", urls)])
        return {row.resource_url: row.uuid for row in rows}

    def list(self, *arguments, **keywords):
        return self.store.list(*arguments, **keywords)

    def commit(self, *changes, **keywords):
        self.commits += 1
        return self.store.commit(*changes, **keywords)

    def stored(self):
        """Return the devices by the number of their block."""
        rows = {row.uuid: row for row in self.store.list(models.Device)}
        return {number: rows[drive.uuid] for number, drive in enumerate(self.drives) if drive.uuid in rows}

    def claim(self, number, *slots):
        """Give slots of a device to a new node, whether or not there is a row to show it; return the node."""
        node = self.create(models.Node(name="node", podm_id=self.podm_id))[0]
        uuid = self.drives[number].uuid
        values = {"node_id": node.uuid, "device_id": uuid, "podm_id": self.podm_id, "part": "storage/0"}
        self.create(*(models.Claim(id=f"{uuid}/{slot}", **values) for slot in slots))
        return node

    def test_devices_have_what_was_offered(self):
        self.update(*map(self.offer, range(3)))
        rows = self.stored()
        self.assertEqual({0, 1, 2}, rows.keys())
        row = rows[0]
        self.assertEqual(
            ("Storage", "free", 512, 512), (row.device_type, row.state, row.size, row.storage_gib)
        )
        self.assertEqual(
            ([self.zone.uuid], "SSD", None, False), (row.zones, row.media, row.node_id, row.full)
        )
        (zoning,) = self.store.list(models.Zoning)
        self.assertEqual((row.zoning, [self.zone.uuid], "blocks"), (zoning.id, zoning.zones, zoning.method))

    def test_only_differences_are_written(self):
        self.update(*map(self.offer, range(3)))
        self.commits = 0
        self.update(*map(self.offer, range(3)))
        self.assertEqual(0, self.commits)
        self.update(
            self.offer(0), self.offer(1, state=device.IN_USE, reason="taken"), self.offer(2, gib=1024)
        )
        self.assertEqual(2, self.commits)
        self.assertEqual(["free", "in_use", "free"], [row.state for row in self.stored().values()])
        self.assertEqual([512, 512, 1024], [row.size for row in self.stored().values()])

    def test_what_is_no_longer_offered_is_removed_after_a_whole_reading_alone(self):
        self.update(*map(self.offer, range(3)))
        self.update(self.offer(1), whole=False)
        self.assertEqual({0, 1, 2}, self.stored().keys())
        self.update(self.offer(1, zones=()))
        self.assertEqual({1}, self.stored().keys())
        self.assertEqual([[]], [zoning.zones for zoning in self.store.list(models.Zoning)])

    def test_a_device_goes_with_its_resource(self):
        self.update(*map(self.offer, range(3)))
        self.store.commit(store.Delete(self.drives[2]))
        self.assertEqual({0, 1}, self.stored().keys())

    def test_an_emptied_projection_is_made_again_with_what_nodes_have(self):
        self.update(self.offer(0), self.offer(1, slots=3), self.offer(2))
        nodes = self.claim(0, 1).uuid, self.claim(1, 1, 2).uuid
        self.store.commit(*map(store.Delete, self.store.list(models.Device)))
        self.update(self.offer(0), self.offer(1, slots=3), self.offer(2))
        shown = {number: (row.node_id, row.full) for number, row in self.stored().items()}
        self.assertEqual({0: (nodes[0], True), 1: (nodes[1], False), 2: (None, False)}, shown)

    def test_what_claims_wrote_stays(self):
        self.update(self.offer(0))
        self.store.commit(store.Update(self.stored()[0], {"node_id": "node", "full": True}))
        self.update(self.offer(0, state=device.IN_USE, reason="taken"))
        row = self.stored()[0]
        self.assertEqual(("in_use", "node", True), (row.state, row.node_id, row.full))

    def test_a_claim_that_ends_while_a_row_is_made_leaves_no_trace(self):
        node = self.claim(0, 1)
        released = []

        def release():
            if not released:
                released.append(self.store.commit(store.Delete(node)))

        self.update(self.offer(0), check=release)
        row = self.stored()[0]
        self.assertEqual((None, False), (row.node_id, row.full))
        self.assertEqual(1, len(released))

    def test_a_device_that_could_not_be_erased_stays_dirty(self):
        self.update(self.offer(0))
        self.store.commit(store.Update(self.stored()[0], {"state": device.DIRTY, "reason": "not erased"}))
        self.update(self.offer(0, gib=1024))
        row = self.stored()[0]
        self.assertEqual(("dirty", "not erased", 1024), (row.state, row.reason, row.size))

    def test_a_dirty_device_is_not_clean_after_it_was_missing_from_a_synchronization(self):
        self.update(self.offer(0))
        self.store.commit(store.Update(self.stored()[0], {"state": device.DIRTY, "reason": "not erased"}))
        self.update()
        self.update(self.offer(0))
        self.assertEqual(["dirty"], [row.state for row in self.stored().values()])

    def test_a_free_device_says_that_it_was_not_erased_until_a_node_uses_it(self):
        self.update(self.offer(0))
        reason = f"{device.UNERASED}7: it is locked"
        self.store.commit(store.Update(self.stored()[0], {"reason": reason, "node_id": "7"}))
        for state, told, expected in (
            (device.FREE, None, reason),
            (device.IN_USE, "taken", "taken"),
            (device.FREE, None, None),
        ):
            self.update(self.offer(0, state=state, reason=told))
            self.assertEqual((state, expected), (self.stored()[0].state, self.stored()[0].reason))

    def test_that_a_device_was_not_erased_outlasts_every_other_state(self):
        reason = f"{device.UNERASED}7: it is locked"
        self.update(self.offer(0, state=device.IN_USE, reason="taken"))
        self.store.commit(store.Update(self.stored()[0], {"reason": reason}))
        for state, told, expected in (
            (device.IN_USE, "It is taken.", f"It is taken. {reason}"),
            (device.FREE, None, reason),
            (device.UNHEALTHY, "It is broken.", f"It is broken. {reason}"),
            (device.UNHEALTHY, "It is hot.", f"It is hot. {reason}"),
            (device.FREE, None, reason),
        ):
            self.update(self.offer(0, state=state, reason=told))
            self.assertEqual((state, expected), (self.stored()[0].state, self.stored()[0].reason))

    def test_measures_are_kept_while_parts_are_unread(self):
        for missing in ({"unread": True}, {"dead": True}):
            self.update(self.offer(0))
            self.update(self.offer(0, gib=0, state=device.IN_USE, reason="taken", **missing), whole=False)
            self.assertEqual((512, "in_use"), (self.stored()[0].size, self.stored()[0].state))

    def test_a_new_device_with_unread_parts_is_unavailable(self):
        self.update(self.offer(0, unread=True), self.offer(1, dead=True), whole=False)
        self.assertEqual(["unavailable", "free"], [row.state for row in self.stored().values()])

    def test_the_place_of_a_device_is_kept_while_it_is_unread(self):
        self.update(self.offer(0, limits=(("MaxStorage", 4),)), self.offer(1, zones=(), method="none"))
        before = [row.zoning for row in self.stored().values()]
        unplaced = {"unplaced": True, "zones": (), "method": "none"}
        self.update(*(self.offer(number, state=device.IN_USE, **unplaced) for number in range(2)))
        rows = self.stored()
        self.assertEqual(before, [row.zoning for row in rows.values()])
        self.assertEqual([[self.zone.uuid], []], [row.zones for row in rows.values()])
        self.assertEqual(["in_use", "in_use"], [row.state for row in rows.values()])
        self.assertEqual(set(before), {zoning.id for zoning in self.store.list(models.Zoning)})

    def test_a_device_that_could_not_be_composed_is_not_free_because_that_is_unread(self):
        self.update(self.offer(0, method="none", state=device.UNAVAILABLE, reason="no way"))
        self.update(self.offer(0, unplaced=True))
        self.assertEqual(("unavailable", "no way"), (self.stored()[0].state, self.stored()[0].reason))

    def test_a_new_device_whose_place_is_unread_is_unavailable_until_it_is_read(self):
        for method in ("none", "blocks"):
            self.update()
            for _ in range(2):
                self.update(self.offer(0, unplaced=True, method=method, zones=()))
                self.assertEqual("unavailable", self.stored()[0].state)
            self.update(self.offer(0))
            row = self.stored()[0]
            self.assertEqual(("free", None, [self.zone.uuid]), (row.state, row.reason, row.zones))

    def test_a_device_is_not_free_because_what_uses_it_is_unread(self):
        self.update(self.offer(0, state=device.IN_USE, reason="taken", consumers=1), self.offer(1))
        self.update(*(self.offer(number, state=None) for number in range(3)))
        rows = self.stored()
        self.assertEqual(["in_use", "free", "unavailable"], [row.state for row in rows.values()])
        self.assertEqual(("taken", 1), (rows[0].reason, rows[0].consumers))
        self.update(*map(self.offer, range(3)))
        self.assertEqual({"free"}, {row.state for row in self.stored().values()})

    def test_limits_are_kept_while_they_are_unread(self):
        for limits in ((("MaxStorage", 4),), None):
            self.update(self.offer(0, limits=limits))
            self.assertEqual(
                [{"MaxStorage": 4}], [zoning.limits for zoning in self.store.list(models.Zoning)]
            )

    def test_limits_of_a_zoning_follow(self):
        for limits in ((("MaxStorage", 4),), (("MaxStorage", 8),)):
            self.update(self.offer(0, limits=limits))
            self.assertEqual([dict(limits)], [zoning.limits for zoning in self.store.list(models.Zoning)])

    def test_an_update_that_is_interrupted_is_done_by_the_next_one(self):
        def interrupt():
            if self.commits:
                raise Interrupted

        self.assertRaises(Interrupted, self.update, *map(self.offer, range(3)), check=interrupt)
        self.assertEqual({0, 1}, self.stored().keys())
        self.update(*map(self.offer, range(3)))
        self.assertEqual({0, 1, 2}, self.stored().keys())

    def test_an_offer_without_a_resource_is_left_out(self):
        self.update(self.offer(0, zones=("/zones/unknown",)), self.offer(7))
        self.assertEqual({0}, self.stored().keys())
        self.assertEqual([], self.stored()[0].zones)
