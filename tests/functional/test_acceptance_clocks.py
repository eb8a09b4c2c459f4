# SPDX-License-Identifier: Apache-2.0
"""Acceptance: conductors whose hosts have wrong clocks serve on time, and hand over on time when they die."""

import pathlib

from tests import bus_listener
from tests import embedded
from tests.functional import acceptance

SHIFTED = pathlib.Path(__file__).parents[1] / "shifted_clock"
POD_MANAGERS = 6
HOUR = 3600


class WrongClockTest(acceptance.AcceptanceCase):
    """Three conductors: one is an hour ahead, one an hour behind."""

    conductors = 3

    def setUp(self):
        super().setUp()
        self.listener = self.useFixture(bus_listener.BusListener(self.valence.transport_url))
        for conductor, seconds in zip(self.valence.conductors, (HOUR, -HOUR, 0), strict=True):
            conductor.environment = {"PYTHONPATH": str(SHIFTED), "SHIFT_SECONDS": str(seconds)}
            conductor.kill()
            conductor.start()
        self.valence.wait_until_ready()
        self.simulators = {}
        for number in range(POD_MANAGERS):
            simulator = self.useFixture(embedded.Pod(racks=1, systems=1, nodes=0)).simulator
            url = f"{simulator.url}/redfish/v1"
            uuid = self.valence.register(f"pod-{number}", url, **acceptance.CREDENTIALS)["uuid"]
            self.simulators[uuid] = simulator
        self.wait_for(self.are_all_synchronized, 40)

    def are_all_synchronized(self):
        return all(row["last_synced_at"] for row in self.client.rows("/v1/pod_managers"))

    def contacts(self):
        """Return when each pod manager was synchronized last."""
        return {row["uuid"]: row["last_synced_at"] for row in self.client.rows("/v1/pod_managers")}

    def assert_all_are_synchronized_again(self):
        before = self.contacts()
        self.wait_for(
            lambda: all(self.contacts()[uuid] > moment for uuid, moment in before.items()),
            40,
            lambda: f"{before} {self.contacts()}",
        )

    def assert_every_event_was_published(self):
        stored = [each["sequence"] for each in self.client.rows("/v1/events")]
        self.wait_for(
            lambda: set(stored) <= {payload["sequence"] for _, _, payload in self.listener.heard},
            30,
            lambda: str(len(set(stored) - {payload["sequence"] for _, _, payload in self.listener.heard})),
        )

    def test_all_pod_managers_are_synchronized_on_time_also_after_the_wrong_ones_died(self):
        self.assert_all_are_synchronized_again()
        for conductor in self.valence.conductors[:2]:
            conductor.kill()
        # What is left has the right clock; the others left their due times behind.
        self.wait_for(self.is_taken_over, 40)
        self.assert_all_are_synchronized_again()
        self.assert_every_event_was_published()

    def is_taken_over(self):
        return {row["conductor"] for row in self.client.rows("/v1/pod_managers")} == {"conductor-3"}
