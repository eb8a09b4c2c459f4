# SPDX-License-Identifier: Apache-2.0
"""A conductor dies before each commit and each request of its work on a node; another one goes on.

Nothing changes in the database or at the hardware between one of these and the next. So a death before the next one
is also the death after the one before, whether that succeeded or failed; what has ended needs no other conductor.
"""

import itertools
import time

import fixtures

from tests import clock
from tests.unit.conductor.nodes import test_creation
from valence.common import errors
from valence.db import models
from valence.podmanagers.redfish import driver

#: requests of a composer that change hardware
REQUESTS = ("assemble", "attach", "compose", "decompose", "detach", "erase", "reserve")


class Died(BaseException):
    """The conductor is gone: nothing in it runs any more."""


class Fuse:
    """Counts the points at which a conductor can die, and lets it die at one of them."""

    def __init__(self):
        self.reached, self.at = 0, None

    def arm(self, point):
        """Let the conductor die at the ``point``-th point from now, None at none."""
        self.reached, self.at = 0, point

    def pass_(self):
        """Reach a point."""
        self.reached += 1
        if self.reached == self.at:
            self.at = None
            raise Died

    def before(self, function):
        """Return a function that has a point before it."""

        def wrapped(*arguments, **keywords):
            self.pass_()
            return function(*arguments, **keywords)

        return wrapped


class Fused:
    """An object whose methods named here have points before them."""

    def __init__(self, real, fuse, *names):
        self._real, self._fuse, self._names = real, fuse, names

    def __getattr__(self, name):
        found = getattr(self._real, name)
        return self._fuse.before(found) if name in self._names else found


class CrashCase(test_creation.CreationCase):
    #: a machine on its way to a power state waits for a few polls; a longer way only has more of them
    pod_options = test_creation.POD | {"power_seconds": 0.2}
    time_limit = 240

    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.nodes.hardware.FREE_SECONDS", 0.05))
        self.fuse = Fuse()
        composer = driver.RedfishDriver.composer
        for name, function in (
            ("composer", lambda one: Fused(composer(one), self.fuse, *REQUESTS)),
            ("power", self.fuse.before(driver.RedfishDriver.power)),
            ("boot", self.fuse.before(driver.RedfishDriver.boot)),
        ):
            self.useFixture(fixtures.MonkeyPatch(f"{driver.__name__}.RedfishDriver.{name}", function))
        self.worker = self.conductor.service._node_worker
        self.worker._loop.stop()
        self.worker._store = Fused(self.worker._store, self.fuse, "commit")

    def run_to_its_end(self, operation):
        """Work on an operation as one conductor after the other does; return it, and how many of them died."""
        deaths, began = 0, clock.seconds()
        while not (stored := self.store.get(models.Operation, operation["uuid"])).ended_at:
            self.assert_in_time(clock.seconds() - began, 20, vars(stored))
            try:
                seconds = self.worker._advance(stored.uuid, stored.target_id)
            except Died:
                deaths += 1
                self.worker._begun.clear()
            except (errors.RevisionMismatch, errors.NotFound):
                seconds = 0  # a step is repeated, as the worker does
            else:
                time.sleep(min(seconds or 0, 0.05))
        return stored, deaths

    def each_point(self, first=1):
        """Yield ``first``, ``first`` + 1 … until the work has fewer points than that."""
        for point in itertools.count(first):
            yield point
            if self.fuse.at is not None:
                return

    def assert_nothing_left(self):
        """Check that no node, claim, device in use or machine is left."""
        self.assertEqual([], self.store.list(models.Node))
        self.assertEqual([], self.store.list(models.Claim))
        self.assertEqual([], self.devices(full=True))
        self.assertEqual(0, len(self.composed()))


class CrashTest(CrashCase):
    def test_a_composition_ends_with_one_machine_wherever_a_conductor_dies(self):
        died = 0
        for point in self.each_point():
            answer = self.nodes.create(self.context, {"name": "web", "properties": test_creation.SMALL})
            self.fuse.arm(point)
            ended, deaths = self.run_to_its_end(answer["operation"])
            died += deaths
            self.assertEqual("succeeded", ended.state, (point, ended.cause))
            node = self.store.get(models.Node, answer["node"]["uuid"])
            self.assertEqual([node.resource_url], self.machines(), point)
            self.assertEqual({"attached"}, {claim.state for claim in self.store.list(models.Claim)})
            left = self.fuse.at
            self.fuse.arm(None)
            self.take_apart(node)
            self.fuse.at = left
        self.assertGreater(died, 5)

    def test_a_machine_is_erased_and_taken_apart_wherever_a_conductor_dies(self):
        died = erased = 0
        for point in self.each_point():
            answer = self.nodes.create(self.context, {"name": "web", "properties": test_creation.SMALL})
            self.fuse.arm(None)
            self.run_to_its_end(answer["operation"])
            operation = self.nodes.delete(self.context, None, answer["node"]["uuid"])
            self.fuse.arm(point)
            ended, deaths = self.run_to_its_end(operation)
            died += deaths
            self.assertEqual(("succeeded", "complete"), (ended.state, ended.result), (point, ended.cause))
            before, erased = erased, sum(self.pod.compositions()["erased"].values())
            self.assertGreater(erased, before, point)
            self.assert_nothing_left()
        self.assertGreater(died, 6)

    def test_a_composition_that_fails_leaves_nothing_wherever_a_conductor_dies(self):
        self.pod.set_faults(compose_fail_rate=1.0)
        died = 0
        for point in self.each_point():
            answer = self.nodes.create(self.context, {"name": "web", "properties": test_creation.SMALL})
            self.fuse.arm(point)
            ended, deaths = self.run_to_its_end(answer["operation"])
            died += deaths
            self.assertEqual("failed", ended.state, point)
            self.assertEqual("error", self.store.get(models.Node, answer["node"]["uuid"]).state)
            self.nodes.delete(self.context, None, answer["node"]["uuid"])
            self.assert_nothing_left()
        self.assertGreater(died, 5)

    def test_without_a_name_and_an_address_the_machine_is_still_the_only_one(self):
        self.pod.set_faults(name_ignored_rate=1.0, no_location_rate=1.0, no_body_rate=1.0)
        self.test_a_composition_ends_with_one_machine_wherever_a_conductor_dies()

    def test_a_restart_is_asked_for_once_at_most(self):
        answer = self.nodes.create(self.context, {"name": "web", "properties": test_creation.SMALL})
        self.run_to_its_end(answer["operation"])
        resets = self.count_resets()
        for point in self.each_point():
            resets.clear()
            operation = self.nodes.act(self.context, None, answer["node"]["uuid"], {"power": "force_restart"})
            self.fuse.arm(point)
            ended, _ = self.run_to_its_end(operation)
            self.assertLessEqual(len(resets), 1, point)
            if ended.state == "succeeded":
                self.assertEqual(1, len(resets), point)

    def test_the_button_of_a_machine_is_pushed_once_at_most_after_it_was_made(self):
        resets, pushed = self.count_resets(), 0
        boot = {"target": "pxe", "enabled": "once", "mode": None}
        wanted = {"properties": test_creation.SMALL, "boot": boot, "power": "push_power_button"}
        for point in self.each_point(first=self.points_of_a_composition() - 1):
            resets.clear()
            answer = self.nodes.create(self.context, {"name": "web"} | wanted)
            self.fuse.arm(point)
            ended, _ = self.run_to_its_end(answer["operation"])
            left = self.fuse.at
            self.fuse.arm(None)
            node = self.store.get(models.Node, answer["node"]["uuid"])
            self.assertEqual(("composed", [node.resource_url]), (node.state, self.machines()), point)
            self.assertLessEqual(len(resets), 1, point)
            if ended.state == "succeeded":
                self.assertEqual(1, len(resets), point)
                pushed += 1
            self.take_apart(node)
            self.fuse.at = left
        self.assertGreater(pushed, 5, ended.cause)

    def points_of_a_composition(self):
        """Compose a node and take it apart; return at how many points its conductor could die."""
        answer = self.nodes.create(self.context, {"name": "web", "properties": test_creation.SMALL})
        self.fuse.arm(None)
        self.run_to_its_end(answer["operation"])
        points = self.fuse.reached
        self.take_apart(self.store.get(models.Node, answer["node"]["uuid"]))
        return points

    def count_resets(self):
        """Return a list that each reset of a machine is appended to."""
        resets, power = [], driver.RedfishDriver.power

        def counted(one, url, reset_type):
            outcome = power(one, url, reset_type)
            resets.append(reset_type)
            return outcome

        self.useFixture(fixtures.MonkeyPatch(f"{driver.__name__}.RedfishDriver.power", counted))
        return resets

    def machines(self):
        """Return the paths of the machines that the service has composed."""
        return [system["path"] for system in self.composed()]

    def take_apart(self, node):
        operation = self.nodes.delete(self.context, None, node.uuid)
        ended, _ = self.run_to_its_end(operation)
        self.assertEqual("succeeded", ended.state, ended.cause)
        self.assert_nothing_left()
