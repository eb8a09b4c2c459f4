# SPDX-License-Identifier: Apache-2.0
"""Acceptance: three conductors share the pod managers, and whatever happens to one, the others serve its share."""

import collections
import concurrent.futures

from tests import clock
from tests import embedded
from tests.functional import acceptance

POD_MANAGERS = 30
#: seconds within which the others serve what a killed conductor had, and what one that was stopped had
KILLED, STOPPED = 15, 10


class SharedCase(acceptance.AcceptanceCase):
    conductors = 3
    # The default lease: what is measured here is what operators get.
    options = {"sync": {"interval": 3600}, "conductor": {"lease_seconds": 10}}

    def setUp(self):
        super().setUp()
        self.uuids = {self.add(number) for number in range(POD_MANAGERS)}
        self.wait_for(self.all_served, 40, lambda: str(self.owners()))
        self.wait_for(lambda: not self.open_operations(), 40)

    def add(self, number):
        simulator = self.useFixture(embedded.Pod(racks=1, systems=1, nodes=0)).simulator
        url = f"{simulator.url}/redfish/v1"
        return self.valence.register(f"pod-{number}", url, **acceptance.CREDENTIALS)["uuid"]

    def owners(self):
        """Return who serves each pod manager."""
        return {row["uuid"]: row["conductor"] for row in self.client.rows("/v1/pod_managers")}

    def alive(self):
        return {row["hostname"] for row in self.client.rows("/v1/conductors", alive="true")}

    def open_operations(self):
        return self.client.rows("/v1/operations", state="in:pending,running")

    def all_served(self):
        """Return whether each pod manager is served by a conductor that lives, and everybody who lives has a share."""
        return set(self.owners().values()) == self.alive() == self.running()

    def is_even(self):
        loads = collections.Counter(self.owners().values())
        return all(0.8 <= load / (POD_MANAGERS / 3) <= 1.2 for load in loads.values())

    def running(self):
        return {each.name for each in self.valence.conductors if each.runs()}

    def assert_everything_can_be_asked_for(self):
        """Check that a synchronization of each pod manager succeeds."""
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            done = list(pool.map(self.synchronize, self.uuids))
        self.assertEqual(self.running(), {operation["conductor"] for operation in done})


class TakeOverTest(SharedCase):
    def test_the_share_of_a_killed_conductor_is_served_by_the_others(self):
        self.wait_for(self.is_even, 10, lambda: str(self.owners()))
        began = clock.seconds()
        self.valence.conductors[1].kill()
        self.wait_for(self.all_served, KILLED + 10, lambda: str(self.owners()))
        self.assert_in_time(clock.seconds() - began, KILLED)
        self.assert_everything_can_be_asked_for()
        self.valence.conductors[1].start()
        self.wait_for(self.all_served, 20, lambda: str(self.owners()))
        self.assert_everything_can_be_asked_for()

    def test_live_documents_are_read_whoever_is_asked_and_whoever_died(self):
        systems = self.client.rows("/v1/systems")
        self.assertEqual(POD_MANAGERS, len(systems))
        for _ in range(6):  # the calls go to the conductors in turn
            self.assert_readable(POD_MANAGERS)
        self.valence.conductors[0].kill()
        self.wait_for(lambda: self.client.status("/readyz") == 200, 5)
        self.assert_readable(POD_MANAGERS)

    def assert_readable(self, number):
        shown = self.client.get("/v1/systems", detail="true", limit=100)["systems"]
        self.assertEqual(number, sum(1 for system in shown if system["detail"]), shown)


class StopTest(SharedCase):
    # To wait until the lease expires would take much longer than the test allows.
    options = SharedCase.options | {"conductor": {"lease_seconds": 60}}

    def test_the_share_of_a_stopped_conductor_is_served_at_once_and_nothing_fails(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(self.client.post, f"/v1/pod_managers/{uuid}/sync") for uuid in self.uuids]
            began = clock.seconds()
            self.valence.conductors[2].terminate()
            self.wait_for(lambda: self.valence.conductors[2].name not in self.alive(), 5)
            self.wait_for(lambda: self.valence.conductors[2].name not in self.owners().values(), 20)
            seconds = clock.seconds() - began
            operations = [each.result()["uuid"] for each in asked]
        self.assertEqual(0, self.valence.conductors[2].wait())
        self.assert_in_time(seconds, STOPPED)
        self.wait_for(lambda: not self.open_operations(), 20)
        states = {self.client.get(f"/v1/operations/{uuid}")["state"] for uuid in operations}
        self.assertEqual({"succeeded"}, states)
