# SPDX-License-Identifier: Apache-2.0
"""Quotas: what is used follows from nodes and claims, and requests above a limit are refused with all numbers."""

import time
import uuid

import fixtures

from tests import base
from tests import devices
from tests import embedded
from tests.contract import claiming
from valence.common import composition_errors
from valence.common import context
from valence.composition import claims
from valence.composition import quotas
from valence.db import models
from valence.db import store

PROJECT = "demo"
BODY = {"processor": {"total_cores": 1}, "storage": {}}
#: what a node of BODY has
ONE = {"nodes": 1, "cores": 16, "memory_mib": 65536, "storage_gib": 1024, "accelerators": 0}


class QuotaCase(base.TestCase):
    def setUp(self):
        super().setUp()
        database = self.useFixture(embedded.Database())
        self.store, self.conf = database.store, database.conf
        quotas.configure(self.conf)
        self.addCleanup(quotas._options.clear)
        pool = devices.Pool(self.store)
        podm = pool.pod_manager()
        zoning = pool.zoning(podm, "zone")
        for kind in ("Compute", "Storage", "Accelerator"):
            pool.add(podm, zoning, kind, 6)

    def limit(self, project_id=PROJECT, **limits):
        self.store.commit(store.Create(models.Quota(project_id=project_id, limits=limits)))

    def compose(self, body=BODY, project_id=PROJECT):
        return claiming.compose(self.store, str(uuid.uuid4()), body, project_id=project_id)

    def refused(self, body=BODY, project_id=PROJECT):
        """Return resource, limit, used and asked of each problem of a request that is refused."""
        error = self.assertRaises(composition_errors.QuotaExceeded, self.compose, body, project_id)
        return [
            tuple(problem[name] for name in ("resource", "limit", "used", "asked"))
            for problem in error.problems
        ]

    def used(self, project_id=PROJECT):
        return quotas.used(self.store, project_id)

    def change(self, granted, **values):
        """Change the devices of a node as a synchronization does."""
        for claim in granted.claims:
            row = self.store.get(models.Device, claim.device_id)
            self.store.commit(store.Update(row, values))


class UsedTest(QuotaCase):
    def test_it_is_what_the_nodes_of_the_project_have(self):
        self.assertEqual(dict.fromkeys(ONE, 0), self.used())
        first = self.compose()
        self.compose()
        self.compose(project_id="other")
        self.assertEqual({name: 2 * number for name, number in ONE.items()}, self.used())
        claiming.decompose(self.store, first.claims[0].node_id)
        self.assertEqual(ONE, self.used())
        self.assertEqual({"cores": 16}, quotas.used(self.store, PROJECT, ["cores"]))

    def test_many_nodes_are_counted_page_by_page(self):
        self.useFixture(fixtures.MonkeyPatch("valence.composition.quotas.PAGE", 2))
        for _ in range(3):
            self.compose()
        self.assertEqual((3, 48), (self.used()["nodes"], self.used()["cores"]))

    def test_a_device_counts_as_it_was_claimed(self):
        granted = self.compose()
        self.change(granted, cores=999, storage_gib=0)
        self.assertEqual(ONE, self.used())

    def test_a_claim_of_an_older_version_counts_what_its_device_has_now(self):
        granted = self.compose()
        for claim in granted.claims:
            self.store.commit(store.Update(claim, {"counted": None}))
        self.assertEqual(ONE, self.used())
        self.change(granted, cores=8)
        self.assertEqual(16, self.used()["cores"])

    def test_several_projects_are_summed_together(self):
        for project_id in ("", PROJECT, "other"):
            self.compose(project_id=project_id)
        read, queries = self.store.list, []

        def counting(model, **query):
            queries.append(model)
            return read(model, **query)

        self.useFixture(fixtures.MonkeyPatch("valence.composition.quotas.PAGE", 3))
        self.store.list = counting
        self.addCleanup(delattr, self.store, "list")
        sums = quotas.used_by(self.store, ["", PROJECT, "none"])
        self.assertEqual({"": ONE, PROJECT: ONE, "none": dict.fromkeys(ONE, 0)}, sums)
        self.assertEqual([models.Node, models.Claim], queries)
        self.assertEqual({}, quotas.used_by(self.store, []))

    def test_a_node_without_devices_counts_as_a_node(self):
        granted = self.compose()
        claims.release(self.store, granted.claims)
        self.assertEqual(dict.fromkeys(ONE, 0) | {"nodes": 1}, self.used())


class LimitTest(QuotaCase):
    def test_a_request_above_several_limits_is_told_all_of_them(self):
        self.limit(nodes=1, cores=20, storage_gib=2048)
        self.compose()
        self.assertEqual([("nodes", 1, 1, 1), ("cores", 20, 16, 16)], self.refused())
        self.assertEqual(1, self.store.count(models.Node))

    def test_a_limit_counts_what_was_there_before_it(self):
        self.compose()
        self.limit(nodes=1)
        self.assertEqual([("nodes", 1, 1, 1)], self.refused())

    def test_a_limit_below_what_is_used_refuses_only_what_needs_more(self):
        granted = self.compose()
        self.limit(cores=1, accelerators=1)
        changes = claims.granting(self.store, self.accelerators(1), granted.claims[0].node_id)
        quotas.commit(self.store, PROJECT, changes, is_new=False)
        self.assertEqual(1, self.used()["accelerators"])
        changes = claims.granting(self.store, self.accelerators(1), granted.claims[0].node_id)
        error = self.assertRaises(
            composition_errors.QuotaExceeded,
            quotas.commit,
            self.store,
            PROJECT,
            changes,
            is_new=False,
        )
        self.assertEqual(["accelerators"], [problem["resource"] for problem in error.problems])

    def accelerators(self, number):
        """Return free accelerators with names of parts."""
        free = [store.Filter("device_type", "eq", "Accelerator"), store.Filter("full", "eq", False)]
        rows = self.store.list(models.Device, filters=free, limit=number)
        return [(f"accelerator/{row.uuid[:8]}", row) for row in rows]

    def test_what_is_not_limited_is_not_stored(self):
        self.compose()
        self.assertEqual([], self.store.list(models.Quota))
        self.limit("other", nodes=0)
        self.assertEqual([("nodes", 0, 0, 1)], self.refused(project_id="other"))
        self.compose()

    def test_projects_without_a_limit_have_that_of_the_site(self):
        self.conf.set_override("nodes", 1, "quota")
        self.compose()
        self.assertEqual([("nodes", 1, 1, 1)], self.refused())
        self.limit("free", nodes=-1)
        for _ in range(2):
            self.compose(project_id="free")
        self.compose(project_id="")
        self.assertEqual([("nodes", 1, 1, 1)], self.refused(project_id=""))
        stored = {row.project_id: row.limits for row in self.store.list(models.Quota)}
        self.assertEqual({PROJECT: {}, "free": {"nodes": -1}, "-": {}}, stored)

    def test_a_project_whose_name_is_a_dash_has_a_quota_of_its_own(self):
        keys = {"": "-", "-": "--", "--": "---", "-a": "-a", PROJECT: PROJECT}
        self.assertEqual(keys, {name: models.quota.key_of(name) for name in keys})
        self.assertEqual([*keys], [models.quota.project_of(key) for key in keys.values()])
        self.limit(models.quota.key_of("-"), nodes=0)
        self.compose(project_id="")
        self.assertEqual([("nodes", 0, 0, 1)], self.refused(project_id="-"))

    def test_a_request_that_finds_others_faster_sums_again(self):
        self.limit(nodes=1)
        read, late = quotas.used, []

        def slow(database, project_id, names):
            numbers = read(database, project_id, names)
            if not late:
                late.append(True)
                # Another conductor stores a node between the sum and the commit.
                (row,) = database.list(models.Quota)
                node = models.Node(name="faster", podm_id=self.podm(), project_id=PROJECT)
                database.commit(store.Update(row, {}), store.Create(node))
            return numbers

        self.useFixture(fixtures.MonkeyPatch("valence.composition.quotas.used", slow))
        self.assertEqual([("nodes", 1, 1, 1)], self.refused())
        self.assertEqual(["faster"], [node.name for node in self.store.list(models.Node)])

    def test_a_quota_that_is_removed_meanwhile_does_not_refuse(self):
        self.limit(nodes=1)
        read = quotas.used

        def slow(database, project_id, names):
            for row in database.list(models.Quota):
                database.commit(store.Delete(row))
            return read(database, project_id, names)

        self.useFixture(fixtures.MonkeyPatch("valence.composition.quotas.used", slow))
        self.compose()
        self.assertEqual(1, self.store.count(models.Node))

    def podm(self):
        return self.store.list(models.PodManager)[0].uuid

    def test_one_that_is_always_slower_gets_an_answer(self):
        self.limit(nodes=10)
        read = quotas.used

        def slow(database, project_id, names):
            (row,) = database.list(models.Quota)
            database.commit(store.Update(row, {}))
            return read(database, project_id, names)

        self.useFixture(fixtures.MonkeyPatch("valence.composition.quotas.PATIENCE", 0.05))
        self.useFixture(fixtures.MonkeyPatch("valence.composition.quotas.used", slow))
        error = self.assertRaises(composition_errors.QuotaBusy, self.compose)
        self.assertEqual((503, 1), (error.status, error.retry_after))
        self.assertEqual(0, self.store.count(models.Node))

    def test_requests_one_after_the_other_share_a_sum(self):
        self.limit(nodes=3, cores=40)
        read, sums = quotas.used, []

        def counting(*arguments):
            sums.append(arguments)
            return read(*arguments)

        self.useFixture(fixtures.MonkeyPatch("valence.composition.turns.LONGEST_CARRY", 60))
        self.useFixture(fixtures.MonkeyPatch("valence.composition.quotas.used", counting))
        granted = [self.compose(), self.compose()]
        self.assertEqual(1, len(sums))
        self.assertEqual([("cores", 40, 32, 16)], self.refused())  # only a new sum refuses
        claiming.decompose(self.store, granted[0].claims[0].node_id)
        self.compose()
        self.assertEqual(3, len(sums))

    def test_a_request_waits_no_longer_than_its_caller(self):
        self.assertAlmostEqual(quotas.PATIENCE, self.patience(None), delta=0.5)
        self.assertAlmostEqual(quotas.PATIENCE, self.patience(60), delta=0.5)
        self.assertAlmostEqual(0.7, self.patience(0.7), delta=0.5)

    def patience(self, timeout):
        """Return for how many seconds a request competes whose caller waits for ``timeout``."""
        now = self.store.now()
        deadline = timeout and context.Deadline(context.Clock(), now, timeout)
        with context.hold_deadline(deadline):
            return quotas.patience(self.store) - time.monotonic()

    def test_an_explanation_has_the_numbers_of_the_refusal(self):
        wanted = [row for row in self.store.list(models.Device) if row.device_type == "Compute"][:1]
        self.assertEqual([], quotas.explained(self.store, PROJECT, wanted))
        self.limit(nodes=0, cores=8)
        problems = quotas.explained(self.store, PROJECT, wanted)
        self.assertEqual([("nodes", 0, 1), ("cores", 8, 16)],
                         [(each["resource"], each["limit"], each["asked"]) for each in problems])  # fmt: skip
