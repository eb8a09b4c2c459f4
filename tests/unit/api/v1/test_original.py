# SPDX-License-Identifier: Apache-2.0
"""URLs of the first release: synchronizations at once, pooled devices, and the parts of machines."""

from unittest import mock

from tests.unit.api import case
from valence.api.v1 import original
from valence.common import errors
from valence.db import models
from valence.db import store

BASE = "/redfish/v1/Systems/1"
CPU = {
    "ProcessorType": "CPU",
    "InstructionSet": "x86-64",
    "Model": "Example 8532",
    "MaxSpeedMHz": 3700,
    "TotalCores": 32,
}
DIMM = {
    "MemoryDeviceType": "DDR5",
    "DataWidthBits": 64,
    "OperatingSpeedMhz": 4800,
    "CapacityMiB": 65536,
}
DRIVE = {"Protocol": "NVMe", "CapacityBytes": 960_197_124_096}


class SyncTest(case.APITestCase):
    def setUp(self):
        super().setUp()
        self.uuids = [
            self.add_pod_manager(name=f"row-{number}", url=f"http://127.0.0.1:9/{number}")["uuid"]
            for number in range(2)
        ]

    def sync(self, document=None, **headers):
        """Return the results, in the order of their pod managers."""
        response = self.post("/v1/devices/sync", document, **headers)
        self.assertEqual(200, response.status_code, response.text)
        return sorted(response.json, key=lambda each: self.uuids.index(each["podm_id"]))

    def test_no_body_means_all_pod_managers(self):
        for body in (None, {}):
            found = self.sync(body)
            self.assertEqual(
                [(uuid, "ACCEPTED") for uuid in self.uuids],
                [(each["podm_id"], each["status"]) for each in found],
            )
        operation = self.get(f"/v1/operations/{found[0]['operation']}").json
        self.assertEqual(("sync", self.uuids[0]), (operation["operation_kind"], operation["target_id"]))

    def test_one_pod_manager(self):
        (found,) = self.sync({"podm_id": self.uuids[1]})
        self.assertEqual(self.uuids[1], found["podm_id"])

    def test_what_cannot_be_synchronized_failed(self):
        self.patch(f"/v1/pod_managers/{self.uuids[0]}", {"maintenance": True})
        (found,) = self.sync({"podm_id": self.uuids[0]})
        self.assertEqual(("FAILED", None), (found["status"], found["operation"]))
        self.assertIn("maintenance", found["detail"])
        self.assertEqual([self.uuids[1]], [each["podm_id"] for each in self.sync()])
        for unknown in ("none", case.UUID):
            (problem,) = self.assert_error(self.post("/v1/devices/sync", {"podm_id": unknown}), 400)
            self.assertEqual("$.podm_id", problem["path"])

    def test_the_end_is_shown_to_who_waits(self):
        for state, result in (("succeeded", "SUCCESS"), ("failed", "FAILED"), ("running", "ACCEPTED")):
            ended = mock.Mock(side_effect=lambda _, operation, __, state=state: operation | {"state": state})
            with mock.patch.object(self.application.services.waits, "until_ended", ended):
                found = self.sync(Prefer="wait=5")
            self.assertEqual([result] * 2, [each["status"] for each in found])

    def test_a_repeated_request_is_answered_not_done_again(self):
        first = self.sync(Idempotency_Key="k1")
        for operation in self.backend.store.list(models.Operation):
            self.backend.store.commit(store.Update(operation, {"state": "succeeded"}))
        self.assertEqual(first, self.sync(Idempotency_Key="k1"))
        self.assertNotEqual(first, self.sync(Idempotency_Key="k2"))
        other = self.post("/v1/devices/sync", {"podm_id": self.uuids[0]}, Idempotency_Key="k1")
        self.assert_error(other, 422, "valence.idempotency_mismatch")

    def test_an_error_does_not_hide_what_was_asked(self):
        sync = self.backend.conductor.pod_managers.sync
        for error in (
            errors.Conflict(reason="It is being deleted."),
            errors.RevisionMismatch(kind="pod_manager", key="x"),
            errors.Unavailable(reason="The bus is away."),
        ):
            answers = [sync, error]

            def one(*arguments, answers=answers, **keywords):
                answer = answers.pop(0)
                if isinstance(answer, Exception):
                    raise answer
                return answer(*arguments, **keywords)

            with mock.patch.object(self.backend.conductor.pod_managers, "sync", one):
                found = self.post("/v1/devices/sync").json
            self.assertEqual(["ACCEPTED", "FAILED"], [each["status"] for each in found])
            self.assertEqual([None, error.detail], [each["detail"] for each in found])

    def test_nothing_more_is_asked_once_nobody_answers(self):
        away = mock.Mock(side_effect=errors.BusUnavailable(reason="closed"))
        with mock.patch.object(self.backend.conductor.pod_managers, "sync", away):
            self.assertEqual(["FAILED"] * 2, [each["status"] for each in self.sync()])
        away.assert_called_once()

    def test_a_key_of_another_request_does_not_hide_what_was_asked(self):
        second = max(self.uuids)
        self.post("/v1/devices/sync", {"podm_id": second}, Idempotency_Key="k1")
        found = self.post("/v1/devices/sync", Idempotency_Key="k1").json
        self.assertEqual([("ACCEPTED", True), ("FAILED", False)],
                         [(each["status"], each["operation"] is not None) for each in found])  # fmt: skip
        self.assertIn("k1", found[1]["detail"])

    def test_more_than_a_request_can_synchronize(self):
        with mock.patch.object(original, "MOST_SYNCS", 1):
            (problem,) = self.assert_error(self.post("/v1/devices/sync"), 409, "valence.conflict")
        self.assertIn("podm_id", problem["detail"])

    def test_bad_bodies(self):
        for body in ([], 7, {"podm_id": 7}, {"podm_id": ""}, {"x": 1}):
            self.assert_error(self.post("/v1/devices/sync", body), 400, "valence.validation")


class HardwareCase(case.APITestCase):
    """A site whose pod manager tells the documents ``told``, by URL."""

    def setUp(self):
        super().setUp()
        self.pod_manager = self.add_pod_manager()
        self.told = {}
        self.backend.conductor.resources.details = self.details

    def details(self, context, uuids, *, pod_manager=None):
        """Answer for a conductor that reads documents."""
        rows = [self.backend.store.get(models.Resource, uuid) for uuid in uuids]
        return {row.uuid: self.told[row.resource_url] for row in rows}

    def add(self, url, kind, document, device_type=None):
        """Store a resource with its document, and its device if it is one; return its UUID."""
        row = models.Resource(podm_id=self.pod_manager["uuid"], resource_url=url, resource_type=kind)
        changes = [store.Create(row), store.Create(models.ResourceState(uuid=row.uuid))]
        if device_type:
            values = {"podm_id": row.podm_id, "device_type": device_type, "state": "free"}
            changes.append(store.Create(models.Device(uuid=row.uuid, **values)))
        self.backend.store.commit(*changes)
        self.told[url] = {"detail": document}
        return row.uuid

    def add_node(self, *devices):
        """Store a node with claims of devices."""
        podm_id = self.pod_manager["uuid"]
        node = models.Node(name="web-3", podm_id=podm_id, state="composed")
        self.backend.store.commit(store.Create(node))
        for uuid in devices:
            claim = models.Claim(id=f"{uuid}/1", node_id=node.uuid, device_id=uuid, podm_id=podm_id, part="x")
            self.backend.store.commit(store.Create(claim))
        return node.uuid


class PooledTest(HardwareCase):
    def test_devices_by_their_first_names(self):
        drive = self.add("/redfish/v1/a", "Drive", {}, "Storage")
        self.add("/redfish/v1/b", "Resource Block", {}, "Compute")
        for kind in ("storage", "Storage"):
            found = self.get(f"/v1/pooled?type={kind}").json["devices"]
            self.assertEqual([drive], [each["uuid"] for each in found])
        self.assertEqual(self.get(f"/v1/devices/{drive}").json, self.get(f"/v1/pooled/{drive}").json)
        self.assertEqual([], self.get("/v1/pooled?type=storage&device_type=Compute").json["devices"])
        (problem,) = self.assert_error(self.get("/v1/pooled?type=x"), 400, "valence.validation")
        self.assertEqual("type", problem["path"])


class PartsTest(HardwareCase):
    def setUp(self):
        super().setUp()
        self.system = self.add(BASE, "System", {}, "System")
        self.cpu = self.add(f"{BASE}/Processors/1", "Processor", CPU)
        self.dimm = self.add(f"{BASE}/Memory/1", "Memory", DIMM)
        self.add(f"{BASE}/Memory", "Chassis", {})
        self.port = self.add(f"{BASE}/EthernetInterfaces/1", "Ethernet Interface", {"SpeedMbps": 25000})
        self.gpu = self.add(f"{BASE}/Processors/2", "Processor", {"ProcessorType": "GPU", "Model": "GX-80"})
        self.drive = self.add(f"{BASE}/Storage/1/Drives/1", "NVMe", DRIVE)
        self.add(f"{BASE}0/Processors/1", "Processor", CPU)
        self.wanted = {
            "processor": [
                {
                    "resource_id": self.cpu,
                    "device_type": "CPU",
                    "instruction_set": "x86-64",
                    "model": "Example 8532",
                    "speed_mhz": 3700,
                    "total_core": 32,
                }
            ],
            "memory": [
                {
                    "resource_id": self.dimm,
                    "device_type": "DDR5",
                    "data_width_bit": 64,
                    "speed_mhz": 4800,
                    "total_memory_gb": 64,
                }
            ],
            "storage": [self.shown_drive(self.drive, pooled=False)],
            "network": [{"resource_id": self.port, "device_type": "Ethernet", "speed_mbps": 25000}],
            "accelerator": [{"resource_id": self.gpu, "device_type": "GPU", "model": "GX-80"}],
        }

    def shown_drive(self, uuid, *, pooled):
        """Return the entry of a drive."""
        size = {"protocol": "NVMe", "volume_size_gb": 960.197}
        return {"resource_id": uuid, **size, "pooled_resource": pooled}

    def test_a_system_and_the_node_that_has_it(self):
        self.assertEqual(self.wanted, self.get(f"/v1/systems/{self.system}/inventory").json)
        node = self.add_node(self.system)
        self.assertEqual(self.wanted, self.get(f"/v1/nodes/{node}/assets").json)
        self.assertEqual(self.wanted, self.get("/v1/nodes/web-3/assets").json)
        self.assertEqual({"storages": []}, self.get("/v1/nodes/web-3/storages").json)

    def test_drives_of_the_pool_and_of_blocks(self):
        block = self.add("/redfish/v1/Blocks/1", "Resource Block", {}, "Storage")
        inside = self.add("/redfish/v1/Blocks/1/Drives/1", "Drive", DRIVE)
        pooled = self.add("/redfish/v1/Drives/9", "Drive", {"CapacityBytes": "much"}, "Storage")
        node = self.add_node(self.system, block, pooled)
        shown = self.get(f"/v1/nodes/{node}/assets").json
        self.assertEqual(self.wanted["processor"], shown["processor"])
        unknown = {
            "resource_id": pooled,
            "protocol": None,
            "volume_size_gb": None,
            "pooled_resource": True,
        }
        expected = [*self.wanted["storage"], self.shown_drive(inside, pooled=True), unknown]
        self.assertCountEqual(expected, shown["storage"])
        rows = self.get(f"/v1/nodes/{node}/storages").json["storages"]
        self.assertEqual({block, pooled}, {each["device_id"] for each in rows})

    def test_a_composed_system_has_the_parts_of_its_blocks(self):
        self.add("/redfish/v1/Blocks/1", "Resource Block", {}, "Storage")
        inside = self.add("/redfish/v1/Blocks/1/Drives/1", "Drive", DRIVE)
        blocks = [{"@odata.id": "/redfish/v1/Blocks/1"}, {"@odata.id": 7}, "nonsense"]
        url = "/redfish/v1/Systems/Composed"
        composed = self.add(url, "System", {"Links": {"ResourceBlocks": blocks}})
        shown = self.get(f"/v1/systems/{composed}/inventory").json
        self.assertEqual([self.shown_drive(inside, pooled=True)], shown["storage"])
        for nonsense in ({}, [], {"Links": 7}, {"Links": {"ResourceBlocks": 7}}):
            self.told[url] = {"detail": nonsense}
            self.assertEqual([], self.get(f"/v1/systems/{composed}/inventory").json["storage"])

    def test_only_known_blocks_are_read_and_each_once(self):
        self.add("/redfish/v1/Blocks/1", "Resource Block", {}, "Storage")
        inside = self.add("/redfish/v1/Blocks/1/Drives/1", "Drive", DRIVE)
        names = [
            "",
            "/",
            "/redfish/v1/",
            BASE,
            "/redfish/v1/Blocks",
            *["/redfish/v1/Blocks/1", "/redfish/v1/Blocks/1/"],
        ]
        links = [{"@odata.id": name} for name in names] * 2
        composed = self.add("/redfish/v1/Systems/C", "System", {"Links": {"ResourceBlocks": links}})
        shown = self.get(f"/v1/systems/{composed}/inventory").json
        self.assertEqual([self.shown_drive(inside, pooled=True)], shown["storage"])
        self.assertEqual([], shown["processor"])

    def test_a_list_that_is_cut_says_so(self):
        with mock.patch.object(original, "MOST_PARTS", 2):
            shown = self.get(f"/v1/systems/{self.system}/inventory").json
        self.assertIs(True, shown.pop("truncated"))
        self.assertEqual(2, sum(map(len, shown.values())))

    def test_no_more_blocks_are_read_than_a_request_can(self):
        links = []
        for number in range(2):
            self.add(f"/redfish/v1/Blocks/{number}", "Resource Block", {}, "Storage")
            self.add(f"/redfish/v1/Blocks/{number}/Drives/1", "Drive", DRIVE)
            links.append({"@odata.id": f"/redfish/v1/Blocks/{number}"})
        composed = self.add("/redfish/v1/Systems/C", "System", {"Links": {"ResourceBlocks": links}})
        with mock.patch.object(original, "MOST_BLOCKS", 1):
            shown = self.get(f"/v1/systems/{composed}/inventory").json
        self.assertEqual((1, True), (len(shown["storage"]), shown["truncated"]))
        self.assertNotIn("truncated", self.get(f"/v1/systems/{composed}/inventory").json)

    def test_many_parts_share_one_time_limit(self):
        with (
            mock.patch.object(original, "PARTS_TIMEOUT", -1),
            mock.patch.object(original.resources, "MOST_DETAILS", 2),
        ):
            found = self.assert_error(
                self.get(f"/v1/systems/{self.system}/inventory"), 503, "valence.unavailable"
            )
        self.assertIn("2 were read", found[0]["detail"])

    def test_a_node_without_hardware_has_no_parts(self):
        node = self.add_node()
        self.assertEqual([[]] * 5, list(self.get(f"/v1/nodes/{node}/assets").json.values()))

    def test_a_node_whose_machine_is_gone_says_so(self):
        node = self.add_node()
        stored = self.backend.store.get(models.Node, node)
        self.backend.store.commit(store.Update(stored, {"state": "error", "error": "Its machine is gone."}))
        (problem,) = self.assert_error(self.get(f"/v1/nodes/{node}/assets"), 409, "valence.conflict")
        self.assertIn("has no machine: Its machine is gone.", problem["detail"])
        self.assertIn("Delete the node", problem["hint"])

    def test_a_part_that_was_removed_is_left_out(self):
        gone = errors.ResourceGone(url="http://127.0.0.1:9", reason="404")
        self.told[f"{BASE}/Memory/1"] = {"error": gone.problems[0] | {"code": gone.code, "status": 502}}
        shown = self.get(f"/v1/systems/{self.system}/inventory").json
        self.assertEqual(self.wanted | {"memory": []}, shown)

    def test_a_part_that_cannot_be_read_is_an_error(self):
        lost = errors.PodManagerUnreachable(url="http://127.0.0.1:9", reason="refused")
        self.told[f"{BASE}/Memory/1"] = {
            "error": lost.problems[0] | {"code": lost.code, "status": lost.status}
        }
        response = self.get(f"/v1/systems/{self.system}/inventory")
        self.assert_error(response, lost.status, lost.code)

    def test_what_is_not_there(self):
        for url in (
            f"/v1/systems/{self.cpu}/inventory",
            f"/v1/systems/{case.UUID}/inventory",
            "/v1/systems/x/inventory",
            "/v1/nodes/x/assets",
            "/v1/nodes/x/storages",
        ):
            self.assert_error(self.get(url), 404)
        for url in (f"/v1/systems/{self.system}/inventory", "/v1/nodes/x/assets", "/v1/nodes/x/storages"):
            self.assert_error(self.get(f"{url}?x=1"), 400, "valence.validation")
