# SPDX-License-Identifier: Apache-2.0
"""Claims on every store: however many writers choose the same devices, each device has one node.

``VALENCE_TEST_CLAIM_ROUNDS=10000`` makes more rounds of the race; ``python -m tests.contract.claiming`` races with
processes.
"""

import collections
import math
import os
import random
import time
import uuid

import fixtures

from tests import devices
from tests.contract import case
from tests.contract import claiming
from valence.common import composition_errors
from valence.common import errors
from valence.composition import candidates
from valence.composition import claims
from valence.composition import requirements
from valence.composition import selection
from valence.db import models
from valence.db import store
from valence.db.models.node import LOST

ROUNDS = int(os.environ.get("VALENCE_TEST_CLAIM_ROUNDS", "15"))
WRITERS = 8
#: by how many standard deviations a small number of requests may exceed the share of collisions
DEVIATIONS = 4


class ClaimCase(case.ContractCase):
    time_limit = 180 + 8 * ROUNDS

    def setUp(self):
        super().setUp()
        claiming.clear(self.store)
        self.addCleanup(claiming.clear, self.store)

    def fill(self, kind="Compute", number=1, **values):
        """Store devices of one zone and return them."""
        self.pool = devices.Pool(self.store)
        podm = self.pool.pod_manager()
        return self.pool.add(podm, self.pool.zoning(podm, "zone"), kind, number, **values)

    def node(self, podm_id):
        """Store and return a node."""
        return self.create(models.Node(name="n", podm_id=podm_id))[0]

    def give(self, device, node, part="processor"):
        """Give a device to a node."""
        return self.store.commit(*claims.granting(self.store, [(part, device)], node.uuid))

    def device(self, device):
        return self.store.get(models.Device, device.uuid)

    def claims_of(self, node):
        return self.store.list(models.Claim, filters=[store.Filter("node_id", "eq", node.uuid)])


class GrantTest(ClaimCase):
    def test_node_claims_and_devices_are_stored_in_one_commit(self):
        claiming.fill(self.store, 8, zonings=2)
        granted = claiming.compose(self.store, str(uuid.uuid4()))
        node, operation = granted.stored
        self.assertEqual(("raced", "compose"), (node.name, operation.operation_kind))
        self.assertEqual(claiming.PARTS, sorted(claim.part for claim in granted.claims))
        self.assertEqual(0, granted.collisions)
        self.assertEqual([], claiming.wrong(self.store))
        claiming.decompose(self.store, node.uuid)
        self.assertEqual(([], []), (self.store.list(models.Node), self.store.list(models.Claim)))
        self.assertEqual([], claiming.wrong(self.store))

    def test_a_request_that_nothing_fits_is_refused_with_the_reason_and_leaves_nothing(self):
        claiming.fill(self.store, 8, zonings=2)
        body = {"storage": {"count": 5}}
        refused = self.assertRaises(
            composition_errors.NothingFits, claiming.compose, self.store, str(uuid.uuid4()), body
        )
        self.assertIn("Only 4 storage devices of 5", refused.detail)
        self.assertEqual([], self.store.list(models.Node))

    def test_the_candidates_of_several_zonings_are_read_by_one_query(self):
        pool = devices.Pool(self.store)
        podm = pool.pod_manager()
        zonings = [pool.zoning(podm, zone) for zone in "1234"]
        for number, zoning in enumerate(zonings[:3], 1):
            pool.add(podm, zoning, "Storage", number)
            pool.add(podm, zoning, "Storage", full=True)
        part, ids = requirements.Part("storage/0", "Storage", size=1), [zoning.id for zoning in zonings]
        found = candidates.by_zoning(self.store, part, ids, [])
        self.assertEqual([1, 2, 3, 0], [len(found[each]) for each in ids])
        self.useFixture(fixtures.MonkeyPatch("valence.composition.candidates.MOST_ROWS", 5))
        self.assertEqual(ids[:2], sorted(candidates.by_zoning(self.store, part, ids, [])))

    def test_a_device_that_was_taken_meanwhile_is_avoided(self):
        first, second = self.fill(number=2)
        winner = self.node(first.podm_id)
        uuids = []

        def choose(avoid):
            # A selection that read the rows before the other writer's commit.
            uuids.append(first.uuid if first.uuid not in avoid else second.uuid)
            row = next(each for each in (first, second) if each.uuid == uuids[-1])
            return selection.Choice((("processor", row),), _place(row))

        self.give(first, winner)
        loser = models.Node(name="loser", podm_id=first.podm_id)
        granted = claims.grant(
            self.store, claims.Owner(loser.uuid, ""), choose, lambda choice: [store.Create(loser)]
        )
        self.assertEqual([first.uuid, second.uuid], uuids)
        self.assertEqual(1, granted.collisions)
        self.assertEqual((winner.uuid, loser.uuid), (self.device(first).node_id, self.device(second).node_id))

    def test_one_that_is_always_slower_gets_an_answer(self):
        (device,) = self.fill()
        self.give(device, self.node(device.podm_id))
        choice = selection.Choice((("processor", device),), _place(device))
        tries = []
        loser = models.Node(name="loser", podm_id=device.podm_id)
        refused = self.assertRaises(
            composition_errors.DeviceTaken,
            claims.grant,
            self.store,
            claims.Owner(loser.uuid, ""),
            lambda avoid: tries.append(avoid) or choice,
            lambda choice: [store.Create(loser)],
        )
        self.assertEqual(device.uuid, refused.kwargs["device"])
        self.assertEqual(claims.TRIES, len(tries))

    def test_a_device_that_a_synchronization_removed_is_avoided(self):
        first, second = self.fill(number=2)
        self.store.commit(store.Delete(first))
        rows = iter([first, second])

        def choose(avoid):
            row = next(rows)
            return selection.Choice((("processor", row),), _place(row))

        node = models.Node(name="n", podm_id=first.podm_id)
        granted = claims.grant(
            self.store, claims.Owner(node.uuid, ""), choose, lambda choice: [store.Create(node)]
        )
        self.assertEqual([second.uuid], granted.choice.uuids)

    def test_errors_of_the_callers_changes_are_raised(self):
        claiming.fill(self.store, 8, zonings=2)
        key = str(uuid.uuid4())
        claiming.compose(self.store, key)
        claiming.decompose(self.store, key)
        self.create(models.Node(uuid=key, name="there", podm_id=self.store.list(models.PodManager)[0].uuid))
        refused = self.assertRaises(errors.Duplicate, claiming.compose, self.store, key)
        self.assertEqual("node", refused.kwargs["kind"])
        self.assertEqual([], self.store.list(models.Claim))


def _place(device):
    return selection.candidates.Place(device.podm_id, "zone", (device.zoning,), "blocks", {})


class SharedTest(ClaimCase):
    def test_each_slot_of_a_shared_device_has_one_node(self):
        (device,) = self.fill("Storage", slots=2)
        nodes = [self.node(device.podm_id) for _ in range(2)]
        self.give(device, nodes[0], "storage/0")
        self.assertEqual((nodes[0].uuid, False), (self.device(device).node_id, self.device(device).full))
        self.give(device, nodes[1], "storage/0")
        self.assertTrue(self.device(device).full)
        self.assertRaises(composition_errors.DeviceTaken, self.give, device, nodes[1])
        claims.release(self.store, self.claims_of(nodes[1]))
        self.assertEqual((nodes[0].uuid, False), (self.device(device).node_id, self.device(device).full))
        claims.release(self.store, self.claims_of(nodes[0]))
        self.assertEqual((None, False), (self.device(device).node_id, self.device(device).full))

    def test_a_failed_device_of_a_node_is_not_counted_as_that_of_others(self):
        (device,) = self.fill("Storage", slots=2, consumers=1)
        nodes = [self.node(device.podm_id) for _ in range(2)]
        claim = self.create(
            models.Claim(
                id=f"{device.uuid}/1", node_id=nodes[0].uuid, device_id=device.uuid, podm_id=device.podm_id,
                part="storage/0", state="failed",
            )
        )[0]  # fmt: skip
        self.give(device, nodes[1], "storage/0")
        self.assertTrue(self.device(device).full)
        self.assertEqual(
            2, self.store.count(models.Claim, filters=[store.Filter("device_id", "eq", claim.device_id)])
        )

    def test_a_device_that_a_machine_has_lost_is_not_among_the_consumers(self):
        (device,) = self.fill("Storage", slots=2, consumers=1)
        nodes = [self.node(device.podm_id) for _ in range(2)]
        self.create(
            models.Claim(
                id=f"{device.uuid}/1", node_id=nodes[0].uuid, device_id=device.uuid, podm_id=device.podm_id,
                part="storage/0", state="failed", error=f"{LOST}; /redfish/v1/Systems/7 has it.",
            )
        )  # fmt: skip
        self.assertRaises(composition_errors.DeviceTaken, self.give, device, nodes[1])

    def test_slots_that_others_use_are_not_given(self):
        (device,) = self.fill("Storage", slots=3, consumers=2)
        node = self.node(device.podm_id)
        self.give(device, node)
        # Whether others use slots is for synchronizations to say: nodes have claimed one of three.
        self.assertFalse(self.device(device).full)
        self.assertRaises(composition_errors.DeviceTaken, self.give, self.device(device), node)


class ReleaseTest(ClaimCase):
    def test_a_device_that_is_gone_keeps_no_claim(self):
        (device,) = self.fill()
        node = self.node(device.podm_id)
        self.give(device, node)
        self.store.commit(store.Delete(device))
        claims.release(self.store, self.claims_of(node), [store.Delete(node)])
        self.assertEqual(([], []), (self.store.list(models.Node), self.store.list(models.Claim)))

    def test_a_claim_is_returned_once(self):
        (device,) = self.fill()
        node = self.node(device.podm_id)
        self.give(device, node)
        own = self.claims_of(node)
        claims.release(self.store, own)
        self.assertRaises(errors.NotFound, claims.release, self.store, own)

    def test_a_row_that_does_not_know_of_its_claim_is_corrected(self):
        (device,) = self.fill()
        node = self.node(device.podm_id)
        self.give(device, node)
        self.store.commit(store.Update(self.device(device), {"node_id": None, "full": False}))
        self.assertEqual({device.uuid}, claims.claimed(self.store, [device.uuid]))
        self.assertEqual((node.uuid, True), (self.device(device).node_id, self.device(device).full))


class RaceTest(ClaimCase):
    def setUp(self):
        super().setUp()
        self.stores = [self.connect() for _ in range(WRITERS)]
        self.random = random.Random(5)

    def test_writers_who_compose_at_the_same_time_share_no_device(self):
        claiming.fill(self.store, 600)
        writers = [claiming.Writer(each, seed=number) for number, each in enumerate(self.stores)]
        began = time.monotonic()
        results = case.together(
            *(lambda writer=writer: writer.run(max(1, ROUNDS * 3 // 8)) for writer in writers)
        )
        self.assertEqual([None] * WRITERS, results)
        counts = sum((writer.counts for writer in writers), collections.Counter())
        print(f"claims on {self.driver}: {claiming.summary(counts, time.monotonic() - began)}")
        self.assertEqual([], claiming.wrong(self.store))
        self.assertEqual(sum(len(writer.nodes) for writer in writers), self.store.count(models.Node))
        self.assertEqual(0, counts["refused"])
        expected = claiming.MOST_COLLISIONS * counts["requests"]
        self.assertLessEqual(counts["collisions"], expected + DEVIATIONS * math.sqrt(expected))

    def test_of_requests_for_the_last_devices_as_many_win_as_there_are(self):
        claiming.fill(self.store, 8, zonings=2)
        for _ in range(max(1, ROUNDS // 5)):
            stores = self.random.sample(self.stores, self.random.choice([3, 4]))
            results = case.together(
                *(lambda each=each: claiming.compose(each, str(uuid.uuid4())) for each in stores)
            )
            won = [result for result in results if isinstance(result, claims.Granted)]
            lost = [result for result in results if isinstance(result, claiming.REFUSALS)]
            busy = [result for result in results if isinstance(result, errors.StoreUnavailable)]
            self.assertEqual(len(stores), len(won) + len(lost) + len(busy), results)
            nodes = self.store.list(models.Node)
            self.assertEqual(2, len(nodes) if not busy else max(2, len(nodes)), results)
            self.assertLessEqual(
                {granted.claims[0].node_id for granted in won}, {node.uuid for node in nodes}
            )
            self.assertEqual([], claiming.wrong(self.store))
            for node in nodes:
                claiming.take_apart(self.store, node.uuid)
