# SPDX-License-Identifier: Apache-2.0
"""Which devices are chosen."""

import collections
import random
import uuid

from tests import base
from tests import devices
from tests import embedded
from valence.composition import candidates
from valence.composition import requirements
from valence.composition import selection
from valence.composition import weighing
from valence.db import models
from valence.db import store

ONE, TWO, THREE = ("11111111-0000-4000-8000-000000000001", "2" * 8, "3" * 8)


class SelectionCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())
        self.store = self.database.store
        self.pool = devices.Pool(self.store)
        self.podm = self.pool.pod_manager()

    def choose(self, body, *, policy=None, avoid=(), base=True, **among):
        wanted = requirements.wanted(requirements.normal(body), base=base)
        chosen = selection.Among(**among)
        return selection.choose(self.store, wanted, policy=policy, among=chosen, avoid=avoid)

    def chosen(self, body, **more):
        """Return what is chosen, as (part, device) pairs."""
        choice = self.choose(body, **more)
        self.assertIsInstance(choice, selection.Choice)
        return list(choice.devices)

    def sizes(self, body, **more):
        return [(part, device.size) for part, device in self.chosen(body, **more)]

    def assert_nothing(self, body, **more):
        nothing = self.choose(body, **more)
        self.assertIsInstance(nothing, selection.Nothing)
        return nothing


class OnePlaceTest(SelectionCase):
    def setUp(self):
        super().setUp()
        self.zoning = self.pool.zoning(self.podm, ONE)

    def add(self, kind, number=1, **values):
        return self.pool.add(self.podm, self.zoning, kind, number, **values)

    def test_each_part_gets_the_smallest_device_that_is_sufficient(self):
        for cores in (8, 16, 32):
            self.add("Compute", cores=cores)
        for capacity in (256, 512, 4096):
            self.add("Storage", storage_gib=capacity)
        body = {"processor": {"total_cores": 9}, "storage": [{"capacity_gib": 300}, {"capacity_gib": 200}]}
        self.assertEqual(
            [("processor", 16), ("storage/0", 512), ("storage/1", 256)], sorted(self.sizes(body))
        )

    def test_the_part_that_needs_more_gets_the_larger_device(self):
        self.add("Compute")
        for capacity in (256, 512):
            self.add("Storage", storage_gib=capacity)
        body = {"storage": [{"capacity_gib": 1}, {"capacity_gib": 400}]}
        self.assertEqual({("processor", 16), ("storage/0", 256), ("storage/1", 512)}, set(self.sizes(body)))

    def test_no_device_is_chosen_for_two_parts(self):
        self.add("Compute")
        self.add("Storage", 3)
        chosen = self.chosen({"storage": [{"count": 2}, {}]})
        self.assertEqual(4, len({device.uuid for _, device in chosen}))
        self.assert_nothing({"storage": [{"count": 3}, {}]})

    def test_only_free_devices_are_chosen(self):
        self.add("Compute", full=True)
        for state in ("in_use", "reserved", "unhealthy", "unavailable", "dirty"):
            self.add("Compute", state=state)
        self.assert_nothing({})
        (free,) = self.add("Compute")
        self.assertEqual([("processor", free.uuid)], [(part, each.uuid) for part, each in self.chosen({})])
        self.assert_nothing({}, avoid=[free.uuid])

    def test_a_model_is_found_by_a_part_of_its_name_in_any_case(self):
        self.add("Compute")
        self.add("Accelerator", 3, model="NVIDIA L4")
        (wanted,) = self.add("Accelerator", model="NVIDIA H100 80GB")
        for model in ("NVIDIA H100 80GB", "h100"):
            chosen = self.chosen({"accelerator": {"model": model}})
            self.assertEqual(wanted.uuid, chosen[1][1].uuid)

    def test_a_whole_model_goes_before_a_part_of_another(self):
        self.add("Compute")
        self.add("Accelerator", model="L40", uuid=str(uuid.UUID(int=1)))
        (wanted,) = self.add("Accelerator", model="L4", uuid=str(uuid.UUID(int=2)))
        self.assertEqual(wanted.uuid, self.chosen({"accelerator": {"model": "L4"}})[1][1].uuid)

    def test_nvme_drives_are_ssds_and_not_the_reverse(self):
        self.add("Compute")
        (drive,) = self.add("Storage", media="NVMe")
        self.assertEqual(drive.uuid, self.chosen({"storage": {"media": "SSD"}})[1][1].uuid)
        self.assert_nothing({"storage": {"media": "HDD"}})
        self.add("Storage", media="SSD")
        self.assertEqual(drive.uuid, self.chosen({"storage": {"media": "nvme"}})[1][1].uuid)

    def test_one_device_may_bring_several_accelerators(self):
        self.add("Compute")
        for number in (1, 1, 4):
            self.add("Accelerator", accelerators=number)
        self.assertEqual([4], [size for _, size in self.sizes({"accelerator": {"count": 3}})][1:])
        self.assertEqual([4, 1], [size for _, size in self.sizes({"accelerator": {"count": 5}})][1:])
        self.assertEqual([1], [size for _, size in self.sizes({"accelerator": {}})][1:])
        self.assert_nothing({"accelerator": {"count": 7}})

    def test_what_the_machine_has_itself_is_not_looked_for(self):
        self.add("Compute", storage_gib=960, media="SSD", speed_mbps=10000, accelerators=2)
        body = {
            "storage": [{"capacity_gib": 480, "count": 2, "media": "SSD"}],
            "network": {"speed_mbps": 10000},
            "accelerator": {"count": 2},
        }
        self.assertEqual(["processor"], [part for part, _ in self.chosen(body)])
        self.assert_nothing({"storage": {"capacity_gib": 481, "count": 2}})
        self.assert_nothing({"storage": {"media": "HDD"}})
        self.assert_nothing({"accelerator": {"model": "A100"}})

    def test_memory_that_the_machine_lacks_comes_from_memory_devices_largest_first(self):
        self.add("Compute", memory_mib=8192)
        for memory in (4096, 16384, 32768):
            self.add("Memory", memory_mib=memory)
        found = self.sizes({"memory": {"capacity_mib": 40960}})
        self.assertEqual([("processor", 16), ("memory", 32768)], found)
        found = self.sizes({"memory": {"capacity_mib": 8192 + 49152}})
        self.assertEqual([("processor", 16), ("memory", 32768), ("memory", 16384)], found)
        self.assert_nothing({"memory": {"capacity_mib": 8192 + 4096 + 16384 + 32768 + 1}})
        self.add("Compute", memory_mib=65536)
        self.assertEqual([("processor", 16)], self.sizes({"memory": {"capacity_mib": 40960}}))

    def test_a_machine_gets_more_devices_without_another_machine(self):
        self.add("Storage", storage_gib=512)
        self.add("Memory", memory_mib=1024)
        body = {"storage": {}, "memory": {"capacity_mib": 1000}}
        found = self.sizes(body, base=False, zonings=(self.zoning.id,))
        self.assertEqual({("storage/0", 512), ("memory", 1024)}, set(found))

    def test_limits_of_the_zone_are_kept(self):
        limited = self.pool.zoning(self.podm, TWO, limits={"MaxStorage": 2, "MinNetwork": 1})
        for kind, number in (("Compute", 1), ("Storage", 3), ("Network", 1)):
            self.pool.add(self.podm, limited, kind, number)
        body = {"storage": {"count": 2}, "network": {}}
        self.assertEqual(4, len(self.chosen(body)))
        self.assertEqual(
            "MaxStorage 2", self.assert_nothing({"storage": {"count": 3}, "network": {}}).nearest.limit
        )
        self.assertEqual("MinNetwork 1", self.assert_nothing({"storage": {}}).nearest.limit)
        more = {"base": False, "zonings": (limited.id,), "present": {"Storage": 2, "Network": 1}}
        self.assertEqual("MaxStorage 2", self.assert_nothing({"storage": {}}, **more).nearest.limit)

    def test_what_a_machine_gets_cannot_be_too_few(self):
        limited = self.pool.zoning(self.podm, TWO, limits={"MinCompute": 1, "MinStorage": 2})
        self.pool.add(self.podm, limited, "Storage")
        self.assertEqual(1, len(self.chosen({"storage": {}}, base=False, zonings=(limited.id,))))

    def test_the_limits_of_another_zone_do_not_count(self):
        # Devices in both zones keep the limits of both.
        for key, zones, limit in (("1", (TWO, THREE), 1), ("2", (TWO,), 3), ("3", (THREE,), 1)):
            zoning = self.pool.zoning(self.podm, *zones, limits={"MaxStorage": limit}, key=key)
            if zones == (TWO,):
                self.pool.add(self.podm, zoning, "Compute")
            if len(zones) == 2:
                self.pool.add(self.podm, zoning, "Storage", 4)
        self.assertEqual(4, len(self.chosen({"storage": {"count": 3}})))
        self.assertEqual("MaxStorage 3", self.assert_nothing({"storage": {"count": 4}}).nearest.limit)

    def test_equal_devices_are_chosen_at_random(self):
        self.add("Compute", 40)
        found = collections.Counter(self.chosen({})[0][1].uuid for _ in range(60))
        self.assertLess(20, len(found))

    def test_the_filters_of_a_site_are_asked(self):
        (kept, _) = self.add("Compute", 2)
        only = {weighing.FILTERS: {"one": lambda device, part: device.uuid == kept.uuid}}
        self.patch(weighing, "own", lambda group: only.get(group, {}))
        self.assertEqual({kept.uuid}, {self.chosen({})[0][1].uuid for _ in range(10)})


class PlacesTest(SelectionCase):
    def fill(self, *zones, number=2, podm=None, method="blocks", **changes):
        podm = podm or self.podm
        zoning = self.pool.zoning(podm, *zones, method=method)
        for kind in ("Compute", "Storage", "Accelerator"):
            if changes.get(kind, True) is not None:
                self.pool.add(podm, zoning, kind, number, **changes.get(kind, {}))
        return zoning

    def test_all_devices_of_a_node_are_of_one_zone(self):
        self.fill(ONE, Accelerator=None)
        self.fill(TWO, Compute=None)
        self.assertEqual(1, self.assert_nothing({"accelerator": {}, "storage": {}}).tried)
        wanted = self.fill(THREE, number=1)
        chosen = self.chosen({"accelerator": {}, "storage": {}})
        self.assertEqual({wanted.id}, {device.zoning for _, device in chosen})

    def test_devices_in_several_zones_join_those_of_each(self):
        base = self.fill(ONE, TWO, Storage=None, Accelerator=None)
        drives = self.fill(ONE, Compute=None, Accelerator=None)
        cards = self.fill(TWO, Compute=None, Storage=None)
        zonings = {device.zoning for _, device in self.chosen({"storage": {}})}
        self.assertEqual({base.id, drives.id}, zonings)
        self.assertEqual({base.id, cards.id}, {each.zoning for _, each in self.chosen({"accelerator": {}})})
        self.assert_nothing({"storage": {}, "accelerator": {}})
        more = self.chosen({"storage": {}}, base=False, zonings=(base.id,))
        self.assertEqual([drives.id], [device.zoning for _, device in more])

    def test_a_new_zone_is_seen_at_once_before_a_request_is_refused(self):
        self.fill(ONE, Storage=None)
        self.assert_nothing({"storage": {}})
        self.fill(ONE, TWO, Compute=None)
        self.assertEqual(2, len(self.chosen({"storage": {}})))

    def test_where_nothing_is_composed_a_whole_system_is_taken(self):
        alone = self.pool.zoning(self.podm, method="none")
        self.pool.add(self.podm, alone, "Storage")
        (system,) = self.pool.add(self.podm, alone, "System", storage_gib=1000, speed_mbps=1000)
        choice = self.choose({"storage": {"capacity_gib": 900}, "network": {"speed_mbps": 1000}})
        self.assertEqual([system.uuid], choice.uuids)
        self.assertEqual("none", choice.place.method)
        self.assert_nothing({"storage": {"capacity_gib": 1001}})
        self.assert_nothing({"storage": {"capacity_gib": 900}}, systems=False)
        self.assert_nothing({"storage": {"capacity_gib": 900}}, unless="none")

    def test_pod_managers_that_cannot_be_asked_are_passed_over(self):
        away = [
            self.pool.pod_manager("offline", status="offline"),
            self.pool.pod_manager("maintenance", maintenance=True),
            self.pool.pod_manager("far", conductor_group="far"),
        ]
        for number, podm in enumerate(away):
            self.fill(f"{number}", podm=podm)
        nothing = self.assert_nothing({"storage": {}})
        self.assertEqual({"offline", "maintenance", "unserved"}, set(nothing.unusable.values()))
        self.fill(ONE)
        for _ in range(5):
            self.assertEqual(self.podm.uuid, self.choose({"storage": {}}).podm_id)

    def test_those_of_one_pod_manager_or_zone_can_be_asked_for(self):
        self.fill(ONE)
        other = self.pool.pod_manager("row-8")
        self.fill(TWO, podm=other)
        for _ in range(4):
            self.assertEqual(other.uuid, self.choose({}, podm_id=other.uuid).podm_id)
        self.assert_nothing({}, podm_id=str(uuid.uuid4()))
        zone = str(uuid.uuid4())
        self.store.commit(
            store.Create(
                models.Resource(uuid=zone, podm_id=other.uuid, resource_url="/z", resource_type="Zone")
            )
        )
        self.assert_nothing({}, zone_id=zone)
        self.fill(zone, podm=other)
        for _ in range(4):
            self.assertEqual(zone, self.choose({"storage": {}}, zone_id=zone).place.zone)

    def test_the_part_with_the_fewest_candidates_leads(self):
        for number in range(30):
            self.fill(f"{number}", number=4, Accelerator={"model": "L4"})
        rare = self.fill("rare", number=1, Accelerator={"model": "H100"})
        choice = self.choose({"accelerator": {"model": "H100"}, "storage": {"capacity_gib": 100}})
        self.assertEqual({rare.id}, {device.zoning for _, device in choice.devices})
        self.assertEqual(1, choice.tried)

    def test_zones_beyond_the_first_page_are_tried_too(self):
        # The smallest machines, which fill the first page, are in zones that have no storage.
        for number in range(candidates.FEW + 8):
            self.fill(f"{number}", number=1, Compute={"cores": 2}, Storage=None, Accelerator=None)
        for number in range(candidates.FEW + 8):
            self.fill(f"none {number}", number=1, Compute=None, Accelerator=None)
        wanted = self.fill("wanted", number=1, Compute={"cores": 64}, Storage={"storage_gib": 9000})
        self.assertEqual({wanted.id}, {device.zoning for _, device in self.chosen({"storage": {}})})

    def test_many_devices_that_cannot_be_had_hide_no_other(self):
        away = self.pool.pod_manager("away", status="offline")
        self.fill("away", number=2 * candidates.FEW, podm=away, Compute={"cores": 1}, Accelerator=None)
        self.assert_nothing({})
        wanted = self.fill(ONE, number=1)
        for body in ({}, {"storage": {}}):
            self.assertEqual(wanted.id, self.chosen(body)[0][1].zoning)

    def test_memory_devices_are_tried_where_machines_with_enough_memory_are_elsewhere(self):
        self.fill(ONE, Storage=None)
        zoning = self.fill(TWO, Compute={"memory_mib": 8})
        self.pool.add(self.podm, zoning, "Memory")
        chosen = self.chosen({"memory": {"capacity_mib": 65536}, "storage": {}})
        self.assertEqual(["processor", "storage/0", "memory"], [part for part, _ in chosen])
        self.assertEqual({zoning.id}, {device.zoning for _, device in chosen})

    def test_no_more_zones_are_tried_than_agreed(self):
        self.patch(selection, "MOST_ZONINGS", 5)
        for number in range(10):
            self.fill(f"{number}", number=4, Storage=None)
            self.fill(f"other {number}", number=4, Compute=None)
        nothing = self.assert_nothing({"storage": {}})
        self.assertEqual(5, nothing.tried)
        self.assertLess(5, nothing.of)

    def test_a_slow_database_lets_some_zones_be_tried(self):
        self.patch(selection, "MOST_SECONDS", -1.0)
        self.fill(ONE, Storage=None)
        wanted = self.fill(TWO)
        self.assertEqual(wanted.id, self.chosen({"storage": {}})[0][1].zoning)
        for number in range(2 * selection.ENOUGH):
            self.fill(f"{number}", number=1, Accelerator=None)
            self.fill(f"other {number}", number=1, Compute=None, Storage=None)
        nothing = self.assert_nothing({"storage": {"capacity_gib": 1000}, "accelerator": {"count": 3}})
        self.assertLess(nothing.tried, nothing.of)

    def test_pack_wastes_least_and_then_fills_the_fullest(self):
        self.fill(ONE, number=3)
        full = self.fill(TWO, number=1)
        self.fill(THREE, number=1, Compute={"cores": 64})
        for _ in range(5):
            choice = self.choose({"processor": {"total_cores": 16}, "storage": {}}, policy="pack")
            self.assertEqual(full.id, choice.devices[0][1].zoning)

    def test_spread_takes_the_emptiest(self):
        empty = self.fill(ONE, number=3)
        self.fill(TWO, number=1)
        for _ in range(5):
            choice = self.choose({"storage": {}}, policy="spread")
            self.assertEqual(empty.id, choice.devices[0][1].zoning)
        self.assertEqual(1, len(choice.alternatives))

    def test_without_a_policy_any_place_that_fits_is_taken(self):
        places = {self.fill(zone, number=1 + number).id for number, zone in enumerate((ONE, TWO, THREE))}
        found = {self.choose({"storage": {}}).devices[0][1].zoning for _ in range(40)}
        self.assertEqual(places, found)


class RandomTest(SelectionCase):
    time_limit = 180

    def test_what_is_chosen_is_what_was_asked_for(self):
        chance = random.Random(7)
        for number in range(8):
            zoning = self.pool.zoning(self.podm, f"{number}")
            for kind in ("Compute", "Storage", "Network", "Accelerator", "Memory"):
                for _ in range(chance.randrange(6)):
                    size = chance.choice([1, 2, 4, 8])
                    field = devices.ORDINARY[kind][0]
                    self.pool.add(self.podm, zoning, kind, full=chance.random() < 0.3, **{field: size})
        fitting = 0
        for _ in range(80):
            body = {
                "processor": {"total_cores": chance.choice([1, 2, 4, 8])},
                "storage": {"capacity_gib": chance.choice([1, 2, 4]), "count": chance.choice([1, 2])},
                "accelerator": {"count": chance.choice([1, 3])},
            }
            fitting += self.check(body)
        self.assertLess(10, fitting)
        self.assertLess(fitting, 80)

    def check(self, body):
        """Compare with what a search in all zones finds; return whether it fits."""
        outcome = self.choose(body)
        free = [row for row in self.store.list(models.Device) if not row.full]
        fits = any(
            self.fits(body, [row for row in free if row.zoning == zoning])
            for zoning in {r.zoning for r in free}
        )
        self.assertEqual(fits, isinstance(outcome, selection.Choice), body)
        if fits:
            chosen = {row.uuid: row for row in free}
            self.assertTrue(self.fits(body, [chosen[key] for key in outcome.uuids]), body)
        return fits

    def fits(self, body, rows):
        cores, drive = body["processor"]["total_cores"], body["storage"]
        machines = [row for row in rows if row.device_type == "Compute" and row.cores >= cores]
        drives = [
            row for row in rows if row.device_type == "Storage" and row.storage_gib >= drive["capacity_gib"]
        ]
        cards = sum(row.accelerators for row in rows if row.device_type == "Accelerator")
        return bool(machines) and len(drives) >= drive["count"] and cards >= body["accelerator"]["count"]
