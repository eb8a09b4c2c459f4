# SPDX-License-Identifier: Apache-2.0
"""Acceptance: drives are erased in spite of crashes and errors, or their device says that they were not."""

from tests import stores
from tests.functional import acceptance

#: a machine of two blocks, of which the second takes a while to be erased
POD = {
    "racks": 1,
    "systems": 0,
    "nodes": 0,
    "compute_blocks": 1,
    "system_blocks": 0,
    "storage_blocks": 1,
    "accelerator_blocks": 0,
    "tasks": True,
    "compose_seconds": 1,
}
DRIVE = "/Drives/[^/]+$"


class EraseTest(acceptance.AcceptanceCase):
    options = {"sync": {"interval": 600}}
    time_limit = stores.patience(240)

    def setUp(self):
        super().setUp()
        self.simulator = self.simulate(**POD)
        self.control = self.simulator.control
        self.podm = self.register(self.simulator)
        kinds = ("Compute", "Storage")
        self.parts = [self.client.rows("/v1/devices", device_type=kind)[0]["uuid"] for kind in kinds]

    def test_a_device_is_erased_in_spite_of_a_crash_or_says_that_it_was_not(self):
        operation = self.delete(self.compose())
        self.kill_while_it_erases(operation)
        self.fail_reads_for_a_while()
        ended = self.ended(operation)
        self.assertEqual(("succeeded", "complete"), (ended["state"], ended["result"]), ended)
        erased = self.control.get("/simulator/compositions")["erased"]
        self.assertGreaterEqual(min(erased.values()), 1, erased)
        self.synchronize(self.podm["uuid"])  # the one of the new conductor may have seen it reserved
        self.assertEqual(("free", None), self.device())

        self.control.patch("/simulator/faults", {"erase_refused_rate": 1})
        ended = self.ended(self.delete(self.compose()))
        self.assertEqual(("succeeded", "not_erased"), (ended["state"], ended["result"]), ended)
        self.assertEqual(erased, self.control.get("/simulator/compositions")["erased"])
        self.assertIn("It was not erased after node", self.device()[1])
        for _ in range(2):
            self.synchronize(self.podm["uuid"])
            state, reason = self.device()
            self.assertEqual("free", state)
            self.assertTrue(reason.startswith("It was not erased after node"), reason)

    def compose(self):
        """Compose a node of the parts, and return its UUID."""
        node = self.client.post("/v1/nodes", {"name": "scratch", "resources": self.parts})
        (path,) = [link["href"] for link in node["links"] if link["rel"] == "operation"]
        self.assertEqual("succeeded", self.ended(path.rpartition("/")[2])["state"])
        self.synchronize(self.podm["uuid"])
        self.assertEqual("in_use", self.device()[0])
        return node["uuid"]

    def delete(self, node):
        """Request the removal of a node, and return the UUID of the operation."""
        hold = {"method": "POST", "path": "SecureErase$", "when": "after"}
        if not self.control.get("/simulator/compositions")["erased"]:
            self.control.request("PUT", "/simulator/gate", json=hold)
        return self.client.request("DELETE", f"/v1/nodes/{node}").json()["uuid"]

    def kill_while_it_erases(self, operation):
        """Kill the conductor after the drive began to be erased, and start it again."""
        (conductor,) = self.valence.conductors
        gate = "/simulator/gate"
        self.wait_for(lambda: self.control.get(gate)["waiting"], 60, lambda: str(self.control.get(gate)))
        conductor.kill()
        self.control.patch("/simulator/faults", {"error_rate": 1, "fault_paths": DRIVE})
        self.control.request("DELETE", gate)
        conductor.start()

    def fail_reads_for_a_while(self):
        """Wait until the simulator has answered a read of a drive with 500, and let it answer again."""

        def failures():
            return self.control.get("/simulator/stats")["by_status"].get("500", 0)

        self.wait_for(failures, 90, lambda: str(self.control.get("/simulator/stats")))
        self.control.patch("/simulator/faults", {"error_rate": 0, "fault_paths": ""})

    def device(self):
        """Return the state of the storage device and the reason of it."""
        row = self.client.get(f"/v1/devices/{self.parts[1]}")
        return row["state"], row["reason"]

    def ended(self, uuid):
        """Return an operation after its end; a conductor that was killed does not answer."""

        def ended():
            answer = self.client.request("GET", f"/v1/operations/{uuid}")
            found = answer.json() if answer.status_code == 200 else {}
            return found.get("ended_at") and found

        return self.wait_for(ended, stores.patience(90))
