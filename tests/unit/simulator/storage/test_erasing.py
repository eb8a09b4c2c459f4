# SPDX-License-Identifier: Apache-2.0
"""Drives and volumes of the simulator can be erased, as tasks or not, well or not."""

from tests.unit.simulator.composition import composition_case

DRIVE = f"{composition_case.BLOCKS}/Rack1-Storage1/Drives/1"


class EraseTest(composition_case.HeldCase):
    def erase(self, path=DRIVE, name="Drive.SecureErase", **body):
        return self.call("POST", f"{path}/Actions/{name}", json=body)

    def erased(self):
        """Return how often what was erased."""
        erased = self.simulator.compositions()["erased"]
        return {path.removeprefix(f"{composition_case.ROOT}/"): count for path, count in erased.items()}

    def test_a_drive_names_its_action_and_is_at_work_until_the_end(self):
        self.simulator = self.start(compose_seconds=1)
        target = self.document(DRIVE)["Actions"]["#Drive.SecureErase"]["target"]
        self.assertEqual(f"{composition_case.ROOT}/{DRIVE}/Actions/Drive.SecureErase", target)
        self.assertEqual(204, self.erase().status_code)
        self.assertEqual("Sanitize", self.document(DRIVE)["Operations"][0]["OperationName"])
        self.end_all()
        self.assertNotIn("Operations", self.document(DRIVE))
        self.assertEqual({DRIVE: 1}, self.erased())

    def test_a_pooled_drive_can_be_erased(self):
        self.simulator = self.start()
        self.assertEqual(204, self.erase("Chassis/Rack1/Drives/1").status_code)
        self.assertEqual({"Chassis/Rack1/Drives/1": 1}, self.erased())
        self.assertEqual(404, self.erase("Chassis/Rack1/Drives/99").status_code)

    def test_a_fast_initialization_erases_nothing(self):
        self.simulator = self.start(erase="volumes")
        volume = "StorageServices/1/Volumes/1"
        for body, status, erased in (
            ({}, 204, {}),
            ({"InitializeType": "Never"}, 400, {}),
            ({"InitializeType": "Slow"}, 204, {volume: 1}),
        ):
            self.assertEqual(status, self.erase(volume, "Volume.Initialize", **body).status_code)
            self.assertEqual(erased, self.erased())
        self.assertEqual(400, self.erase().status_code)
        self.assertNotIn("Actions", self.document(DRIVE))

    def test_a_refusal_and_an_interruption(self):
        self.simulator = self.start(compose_seconds=1, tasks=True)
        self.simulator.set_faults(erase_refused_rate=1.0)
        self.assertEqual(409, self.erase().status_code)
        self.simulator.set_faults(erase_refused_rate=0.0, erase_interrupted_rate=1.0)
        monitor = self.erase().headers["Location"].removeprefix(f"{composition_case.ROOT}/")
        self.end_all()
        self.assertEqual("Exception", self.document(monitor.replace("TaskMonitors", "Tasks"))["TaskState"])
        self.assertEqual({}, self.erased())
        self.assertNotIn("Operations", self.document(DRIVE))
        self.simulator.reset()
        self.assertEqual({}, self.erased())
