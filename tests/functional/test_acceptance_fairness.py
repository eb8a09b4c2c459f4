# SPDX-License-Identifier: Apache-2.0
"""Acceptance: one of 20 pod managers answers after 20 s each time, and nobody else notices."""

import time

from tests import clock
from tests.functional import acceptance
from valence.db import types
from valence.simulator import server

OTHERS = 19
LATENCY = 20
INTERVAL = 4
#: seconds of watching without the slow one, and with it
BEFORE, SECONDS = 10, 30
#: a look a second, times in whole seconds, two seconds until one is slow; whoever waited for it would wait for all 30
SLACK = 14


class FairnessTest(acceptance.AcceptanceCase):
    """One worker only: whoever kept it would keep everybody waiting."""

    time_limit = 240
    options = {
        "sync": {"interval": INTERVAL, "workers": 1, "slow_seconds": 2},
        "redfish": {"read_timeout": 2 * LATENCY},
    }

    def setUp(self):
        super().setUp()
        self.others = [self.register_pod(f"pod-{number}") for number in range(OTHERS)]
        self.wait_for(lambda: None not in self.synced().values(), 90, lambda: str(self.synced()))

    def register_pod(self, name, **values):
        pod = server.Simulator(racks=1, systems=2, **values).start()
        self.addCleanup(pod.stop)
        return self.valence.register(name, f"{pod.url}/redfish/v1", **acceptance.CREDENTIALS)["uuid"]

    def test_the_others_are_synchronized_as_often_as_before(self):
        before = self.watch(BEFORE)
        slow = self.register_pod("slow", latency=LATENCY * 1000.0)
        after = self.watch(SECONDS)
        print(f"oldest synchronization of the others: {before:.0f} s before, {after:.0f} s with a slow one")
        self.assertLessEqual(after, max(before, INTERVAL) + SLACK)
        self.assertEqual("running", self.operation_of(slow)["state"])

    def watch(self, seconds):
        """Return the age, in seconds, that a synchronization of one of the others had at most in this time."""
        began, oldest = clock.seconds(), 0
        while clock.seconds() - began < seconds:
            moment = types.parse_time(min(self.synced().values()))
            oldest = max(oldest, (types.parse_time(types.now()) - moment).total_seconds())
            time.sleep(0.5)
        return oldest

    def synced(self):
        """Return when each of the others was last synchronized."""
        rows = self.client.rows("/v1/pod_managers")
        return {row["uuid"]: row["last_synced_at"] for row in rows if row["uuid"] in self.others}

    def operation_of(self, uuid):
        return self.client.rows("/v1/operations", target_id=uuid)[0]
