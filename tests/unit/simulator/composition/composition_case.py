# SPDX-License-Identifier: Apache-2.0
"""A test with a simulator that composes, in one rack."""

from tests.unit.simulator import case
from valence.simulator import server
from valence.simulator.composition import composer

ROOT = "/redfish/v1"
BLOCKS = "CompositionService/ResourceBlocks"


class CompositionCase(case.SimulatorTestCase):
    """``options`` of a class are added to those of a small pod with blocks."""

    pod = {
        "racks": 1,
        "systems": 2,
        "nodes": 0,
        "compute_blocks": 4,
        "storage_blocks": 3,
        "network_blocks": 2,
        "accelerator_blocks": 2,
        "power_seconds": 0,
    }

    def start(self, **options):
        return super().start(**self.pod | self.options | options)

    def link(self, name):
        return {"@odata.id": f"{ROOT}/{BLOCKS}/Rack1-{name}"}

    def links(self, *names):
        return {"Links": {"ResourceBlocks": [self.link(name) for name in names]}}

    def compose(self, *names, status=201, **values):
        """Return the answer to a POST that composes a system of blocks, by their names without the rack."""
        answer = self.call("POST", "Systems", json={"Name": "mine", **self.links(*names), **values})
        self.assertEqual(status, answer.status_code, answer.text)
        return answer

    def composed(self, *names, **values):
        """Compose a system and return its path below the root."""
        return self.compose(*names, **values).headers["Location"].removeprefix(f"{ROOT}/")

    def document(self, path):
        return self.get(path).json()

    def block(self, name):
        return self.document(f"{BLOCKS}/Rack1-{name}")

    def state(self, name):
        return self.block(name)["CompositionStatus"]["CompositionState"]

    def blocks_of(self, path):
        """Return the names of the blocks that a system lists."""
        listed = self.document(path)["Links"]["ResourceBlocks"]
        return [link["@odata.id"].rpartition("/")[2].removeprefix("Rack1-") for link in listed]

    def message(self, answer, status):
        """Return the key of a refusal, without registry and version."""
        self.assertEqual(status, answer.status_code, answer.text)
        return answer.json()["error"]["@Message.ExtendedInfo"][0]["MessageId"].rpartition(".")[2]


class HeldCase(CompositionCase):
    """Time does not pass for compositions, however slow the machine is, until ``end_all`` says so."""

    def start(self, **options):
        self._waiting = []
        simulator = server.Simulator(**self.pod | self.options | options)
        service = simulator.service

        def hits(rate, path):
            return service.faults.hits(rate, path)  # the faults of this moment

        service.composer = composer.Composer(service.pod, self._call_later, hits)
        self.addCleanup(simulator.stop)
        return simulator.start()

    def end_all(self):
        """End what is under way. No request is: the simulator's own thread is idle."""
        waiting, self._waiting = self._waiting, []
        for function, arguments in waiting:
            function(*arguments)

    def _call_later(self, seconds, function, *arguments):
        self._waiting.append((function, arguments))
