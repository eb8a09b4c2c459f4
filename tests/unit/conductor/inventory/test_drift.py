# SPDX-License-Identifier: Apache-2.0
"""A synchronization notes the devices of nodes that failed, are gone, or are somebody else's now."""

import fixtures
import requests

from tests.unit.conductor.inventory.sync import test_sync
from valence.conductor.inventory import drift
from valence.db import models
from valence.db import store
from valence.podmanagers import offers

#: a moment before the synchronizations of the tests
BEFORE = "2020-01-01T00:00:00Z"


class DriftCase(test_sync.SyncCase):
    pod = {
        "systems": 1,
        "system_blocks": 0,
        "compute_blocks": 2,
        "storage_blocks": 2,
        "composition": "blocks",
    }

    def setUp(self):
        super().setUp()
        self.store = self.database.store
        self.sync()
        self.compute, self.drive = self.block("Compute"), self.block("Storage")
        self.url = self.compose(self.compute, self.drive)
        self.node = self.store_node(self.url, processor=self.compute, **{"storage/0": self.drive})
        self.sync()

    def block(self, kind):
        """Return the first block of a type, as a device."""
        wanted = [store.Filter("device_type", "eq", kind), store.Filter("state", "eq", "free")]
        return self.store.list(models.Device, filters=wanted, limit=1)[0]

    def path(self, device):
        return self.store.get(models.Resource, device.uuid).resource_url

    def request(self, method, path, **keywords):
        url = f"{self.simulator.url}{path}"
        answer = requests.request(method, url, auth=("admin", "password"), timeout=60, **keywords)
        self.assertLess(answer.status_code, 300, answer.text)
        return answer

    def compose(self, *devices):
        """Let a client of the pod manager compose a machine, and return its path."""
        links = [{"@odata.id": self.path(device)} for device in devices]
        body = {"Name": "other", "Links": {"ResourceBlocks": links}}
        return self.request("POST", "/redfish/v1/Systems", json=body).json()["@odata.id"]

    def store_node(self, url, **parts):
        node = models.Node(name="web", podm_id=self.pod_manager.uuid, state="composed", resource_url=url)
        node = node.replace(created_at=BEFORE, updated_at=BEFORE)
        claims = [
            models.Claim(
                id=f"{device.uuid}/1", node_id=node.uuid, device_id=device.uuid, podm_id=node.podm_id,
                part=part, state="attached",
            )
            for part, device in parts.items()
        ]  # fmt: skip
        return self.store.commit(*map(store.Create, (node, *claims)))[0]

    def sync(self, **keywords):
        """Synchronize, as if nothing had happened to the nodes for a while."""
        for node in self.store.list(models.Node):
            self.store.commit(store.Update(node, {"updated_at": BEFORE}, touch=False))
        return super().sync(**keywords)

    def claim(self):
        """Return the state of the drive's claim, and what it says."""
        claim = self.store.get(models.Claim, f"{self.drive.uuid}/1")
        return claim.state, claim.error

    def error(self):
        node = self.store.get(models.Node, self.node.uuid)
        self.assertEqual("composed", node.state)
        return node.error

    def events(self):
        """Return what was told of devices: the type of the event, the part and the reason."""
        kinds = "node.device_failed", "node.device_recovered"
        return [
            (event.event_type.rpartition(".")[2], event.new["part"], event.new.get("reason"))
            for event in self.database.events(*kinds)
        ]

    def assert_failed(self, reason):
        """Check that the drive, and it alone, failed, and that everybody can see it."""
        self.assertEqual(("failed", reason), self.claim())
        self.assertEqual("attached", self.store.get(models.Claim, f"{self.compute.uuid}/1").state)
        self.assertEqual(f"1 of its devices failed. storage/0: {reason}", self.error())
        self.assertEqual([("device_failed", "storage/0", reason)], self.events())

    def assert_recovered(self):
        self.assertEqual(("attached", None), self.claim())
        self.assertIsNone(self.error())
        self.assertEqual(("device_recovered", "storage/0", None), self.events()[-1])

    def name_of(self, device):
        return self.path(device).rpartition("/")[2]


class WatchTest(DriftCase):
    def test_a_node_with_all_its_devices_stays_as_it_is(self):
        before = self.store.get(models.Node, self.node.uuid)
        self.sync()
        self.assertEqual((before, []), (self.store.get(models.Node, self.node.uuid), self.events()))
        self.assertEqual(("attached", None), self.claim())

    def test_a_device_that_is_broken_has_failed_until_it_is_mended(self):
        self.simulator.set_block_health(self.name_of(self.drive), "Critical")
        self.sync()
        self.assert_failed("Its health is Critical.")
        revision = self.store.get(models.Node, self.node.uuid).revision
        self.sync()
        self.assertEqual(revision, self.store.get(models.Node, self.node.uuid).revision, "it is told once")
        self.simulator.set_block_health(self.name_of(self.drive), "OK")
        self.sync()
        self.assert_recovered()

    def test_a_device_that_another_machine_got_has_failed_until_it_is_back(self):
        base = self.path(self.compute)
        self.request("PATCH", self.url, json={"Links": {"ResourceBlocks": [{"@odata.id": base}]}})
        other = self.compose(self.block("Compute"), self.drive)
        self.sync()
        self.assert_failed(drift.TAKEN.format(other))
        self.request("DELETE", other)
        self.sync()
        self.assertEqual(("failed", drift.LOST), self.claim())
        self.assertEqual(1, len(self.events()), "it is told once")
        links = [{"@odata.id": base}, {"@odata.id": self.path(self.drive)}]
        self.request("PATCH", self.url, json={"Links": {"ResourceBlocks": links}})
        self.sync()
        self.assert_recovered()

    def test_a_device_that_is_gone_has_failed_until_it_is_back(self):
        row = self.store.get(models.Resource, self.drive.uuid)
        self.watch(store.Delete(row))
        self.assert_failed(drift.GONE)
        self.store.commit(store.Create(row))
        self.sync()
        self.assert_recovered()

    def test_what_could_not_be_read_has_not_failed(self):
        self.watch(is_whole=False)
        self.assertEqual(("attached", None), self.claim())
        self.watch(is_whole=True)
        self.assertEqual(("attached", None), self.claim(), "the device is there, and was not read")

    def test_users_that_could_not_be_read_are_not_missing(self):
        other = "/redfish/v1/Systems/other"
        for is_whole, users, expected in (
            (False, (), ("attached", None)),
            (False, (other,), ("attached", None)),
            (True, (), ("failed", drift.LOST)),
            (True, (other,), ("failed", drift.TAKEN.format(other))),
        ):
            node = self.store.get(models.Node, self.node.uuid)
            old = store.Update(node, {"updated_at": BEFORE}, touch=False)
            self.watch(old, found=[self.offer(users)], is_whole=is_whole)
            self.assertEqual(expected, self.claim(), (is_whole, users))

    def offer(self, users):
        """Return what a crawl finds of the drive, with the machines that it knows to have the drive."""
        return offers.Offer(
            self.path(self.drive),
            "Storage",
            None,
            None,
            1,
            len(users),
            offers.Measures(),
            (),
            "blocks",
            users=users,
        )

    def test_a_node_that_changed_since_the_crawl_began_is_left_alone(self):
        row = self.store.get(models.Resource, self.drive.uuid)
        self.store.commit(store.Delete(row))
        self.watch(began_at=BEFORE)
        self.assertEqual(("attached", None), self.claim())
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.inventory.drift.summary", self.changing))
        self.watch()
        self.assertEqual((("attached", None), []), (self.claim(), self.events()))

    def test_a_node_without_its_machine_has_no_failed_devices(self):
        self.request("DELETE", self.url)
        self.sync()
        self.assertEqual((("attached", None), []), (self.claim(), self.events()))

    def test_an_adopted_system_has_failed_while_its_health_is_critical(self):
        system = self.store.list(models.Device, filters=[store.Filter("device_type", "eq", "System")])[0]
        node = self.store_node(self.path(system), **{"system/0": system})
        for health, states in (("Critical", ("failed", True)), ("OK", ("attached", False))):
            self.simulator.set_health(self.name_of(system), health)
            self.sync()
            claim = self.store.get(models.Claim, f"{system.uuid}/1")
            error = self.store.get(models.Node, node.uuid).error
            self.assertEqual(states, (claim.state, bool(error)))

    def test_a_node_without_a_path_is_left_alone(self):
        drive = self.block("Storage")
        self.store_node(None, **{"storage/0": drive})
        self.sync()
        self.assertEqual("attached", self.store.get(models.Claim, f"{drive.uuid}/1").state)

    def changing(self, claims):
        """Return a text, as an operation on the node begins."""
        self.store.commit(store.Update(self.store.get(models.Node, self.node.uuid), {"state": "changing"}))
        return "It has failed."

    def watch(self, *changes, began_at=None, is_whole=True, found=()):
        """Compare the claims with a crawl that found some offers, after some changes."""
        self.store.commit(*changes)
        began_at = began_at or self.store.at()
        with self.database.keeper().hold("work") as lease:
            watch = drift.Watch(self.store, self.pod_manager.uuid, began_at=began_at)
            list(watch.seen(found))
            watch.note(test_sync.context.service_context(), lease, is_whole=is_whole)


class SummaryTest(DriftCase):
    def test_devices_that_have_not_failed_are_not_named(self):
        claims = self.store.list(models.Claim)
        self.assertIsNone(drift.summary(claims))
        failed = [claim.replace(state="failed", error="It is gone.") for claim in claims]
        self.assertEqual(
            "2 of its devices failed. processor: It is gone. storage/0: It is gone.",
            drift.summary(sorted(failed, key=lambda claim: claim.part)),
        )
