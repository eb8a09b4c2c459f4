# SPDX-License-Identifier: Apache-2.0
"""A conductor is killed at each step of its work on nodes, while the simulator holds the request of this step.

Variable: VALENCE_KILL_ROUNDS, how often at each point. Each kill interrupts the work on four nodes; on a pod manager of
Intel RSD, which allocates one node at a time, on one.
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
    "storage_blocks": 8,
}
#: what else goes wrong in a round
FAULTS = (
    {},
    {"name_ignored_rate": 1.0},
    {"no_location_rate": 1.0, "no_body_rate": 1.0},
    {"stale_state_rate": 1.0},
)


class Point(typing.NamedTuple):
    """Where a conductor is killed: in a step, while the simulator holds a request; ``when`` is one of faults.WHEN.

    ``step`` may name two, ``a/b``, where the one that sends the request depends on the faults.
    """

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
    # An answer without a path lets the step before look for the machine.
    Point("compose/check", "GET", MACHINE),
)
DECOMPOSE = (
    Point("power_off", "GET", MACHINE),
    *points("power_off", "POST", "ComputerSystem.Reset$"),
    *points("erase", "POST", "Drive.SecureErase$", ("before", "after")),
    *points("remove", "DELETE", MACHINE),
    *points("gone", "PATCH", BLOCK, ("before", "after")),
)
#: the steps ``check`` and ``gone`` are stored with what follows them
ATTACH = (
    Point("verify", "GET", BLOCK),
    Point("verify", "GET", MACHINE),
    *points("attach", "POST", r"ComputerSystem\.AddResourceBlock$"),
)
DETACH = (
    Point("power_off", "GET", MACHINE),
    *points("detach", "POST", r"ComputerSystem\.RemoveResourceBlock$"),
    *points("erase", "POST", "Drive.SecureErase$", ("before", "after")),
)
ALLOCATE = (
    Point("compose", "POST", "/Allocate$", "after"),
    Point("compose", "POST", "/Allocate$", "late"),
    Point("compose", "POST", "/Allocate$", "before"),
    Point("check", "POST", r"ComposedNode\.Assemble$", "after"),
)
RELEASE = points("remove", "DELETE", r"/Nodes/\d+$", ("before", "after"))
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
        self.wait_for(self.is_at_rest, 120, self.shares_and_operations)
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
        control.patch("/simulator/faults", dict.fromkeys(set().union(faults, *FAULTS), 0))
        self.assertEqual({"succeeded"}, {row["state"] for row in ended}, (point, faults, ended))
        self.assertEqual([], self.differences(), (point, faults))

    def is_at_rest(self):
        """Return whether both conductors agree on their pod managers, and nothing is under way."""
        return self.are_shared_out() and not self.open_operations()

    def shares_and_operations(self):
        return f"{self.client.rows('/v1/conductors')} {self.open_operations()}"

    def is_held(self, control, asked, point):
        steps = [self.operation(uuid)["steps"][-1:] for uuid in asked]
        is_there = all(
            step and step[0]["name"] in point.step.split("/") and step[0]["state"] == "running"
            for step in steps
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
        """Request nodes of three blocks each, and return their operations."""
        wanted = {"processor": {"total_cores": 1}, "accelerator": {}, "storage": {}}
        body = {"podm_id": podm_id, "properties": wanted}
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


class AttachKillTest(KillCase):
    """Devices are attached to machines that run, and detached; each of the two is interrupted once."""

    rounds, time_limit = ROUNDS, stores.patience(ROUNDS * 400)
    pairs = list(zip(itertools.cycle(ATTACH), DETACH, strict=False))

    def setUp(self):
        super().setUp()
        podm_ids = [
            self.add("at-once", **BLOCKS),
            self.add("tasks", **BLOCKS, tasks=True, compose_seconds=0.2),
        ]
        self.nodes = {podm_id: self.composed(podm_id) for podm_id in podm_ids}

    def composed(self, podm_id):
        """Return the UUIDs of nodes that were composed of a processor each."""
        properties = {"processor": {"total_cores": 1}}
        asked = [
            self._new({"name": f"{podm_id}-{number}", "podm_id": podm_id, "properties": properties})
            for number in range(NODES)
        ]
        return [operation["target_id"] for operation in self.ended([each["uuid"] for each in asked])]

    def test_each_node_has_what_was_attached_once(self):
        for number, (attaching, detaching) in enumerate(self.pairs * self.rounds):
            podm_id = list(self.nodes)[number % 2]
            nodes, faults = self.nodes[podm_id], FAULTS[number // 2 % len(FAULTS)]
            self.interrupt(podm_id, attaching, lambda nodes=nodes: self.attach(nodes), faults)
            self.assertEqual(["processor", "storage/0"] * NODES, self.parts(nodes))
            self.interrupt(podm_id, detaching, lambda nodes=nodes: self.detach(nodes))
            self.assertEqual(["processor"] * NODES, self.parts(nodes))
        report(self.kills)

    def attach(self, nodes):
        return [self.act(uuid, {"attach": {"storage": {}}}) for uuid in nodes]

    def detach(self, nodes):
        return [
            self.act(uuid, {"detach": {"device_id": device["device_id"]}})
            for uuid in nodes
            for device in self.devices(uuid)
            if device["part"] == "storage/0"
        ]

    def act(self, uuid, action):
        return self.client.post(f"/v1/nodes/{uuid}/action", action)

    def devices(self, uuid):
        return sorted(
            self.client.get(f"/v1/nodes/{uuid}/devices")["devices"], key=lambda device: device["part"]
        )

    def parts(self, nodes):
        """Return the parts that nodes have of devices which are attached."""
        devices = itertools.chain.from_iterable(map(self.devices, nodes))
        return [device["part"] for device in devices if device["state"] == "attached"]


class AllocateKillTest(KillCase):
    """RSD nodes are allocated, most of them interrupted between Allocate and the commit, and deleted at last.

    The services do what the simulators of Intel do, choose the systems themselves, or keep nothing but the system.
    """

    #: kills between Allocate and the commit, and kills at other points
    kills_between, others = 50, len(ALLOCATE[1:]) * 2
    time_limit = stores.patience(1500)
    services = (
        "other_allocate,unlinked_nodes,targets_of_first_node,stale_nodes,ended_by_text",
        "nodes_at_root,chooses_systems,endpoint_actions",
        "",
    )

    def setUp(self):
        super().setUp()
        number = self.kills_between + self.others
        self.podm_ids = [
            self.add(
                f"rsd-{index}",
                racks=1,
                systems=number // len(self.services) + 1,
                nodes=0,
                composition="allocate",
                quirks=quirks,
                name_ignored_rate=1.0,
                power_seconds=0,
            )
            for index, quirks in enumerate(self.services)
        ]

    def test_every_node_of_the_services_is_one_of_valence(self):
        kept = {"name_ignored_rate": 1.0}
        points_ = [ALLOCATE[0]] * self.kills_between + [
            *itertools.islice(itertools.cycle(ALLOCATE[1:]), self.others)
        ]
        for number, point in enumerate(points_):
            podm_id = self.podm_ids[number % len(self.podm_ids)]
            more = {"no_location_rate": float(number % 2)}
            self.interrupt(podm_id, point, lambda podm_id=podm_id: self.allocate(podm_id), kept | more)
        there = sum(
            len(each.control.get("/simulator/compositions")["nodes"]) for each in self.simulators.values()
        )
        known = self.client.rows("/v1/nodes")
        self.assertEqual({("composed", "allocated")}, {(row["state"], row["kind"]) for row in known})
        self.assertEqual([len(points_)] * 2, [there, len(known)])
        print(
            f"kills: {len(points_)} interrupted requests, {there} RSD nodes, {len(known)} of Valence",
            file=sys.stderr,
        )
        for number, row in enumerate(known):
            point = RELEASE[number] if number < len(RELEASE) else None
            self.release(row, point)
        self.assertEqual([], self.client.rows("/v1/nodes"))
        self.assertEqual([], self.differences())
        report(self.kills, 1)

    def allocate(self, podm_id):
        """Request a node, and return its operation."""
        return [self._new({"name": "web", "podm_id": podm_id})]

    def release(self, node, point):
        """Delete a node; interrupt that at a point."""

        def request():
            return [self.client.request("DELETE", f"/v1/nodes/{node['uuid']}").json()]

        if point:
            self.interrupt(node["podm_id"], point, request, {"name_ignored_rate": 1.0})
        else:
            self.ended([operation["uuid"] for operation in request()])


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


def report(kills, operations=NODES):
    """Print how often a conductor was killed at each point, and how many operations that interrupted."""
    for point, number in sorted(kills.items()):
        print(
            f"kills: {point.step}, {point.when} {point.method}: {number} kills, {number * operations} operations",
            file=sys.stderr,
        )
