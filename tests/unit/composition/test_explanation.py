# SPDX-License-Identifier: Apache-2.0
"""Why nothing fits: requests that one known rule makes fail, and whether the summary names that rule."""

from tests import base
from tests import devices
from tests import embedded
from valence.composition import explanation
from valence.composition import requirements
from valence.composition import selection
from valence.composition import weighing
from valence.db import models
from valence.db import store

H100 = {"accelerator": {"model": "H100", "count": 1}}
DRIVE = {"storage": {"capacity_gib": 500}}


def room(case, number=4, **changes):
    """Add one zone with ``number`` devices of each type; ``changes`` are values by type, None leaves a type out."""
    podm = case.pool.pod_manager(changes.pop("name", "row-7"), **changes.pop("podm", {}))
    zones = changes.pop("zones", ("11111111-0000-4000-8000-000000000001",))
    zoning = case.pool.zoning(
        podm, *zones, method=changes.pop("method", "blocks"), limits=changes.pop("limits", None)
    )
    for kind in ("Compute", "Storage", "Network", "Accelerator"):
        values = changes.get(kind, {})
        if values is not None:
            case.pool.add(podm, zoning, kind, number, **values)
    return podm, zoning


def changed(kind, **values):
    """Return the builder of a room whose devices of one type have these values."""
    return lambda case: room(case, **{kind: values})


def without(*kinds):
    return lambda case: room(case, **dict.fromkeys(kinds))


def apart(case):
    """Two zones, of which one has the machines and the other the accelerators."""
    room(case, name="row-1", Accelerator=None)
    room(case, name="row-2", zones=("22222222-0000-4000-8000-000000000002",), Compute=None)


def in_two_sizes(case):
    """Two zones: drives, accelerators and small machines in one, large machines in the other."""
    room(case, name="row-1", Accelerator=None, Storage=None, Compute={"cores": 64})
    room(case, name="row-2", zones=("22222222-0000-4000-8000-000000000002",), Compute={"cores": 48})


def managed(**values):
    return lambda case: room(case, podm=values)


#: name -> how the room is built, what is asked for, where, what the summary says
CASES = {
    "no such type": (without("Accelerator"), {"accelerator": {}}, {}, "There are no accelerators."),
    "no machine": (without("Compute"), {}, {}, "There are no machines."),
    "no drive": (without("Storage"), {"storage": {}}, {}, "There are no storage devices."),
    "no network": (without("Network"), {"network": {}}, {}, "There are no network devices."),
    "claimed": (changed("Accelerator", full=True), H100, {}, "No accelerators are free: all 4 are claimed by nodes."),
    "in use": (changed("Storage", state="in_use"), DRIVE, {}, "storage devices are free: all 4 are in use outside"),
    "reserved": (changed("Compute", state="reserved"), {}, {}, "No machines are free: all 4 are reserved."),
    "unhealthy": (changed("Network", state="unhealthy"), {"network": {}}, {}, "all 4 are unhealthy."),
    "unavailable": (changed("Compute", state="unavailable"), {}, {}, "all 4 are unavailable."),
    "dirty": (changed("Storage", state="dirty"), DRIVE, {}, "all 4 are dirty."),
    "cores": (room, {"processor": {"total_cores": 17}}, {}, "No free machine has 17 cores; the nearest has 16."),
    "memory": (room, {"memory": {"capacity_mib": 65537}}, {}, "machine has 65537 MiB of memory; the nearest has 65536"),
    "cpu model": (room, {"processor": {"model": "EPYC"}}, {}, "No free machine has model EPYC; the nearest has Xeon"),
    "architecture": (room, {"processor": {"architecture": "ARM"}}, {}, "has architecture ARM; the nearest has x86-64."),
    "capacity": (room, {"storage": {"capacity_gib": 2000}}, {}, "device has 2000 GiB; the nearest has 1024."),
    "media": (room, {"storage": {"media": "HDD"}}, {}, "No free storage device has media HDD; the nearest has SSD."),
    "speed": (room, {"network": {"speed_mbps": 100000}}, {}, "device has 100000 Mbps; the nearest has 25000."),
    "gpu model": (room, H100, {}, "No free accelerator has model H100; the nearest has NVIDIA A100."),
    "gpu type": (room, {"accelerator": {"type": "FPGA"}}, {}, "accelerator has type FPGA; the nearest has GPU."),
    "too few": (room, {"accelerator": {"count": 5}}, {}, "Only 4 accelerators of 5 that are wanted are free."),
    "too few drives": (room, {"storage": {"count": 9}}, {}, "Only 4 storage devices of 9 that are wanted are free."),
    "offline": (managed(status="offline"), {}, {}, "cannot be asked now: row-7 is offline."),
    "maintenance": (managed(maintenance=True), {}, {}, "cannot be asked now: row-7 is in maintenance."),
    "unserved": (managed(conductor_group="far"), {}, {}, "row-7 is in a group that no conductor serves."),
    "deleted": (managed(status="deleted"), {}, {}, "row-7 is deleted."),
    "no method": (
        lambda case: room(case, method="none"), {"storage": {}}, {}, "pod managers that offer no way to compose",
    ),
    "apart": (apart, {"accelerator": {}}, {}, "but nowhere together"),
    "in two sizes": (
        in_two_sizes,
        {"processor": {"total_cores": 64}, "accelerator": {}, "storage": {}},
        {},
        "of row-2, which has most of them, has not a free machine with 64 cores; the largest has 48 cores.",
    ),
    "limit": (
        lambda case: room(case, limits={"MaxStorage": 1}), {"storage": {"count": 2}}, {}, "its limit is MaxStorage 1.",
    ),
    "least": (lambda case: room(case, limits={"MinNetwork": 1}), {}, {}, "its limit is MinNetwork 1."),
    "other pod manager": (
        room, {}, {"podm_id": "33333333-0000-4000-8000-000000000003"}, "The pod manager 3333",
    ),
    "other zone": (
        room, {}, {"zone_id": "33333333-0000-4000-8000-000000000003"}, "The zone 33333333-0000-4000-8000-000000000",
    ),
    "part of a model": (
        changed("Accelerator", full=True), {"accelerator": {"model": "a100"}}, {}, "4 are claimed by nodes.",
    ),
}  # fmt: skip


class ExplanationCase(base.TestCase):
    time_limit = 240

    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())
        self.store = self.database.store
        self.pool = devices.Pool(self.store)

    def clear(self):
        for row in self.store.list(models.PodManager):
            self.store.commit(store.Delete(row))

    def choose(self, body, **among):
        wanted = requirements.wanted(requirements.normal(body))
        return selection.choose(self.store, wanted, among=selection.Among(**among))


class SummaryTest(ExplanationCase):
    def test_the_summary_names_the_rule_that_removed_the_rest(self):
        self.assertLessEqual(30, len(CASES))
        wrong = []
        for name, (build, body, among, expected) in CASES.items():
            self.clear()
            build(self)
            outcome = self.choose(body, **among)
            if isinstance(outcome, selection.Choice):
                wrong.append((name, "it fits"))
                continue
            document = explanation.document(self.store, outcome)
            if expected not in document["summary"]:
                wrong.append((name, document["summary"]))
        self.assertEqual([], wrong)

    def test_a_request_with_what_one_case_lacks_fits_otherwise(self):
        room(self)
        for body in ({}, DRIVE, {"accelerator": {"model": "a100"}}, {"network": {"speed_mbps": 25000}}):
            self.assertIsInstance(self.choose(body), selection.Choice, body)


class DocumentTest(ExplanationCase):
    def test_counts_grow_smaller_by_one_rule_at_a_time(self):
        room(self, number=6)
        podm, zoning = room(self, name="row-8", Accelerator={"full": True})
        self.pool.add(podm, zoning, "Accelerator", 2, state="reserved")
        document = explanation.document(self.store, self.choose(H100))
        self.assertFalse(document["fits"])
        part = document["parts"][1]
        self.assertEqual([["of this type", 12], ["free", 6], ["model H100", 0]], part["left"])
        self.assertEqual({"claimed": 4, "reserved": 2}, part["removed"])
        self.assertEqual(["model", "H100", "NVIDIA A100"], part["nearest"]["lacks"][0])
        self.assertEqual({"count": 1, "model": "H100"}, part["wanted"])
        self.assertEqual(2, document["pod_managers"]["considered"])
        self.assertIsNone(document["chosen"])

    def test_a_refusal_has_a_problem_for_each_part_that_is_missing(self):
        room(self)
        refused = explanation.refusal(self.store, self.choose(H100 | {"storage": {"capacity_gib": 9999}}))
        self.assertEqual(
            ["$.properties.storage", "$.properties.accelerator"], [each["path"] for each in refused.problems]
        )
        for problem in refused.problems:
            self.assertIn(problem["detail"], refused.detail)
            self.assertTrue(problem["hint"])

    def test_a_refusal_for_want_of_a_place_is_about_the_whole(self):
        apart(self)
        (problem,) = explanation.refusal(self.store, self.choose({"accelerator": {}})).problems
        self.assertEqual("$.properties", problem["path"])

    def test_a_dry_run_that_fits_shows_what_was_chosen_and_what_else_would_fit(self):
        room(self, name="row-1")
        room(self, name="row-2", zones=("22222222-0000-4000-8000-000000000002",))
        document = explanation.dry_run(self.store, requirements.normal(DRIVE), policy="spread")
        self.assertTrue(document["fits"])
        chosen = document["chosen"]
        self.assertEqual(["processor", "storage/0"], [each["part"] for each in chosen["devices"]])
        self.assertEqual(["Compute", "Storage"], [each["device_type"] for each in chosen["devices"]])
        (other,) = chosen["alternatives"]
        self.assertNotEqual(chosen["podm_id"], other["podm_id"])
        self.assertIn("spread", document["summary"])
        self.assertEqual([], self.store.list(models.Claim))

    def test_a_dry_run_that_does_not_fit_says_why(self):
        room(self)
        document = explanation.dry_run(self.store, requirements.normal(H100))
        self.assertIn("H100", document["summary"])

    def test_the_filter_of_a_site_is_named(self):
        room(self)
        self.patch(weighing, "own", lambda group: {"no_reuse": _refuse} if group == weighing.FILTERS else {})
        document = explanation.document(self.store, self.choose({}))
        self.assertEqual("The filter no_reuse of this site accepts no free machine.", document["summary"])


def _refuse(device, part):
    return False
