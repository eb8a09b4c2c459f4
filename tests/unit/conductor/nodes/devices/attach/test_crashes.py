# SPDX-License-Identifier: Apache-2.0
"""A conductor dies before each commit and each request of attaching and detaching; another one goes on."""

from tests.unit.conductor.nodes import test_creation
from tests.unit.conductor.nodes.compose import test_crashes
from valence.db import models

NODE = {"processor": {"total_cores": 1}, "storage": [{"capacity_gib": 1, "count": 1}]}
DRIVE = {"storage": [{"capacity_gib": 1, "count": 1}]}


class CrashTest(test_crashes.CrashCase):
    pod_options = test_creation.POD

    def setUp(self):
        super().setUp()
        answer = self.nodes.create(self.context, {"name": "web", "properties": NODE})
        ended, _ = self.run_to_its_end(answer["operation"])
        self.assertEqual("succeeded", ended.state, ended.cause)
        self.node = self.store.get(models.Node, answer["node"]["uuid"])
        self.before = self.blocks()
        self.died = 0

    def blocks(self):
        """Return the blocks of the only machine, as the service says."""
        (system,) = self.composed()
        return set(system["blocks"])

    def act(self, point, **action):
        """Run an action whose conductor dies at a point, and return its operation after the end."""
        operation = self.nodes.act(self.context, None, self.node.uuid, action)
        self.fuse.arm(point)
        ended, deaths = self.run_to_its_end(operation)
        self.died += deaths
        return ended

    def without_deaths(self, **action):
        """Run an action whose conductors live; the next points go on where they were."""
        left = self.fuse.at
        self.fuse.arm(None)
        ended = self.act(None, **action)
        self.fuse.at = left
        self.assertEqual("succeeded", ended.state, ended.cause)

    def added(self):
        """Return the claims of what was attached."""
        return [claim for claim in self.store.list(models.Claim) if claim.part == "storage/1"]

    def assert_as_before(self, point):
        """Check that the node and its machine are what they were."""
        self.assertEqual(self.before, self.blocks(), point)
        self.assertEqual([], self.added(), point)
        self.assertEqual("composed", self.store.get(models.Node, self.node.uuid).state)
        self.assertEqual(2, len(self.devices(full=True)), point)

    def test_a_device_is_attached_once_wherever_a_conductor_dies(self):
        for point in self.each_point():
            ended = self.act(point, attach=DRIVE)
            self.assertEqual("succeeded", ended.state, (point, ended.cause))
            (claim,) = self.added()
            self.assertEqual("attached", claim.state, point)
            self.assertEqual(1, len(self.blocks() - self.before), point)
            self.without_deaths(detach={"device_id": claim.device_id})
            self.assert_as_before(point)
        self.assertGreaterEqual(self.died, 4)  # before three commits and the request

    def test_a_device_is_detached_wherever_a_conductor_dies(self):
        for point in self.each_point():
            self.without_deaths(attach=DRIVE)
            (claim,) = self.added()
            ended = self.act(point, detach={"device_id": claim.device_id})
            self.assertEqual("succeeded", ended.state, (point, ended.cause))
            self.assert_as_before(point)
        self.assertGreater(self.died, 4)

    def test_an_attachment_that_fails_leaves_nothing_wherever_a_conductor_dies(self):
        self.pod.set_faults(compose_fail_rate=1.0)
        for point in self.each_point():
            ended = self.act(point, attach=DRIVE)
            self.assertEqual("failed", ended.state, point)
            self.assert_as_before(point)
        self.assertGreater(self.died, 4)

    def test_answers_that_are_cut_are_no_second_device(self):
        self.pod.set_faults(compose_cut_rate=1.0)
        self.test_a_device_is_attached_once_wherever_a_conductor_dies()
