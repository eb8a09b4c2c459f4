# SPDX-License-Identifier: Apache-2.0
"""The demo: a simulated pod beside Valence, registered as the pod manager "demo"."""

import json

from valence.common import context
from valence.simulator import server

NAME = "demo"
RACKS, SYSTEMS = 2, 8
USERNAME, PASSWORD = "admin", "password"


class Demo:
    """Runs the simulator; it has another port at every start, which the registered pod manager is told."""

    def __init__(self, conductor):
        self._conductor = conductor
        self._simulator = server.Simulator(racks=RACKS, systems=SYSTEMS, username=USERNAME, password=PASSWORD)

    def start(self):
        """Start the simulator and register it, or tell its pod manager where it is now."""
        self._simulator.start()
        url = f"{self._simulator.url}/redfish/v1"
        mine, pod_managers = context.service_context(), self._conductor.pod_managers
        for known in self._known(mine):
            pod_managers.update(mine, known["uuid"], {"url": url})
            return
        values = {"name": NAME, "url": url, "username": USERNAME, "password": PASSWORD}
        pod_managers.create(mine, values | {"description": "A simulated pod: valence-simulator."})

    def stop(self):
        """Stop the simulator."""
        self._simulator.stop()

    def _known(self, mine):
        found = self._conductor.records.list(mine, "PodManager", filters=[["name", "eq", NAME]], limit=1)
        return json.loads(found["rows"])
