# SPDX-License-Identifier: Apache-2.0
"""Quotas on every store: however many requests of a project come at once, it gets as much as it may have."""

import collections
import contextlib
import functools
import random
import uuid

from tests import devices
from tests.contract import case
from tests.contract import claiming
from valence.common import composition_errors
from valence.common import errors
from valence.composition import quotas
from valence.composition import turns
from valence.db import models

PROJECT = "demo"
LIMIT, REQUESTS, STORES = 10, 50, 4
#: a node of one device: the fewer a node has, the more commits race for the quota
BODY = {"processor": {"total_cores": 1}}


class QuotaTest(case.ContractCase):
    def setUp(self):
        super().setUp()
        claiming.clear(self.store)
        self.addCleanup(claiming.clear, self.store)
        self.stores = [self.connect() for _ in range(STORES)]
        pool = devices.Pool(self.store)
        podm = pool.pod_manager()
        pool.add(podm, pool.zoning(podm, "zone"), "Compute", 2 * REQUESTS)

    def limit(self, **limits):
        """Set limits of the project, which has none."""
        self.create(models.Quota(project_id=PROJECT, limits=limits))

    def compose(self, number):
        """Compose a node, over one of the stores; return what has come of it."""
        try:
            database = self.stores[number % STORES]
            claiming.compose(database, str(uuid.uuid4()), BODY, project_id=PROJECT)
        except composition_errors.QuotaExceeded:
            return "exceeded"
        except composition_errors.QuotaBusy:
            return "busy"
        except errors.StoreUnavailable:
            if "sqlite" not in self.driver:
                raise
            return "unavailable"  # SQLite has no fair turns for writers
        return "composed"

    def used(self):
        return quotas.used(self.store, PROJECT)

    def sums(self):
        """Return what the devices of the project's nodes have, by a way of its own."""
        mine = {node.uuid for node in self.store.list(models.Node) if node.project_id == PROJECT}
        devices = {device.uuid: device for device in self.store.list(models.Device)}
        owned = [devices[claim.device_id] for claim in self.store.list(models.Claim) if claim.node_id in mine]
        measures = {name: sum(getattr(device, name) for device in owned) for name in quotas.quota.MEASURES}
        return {"nodes": len(mine)} | measures

    def test_of_many_requests_at_once_as_many_win_as_the_quota_allows(self):
        self.limit(nodes=LIMIT)
        counts, left, most = collections.Counter(), REQUESTS, REQUESTS
        while left:  # clients send again what was answered with 503
            number = min(left, most)
            calls = [functools.partial(self.compose, n) for n in range(number)]
            results = collections.Counter(case.together(*calls))
            answered = results["composed"] + results["exceeded"]
            self.assertGreater(answered, 0, results)
            self.assertEqual(number, answered + results["busy"] + results["unavailable"], results)
            counts.update(results)
            left, most = left - answered, STORES * (1 + turns.MOST_WAITING)
        self.assertEqual((LIMIT, REQUESTS - LIMIT), (counts["composed"], counts["exceeded"]), counts)
        self.assertEqual(LIMIT, self.store.count(models.Node), counts)
        self.assertEqual(self.sums(), self.used())

    def test_a_race_with_deletions_leaves_the_right_numbers(self):
        self.limit(nodes=2, cores=10**6)
        chance, most = random.Random(3), []

        def run(number):
            for _ in range(2):
                self.compose(number)
                nodes = self.store.list(models.Node, fields=("uuid",))
                most.append(len(nodes))
                if nodes and number % 2:
                    with contextlib.suppress(errors.NotFound):  # another one has taken it apart
                        claiming.take_apart(self.stores[number % STORES], chance.choice(nodes).uuid)

        results = case.together(*(lambda n=n: run(n) for n in range(STORES)))
        self.assertEqual([None] * STORES, results)
        self.assertLessEqual(max(most), 2)
        self.assertEqual(self.sums(), self.used())
