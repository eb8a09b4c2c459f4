# SPDX-License-Identifier: Apache-2.0
"""A conductor is killed at each step of its work on nodes, while the simulator holds the request of this step.

Variable: VALENCE_KILL_ROUNDS, how often at each point. Each kill interrupts the work on four nodes.
"""

import collections
import itertools
import os
import sys
import typing

from tests import stores
from tests.contract import databases
from tests.functional import acceptance
from tests.functional.chaos import composed

#: seven kills of four operations are more than 25 interruptions at each point
ROUNDS = int(os.environ.get("VALENCE_KILL_ROUNDS", "7"))
#: nodes that are worked on at the same time: the share of a pod manager
NODES = 4
BLOCKS = {
    "racks": 1,
    "systems": 0,
    "nodes": 0,
    "system_blocks": 0,
    "compute_blocks": 8,
    "accelerator_blocks": 8,
}
#: what else goes wrong in a round
FAULTS = (
    {},
    {"name_ignored_rate": 1.0},
    {"no_location_rate": 1.0, "no_body_rate": 1.0},
    {"stale_state_rate": 1.0},
)


class Point(typing.NamedTuple):
    """Where a conductor is killed: in a step, while the simulator holds a request; ``when`` is one of faults.WHEN."""

    step: str
    method: str
    path: str
    when: str = "before"


def points(step, method, path, when=("before", "late", "after")):
    return [Point(step, method, path, each) for each in when]


BLOCK, MACHINE = "/ResourceBlocks/[^/]+$", r"/Systems/Composed\d+$"
COMPOSE = (
    Point("verify", "GET", BLOCK),
    *points("reserve", "PATCH", BLOCK, ("before", "after")),
    *points("compose", "POST", "/Systems$"),
    Point("check", "GET", MACHINE),
)
DECOMPOSE = (
    Point("power_off", "GET", MACHINE),
    *points("power_off", "POST", "ComputerSystem.Reset$"),
    *points("remove", "DELETE", MACHINE),
    *points("gone", "PATCH", BLOCK, ("before", "after")),
)
ADOPT = Point("read", "GET", r"/Systems/System\d+$")


class KillCase(acceptance.AcceptanceCase):
    """Two conductors, one of which is killed in each round.

    In every other round it starts again at once, else the other one has to finish its work.
    """

    options = {"sync": {"interval": 600}}
    conductors = 2

    def setUp(self):
        super().setUp()
        self.kills = collections.Counter()
        self.simulators = {}
        self.database = databases.Database(self.valence.database_url, str(self.valence.folder)).connect()
        self.addCleanup(self.database.close)

    def add(self, name, **options):
        """Simulate and register a pod; return its pod manager."""
        simulator = self.simulate(name, **options)
        pod_manager = self.register(simulator, seconds=60)
        self.simulators[pod_manager["uuid"]] = simulator
        return pod_manager["uuid"]

    def interrupt(self, podm_id, point, request, faults=FAULTS[0]):
        """Kill the conductor at a point of the operations that ``request()`` returns, and wait until they have ended.

        Check that each succeeded, and that claims are what the service has.
        """
        self.wait_for(self.is_at_rest, 120, lambda: str(self.open_operations()))
        control = self.simulators[podm_id].control
        control.patch("/simulator/faults", faults)
        rule = {"method": point.method, "path": point.path, "when": point.when}
        control.request("PUT", "/simulator/gate", json=rule)
        asked = [operation["uuid"] for operation in request()]
        self.wait_for(
            lambda: self.is_held(control, asked, point), 60, lambda: self.held(control, asked, point)
        )
        killed = self.kill(asked)
        # The service sees that the client has gone, unless what it was asked for is still to be done.
        self.wait_for(lambda: point.when == "late" or not control.get("/simulator/gate")["waiting"], 30)
        control.request("DELETE", "/simulator/gate")
        starts_at_once = sum(self.kills.values()) % 2
        self.kills[point] += 1
        if starts_at_once:
            killed.start()
        ended = self.ended(asked)
        if not starts_at_once:
            killed.start()
        control.patch("/simulator/faults", dict.fromkeys(set().union(*FAULTS), 0))
        self.assertEqual({"succeeded"}, {row["state"] for row in ended}, (point, faults, ended))
        self.assertEqual([], self.differences(), (point, faults))

    def is_at_rest(self):
        """Return whether both conductors share the pod managers out, and nothing is under way."""
        alive = self.client.rows("/v1/conductors", alive="true")
        are_shared = sum(row["pod_managers"] or 0 for row in alive) == len(self.simulators)
        return len(alive) == self.conductors and are_shared and not self.open_operations()

    def is_held(self, control, asked, point):
        steps = [self.operation(uuid)["steps"][-1:] for uuid in asked]
        is_there = all(
            step and (step[0]["name"], step[0]["state"]) == (point.step, "running") for step in steps
        )
        return is_there and control.get("/simulator/gate")["waiting"] >= len(asked)

    def held(self, control, asked, point):
        steps = [self.operation(uuid)["steps"][-1:] for uuid in asked]
        return f"{point}: {control.get('/simulator/gate')} {steps}"

    def kill(self, asked):
        """Kill the conductor that works on the operations, and return it."""
        names = {self.operation(uuid)["conductor"] for uuid in asked}
        self.assertEqual(1, len(names))
        killed = next(each for each in self.valence.conductors if each.name in names)
        killed.kill()
        return killed

    def ended(self, asked):
        def ended():
            found = [self.operation(uuid) for uuid in asked]
            return all(row["ended_at"] for row in found) and found

        return self.wait_for(ended, 180, lambda: str([self.operation(uuid) for uuid in asked]))

    def operation(self, uuid):
        """Return an operation; a conductor that was killed answers nothing that it was asked."""

        def read():
            answer = self.client.request("GET", f"/v1/operations/{uuid}")
            return answer.json() if answer.status_code != 503 else None

        return self.wait_for(read, 30)

    def open_operations(self):
        return self.client.rows("/v1/operations", state="in:pending,running")

    def differences(self):
        """Return what of the nodes does not fit the services, or their own history."""
        services = {
            uuid: each.control.get("/simulator/compositions") for uuid, each in self.simulators.items()
        }
        nodes = {row["uuid"]: row["state"] for row in self.client.rows("/v1/nodes")}
        histories = composed.broken_histories(self.events(object_kind="node"), nodes)
        return [*composed.differences(self.database, services), *histories]

    def compose(self, podm_id):
        """Request nodes of two blocks each, and return their operations."""
        body = {"podm_id": podm_id, "properties": {"processor": {"total_cores": 1}, "accelerator": {}}}
        return [self._new(body | {"name": f"node-{number}"}) for number in range(NODES)]

    def _new(self, body):
        node = self.client.post("/v1/nodes", body)
        filters = {"target_kind": "node", "target_id": node["uuid"]}
        return self.client.rows("/v1/operations", **filters)[-1]

    def switch_on(self, podm_id):
        """Switch all composed machines on, so that they have to be switched off."""
        control = self.simulators[podm_id].control
        for system in control.get("/simulator/compositions")["systems"]:
            control.patch(f"/simulator/systems/{system['path'].rpartition('/')[2]}", {"power": "On"})

    def decompose(self):
        """Request that all nodes are taken apart, and return the operations."""
        nodes = self.client.rows("/v1/nodes")
        return [self.client.request("DELETE", f"/v1/nodes/{node['uuid']}").json() for node in nodes]


class ComposeKillTest(KillCase):
    """Nodes are composed and taken apart; each of the two is interrupted once."""

    rounds, time_limit = ROUNDS, stores.patience(ROUNDS * 600)
    pairs = list(zip(itertools.cycle(COMPOSE), DECOMPOSE, strict=False))

    def setUp(self):
        super().setUp()
        self.podm_ids = [
            self.add("at-once", **BLOCKS),
            self.add("tasks", **BLOCKS, tasks=True, compose_seconds=0.2),
        ]

    def test_nothing_is_doubled_lost_or_stranded(self):
        for number, (composing, removing) in enumerate(self.pairs * self.rounds):
            podm_id = self.podm_ids[number % 2]
            faults = FAULTS[number // 2 % len(FAULTS)]
            self.interrupt(podm_id, composing, lambda podm_id=podm_id: self.compose(podm_id), faults)
            self.assertEqual(["composed"] * NODES, [row["state"] for row in self.client.rows("/v1/nodes")])
            self.switch_on(podm_id)
            self.interrupt(podm_id, removing, self.decompose)
            self.assertEqual([], self.client.rows("/v1/nodes"))
        report(self.kills)


class AdoptKillTest(KillCase):
    """Systems are adopted and released."""

    rounds, time_limit = ROUNDS, stores.patience(ROUNDS * 60)

    def test_each_system_has_one_node(self):
        podm_id = self.add("plain", systems=NODES, racks=1, nodes=0, system_blocks=0)
        for _ in range(self.rounds):
            self.interrupt(podm_id, ADOPT, self.adopt)
            nodes = self.client.rows("/v1/nodes")
            self.assertEqual(["composed"] * NODES, [row["state"] for row in nodes])
            for node in nodes:
                self.assertEqual(204, self.client.request("DELETE", f"/v1/nodes/{node['uuid']}").status_code)
        report(self.kills)

    def adopt(self):
        """Adopt all systems, and return the operations."""
        for system in self.client.rows("/v1/systems"):
            self.client.post("/v1/nodes/manage", {"resource_id": system["uuid"]})
        return self.open_operations()


def report(kills):
    """Print how often a conductor was killed at each point, and how many operations that interrupted."""
    for point, number in sorted(kills.items()):
        print(
            f"kills: {point.step}, {point.when} {point.method}: {number} kills, {number * NODES} operations",
            file=sys.stderr,
        )
