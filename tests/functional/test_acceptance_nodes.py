# SPDX-License-Identifier: Apache-2.0
"""Acceptance: what is said of nodes is what their machines do, also where conductors are killed in between."""

import collections
import itertools

import requests

from tests import stores
from tests import sushy_emulator
from tests.functional import acceptance

#: systems of the emulator
SYSTEMS = 50
#: times that a conductor is killed in each step
ROUNDS = 3


class NodesCase(acceptance.AcceptanceCase):
    """A test that adopts the systems of a pod manager."""

    def adopt_all(self, podm_id):
        """Adopt all systems of a pod manager, and return the nodes by the last part of their paths."""
        for system in self.client.rows("/v1/systems", podm_id=podm_id):
            self.client.post("/v1/nodes/manage", {"resource_id": system["uuid"]})
        self.wait_until_ended("adopt")
        return {node["resource_url"].rpartition("/")[2]: node for node in self.client.rows("/v1/nodes")}

    def act(self, node, **action):
        """Request an action on a node, and return the operation."""
        return self.client.post(f"/v1/nodes/{node['uuid']}/action", action)

    def act_on_all(self, nodes, *, result="complete", **action):
        """Request an action on each node, wait until all of them have ended, and check that each has ``result``."""
        asked = {self.act(node, **action)["uuid"] for node in nodes.values()}
        ended = [each for each in self.wait_until_ended() if each["uuid"] in asked]
        outcomes = collections.Counter((each["state"], each["result"]) for each in ended)
        self.assertEqual({("succeeded", result): len(nodes)}, dict(outcomes), ended)

    def wait_until_ended(self, kind=None, seconds=120):
        """Return all operations on nodes once each of them has ended."""
        filters = {"operation_kind": kind} if kind else {}

        def ended():
            found = self.client.rows("/v1/operations", target_kind="node", **filters)
            return all(each["ended_at"] for each in found) and found

        return self.wait_for(ended, seconds, lambda: str(self.client.rows("/v1/operations")))


class EmulatorTest(NodesCase):
    """sushy-tools' emulator, whose systems are off at first and take up to 11 s to change their power.

    It keeps what a system boots from, but not for how long: each choice is ``Continuous`` there.
    """

    options = {"sync": {"interval": 600}, "composition": {"power_timeout": 25}}
    time_limit = stores.patience(300)

    def setUp(self):
        super().setUp()
        self.emulator = self.useFixture(sushy_emulator.SushyEmulator(systems=SYSTEMS))
        pod_manager = self.valence.register("emulator", self.emulator.url)
        self.podm_id = self.wait_until_synchronized(pod_manager["uuid"], 60)["uuid"]

    def test_fifty_systems_are_adopted_started_from_the_network_once_and_released(self):
        nodes = self.adopt_all(self.podm_id)
        self.assertEqual(SYSTEMS, len(nodes))
        self.assertEqual({"composed"}, {node["state"] for node in nodes.values()})
        self.act_on_all(nodes, boot={"target": "pxe"}, result="unconfirmed")
        self.assertEqual({("Off", "Pxe", "Continuous"): SYSTEMS}, dict(self.emulated(nodes)))
        self.act_on_all(nodes, boot={"target": "pxe", "enabled": "continuous"})
        self.act_on_all(nodes, power="on")
        self.assert_shown_as_emulated(nodes)
        self.assertEqual({"On"}, {power for power, _, _ in self.emulated(nodes)})
        self.act_on_all(dict(itertools.islice(nodes.items(), SYSTEMS // 2)), power="force_off")
        self.assert_shown_as_emulated(nodes)
        before = self.emulated(nodes)
        for node in nodes.values():
            self.assertEqual(204, self.client.request("DELETE", f"/v1/nodes/{node['uuid']}").status_code)
        self.assertEqual([], self.client.rows("/v1/nodes"))
        self.assertEqual(before, self.emulated(nodes))
        self.assert_the_history_is_complete(nodes)

    def emulated(self, nodes):
        """Return how many machines the emulator has with each power, boot target and duration of it."""
        return collections.Counter(self.machine(name) for name in nodes)

    def machine(self, name):
        """Return the power, the boot target and its duration of a system, as the emulator says."""
        document = requests.get(f"{self.emulator.url}/Systems/{name}", timeout=60).json()
        boot = document["Boot"]
        return (
            document["PowerState"],
            boot["BootSourceOverrideTarget"],
            boot["BootSourceOverrideEnabled"],
        )

    def assert_shown_as_emulated(self, nodes):
        """Check that each node soon has the power that the emulator says."""
        actual = {name: self.machine(name)[0] for name in nodes}

        def shown():
            rows = self.client.rows("/v1/nodes")
            return {row["resource_url"].rpartition("/")[2]: row["power_state"] for row in rows} == actual

        self.wait_for(shown, 60, lambda: f"{actual} {self.client.rows('/v1/nodes')}")

    def assert_the_history_is_complete(self, nodes):
        """Check that the events of each node lead from its creation to its end, without a gap."""
        history = collections.defaultdict(list)
        for event in self.events(object_kind="node"):
            history[event["object_id"]].append(event)
        self.assertEqual({node["uuid"] for node in nodes.values()}, set(history))
        for told in history.values():
            self.assertEqual("valence.node.create", told[0]["event_type"])
            self.assertEqual("valence.node.delete", told[-1]["event_type"])
            for earlier, later in itertools.pairwise(told):
                self.assertEqual(earlier["new"]["state"], later["old"]["state"])


class CrashTest(NodesCase):
    """A conductor is killed while it works on nodes; the other one goes on. The simulator counts the resets.

    Machines do not end a change of their power before the conductor has been killed, however slow the test is.
    """

    options = {"sync": {"interval": 600}}
    conductors = 2
    time_limit = stores.patience(300)

    def setUp(self):
        super().setUp()
        self.simulator = self.simulate(systems=4, nodes=0, system_blocks=0, power_seconds=3600)
        self.nodes = self.adopt_all(self.register(self.simulator)["uuid"])
        self.assertEqual(4, len(self.nodes))
        self.wait_until_shared_out()

    def test_a_reset_that_is_under_way_is_finished_or_its_outcome_is_unknown(self):
        for number in range(ROUNDS):
            self.set_latency(1000)
            arrived = self.arrived()
            asked = self.begin()
            self.wait_for(lambda arrived=arrived: self.arrived() > arrived, 30)
            self.kill(asked)
            self.set_latency(0)
            for name, operation in self.ended(asked).items():
                if operation["state"] == "failed":
                    self.assertEqual("force_restart", self.action(name))
                    self.assertIn("is not known", operation["cause"])
                else:
                    self.assertEqual(("succeeded", "complete"), (operation["state"], operation["result"]))
            self.assert_done(number + 1)

    def test_a_reset_that_was_accepted_is_confirmed_and_not_sent_again(self):
        for number in range(ROUNDS):
            asked = self.begin()
            self.wait_for(lambda asked=asked: self.steps(asked) == {("confirm", "running")}, 30)
            self.kill(asked)
            outcomes = {(each["state"], each["result"]) for each in self.ended(asked).values()}
            self.assertEqual({("succeeded", "complete")}, outcomes)
            self.assert_done(number + 1)
            for name, sent in self.resets().items():
                self.assertEqual(number + 1, sum(sent.values()), name)

    def begin(self):
        """Switch two machines off, and restart two; return the operations by the names of their systems."""
        for name in self.nodes:
            self.simulator.control.patch(f"/simulator/systems/{name}", {"power": "On"})
        return {name: self.act(node, power=self.action(name)) for name, node in self.nodes.items()}

    @staticmethod
    def action(name):
        return "force_off" if name in ("System1", "System2") else "force_restart"

    def set_latency(self, milliseconds):
        self.simulator.control.patch("/simulator/faults", {"latency": milliseconds})

    def arrived(self):
        """Return how many POSTs have arrived at the simulator, also those that it has not answered."""
        return self.simulator.control.get("/simulator/stats")["by_method"]["POST"]

    def resets(self):
        """Return how often each system was reset, by its name and the type of the reset."""
        return self.simulator.control.get("/simulator/stats")["resets"]

    def steps(self, asked):
        """Return the last steps of operations, and their states."""
        found = [self.client.get(f"/v1/operations/{each['uuid']}")["steps"][-1:] for each in asked.values()]
        return {
            (step["name"], step["state"]) for last in found for step in last or [{"name": "", "state": ""}]
        }

    def kill(self, asked):
        """Kill the conductor that works on an operation."""
        rows = [self.client.get(f"/v1/operations/{each['uuid']}") for each in asked.values()]
        [working] = {row["conductor"] for row in rows} - {None}
        self.killed = next(each for each in self.valence.conductors if each.name == working)
        self.killed.kill()

    def ended(self, asked):
        """Let the machines do what they were asked for, return the ended operations, start what was killed."""
        uuids = {operation["uuid"]: name for name, operation in asked.items()}

        def ended():
            self.let_power_change()
            rows = self.client.rows("/v1/operations", target_kind="node", operation_kind="power")
            found = {uuids[row["uuid"]]: row for row in rows if row["ended_at"] and row["uuid"] in uuids}
            return len(found) == len(uuids) and found

        ended = self.wait_for(ended, 120, lambda: str(self.client.rows("/v1/operations")))
        self.killed.start()
        self.wait_until_shared_out()
        return ended

    def assert_done(self, rounds):
        """Check that machines are off that have to be, that no restart was repeated, and that no node is busy."""
        resets = self.resets()
        for name, node in self.nodes.items():
            self.assertEqual("composed", self.client.get(f"/v1/nodes/{node['uuid']}")["state"])
            if self.action(name) == "force_restart":
                self.assertLessEqual(resets.get(name, {}).get("ForceRestart", 0), rounds)
            else:
                self.assertEqual("Off", self.power(name))

    def let_power_change(self):
        """End each change of power that is under way."""
        for name in self.nodes:
            if self.power(name).startswith("Powering"):
                power = "Off" if self.action(name) == "force_off" else "On"
                self.simulator.control.patch(f"/simulator/systems/{name}", {"power": power})

    def power(self, name):
        """Return the power of a system."""
        url = f"{self.simulator.root}/Systems/{name}"
        credentials = tuple(acceptance.CREDENTIALS.values())
        return requests.get(url, auth=credentials, timeout=60).json()["PowerState"]
