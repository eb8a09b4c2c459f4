# SPDX-License-Identifier: Apache-2.0
"""The example of a controller is killed at each point and started again: the node never has two accelerators."""

import json
import pathlib
import signal
import subprocess
import sys
import uuid
from unittest import mock

from tests import base
from tests import live
from tests.functional import controller_kills
from valence import client
from valence.client import errors

ROOT = pathlib.Path(__file__).parents[2]
HARDWARE = {"system_blocks": 0, "compute_blocks": 1, "storage_blocks": 0, "accelerator_blocks": 2, "nodes": 0}
NODE = "web-3"


class RefusalTest(base.TestCase):
    """What the controller does with a request that is refused, without a Valence."""

    def setUp(self):
        super().setUp()
        self.controller = controller_kills.load()
        self.file = pathlib.Path(self.make_folder(), "claim.json")
        spec = {"node": NODE, "model": "H100", "attached": True}
        self.file.write_text(json.dumps({"metadata": {"uid": "u"}, "spec": spec}))
        self.error = errors.Conflict("Nothing fits.", status=409)
        self.rack = mock.Mock()
        self.rack.nodes.act.side_effect = self.error

    def reconcile(self):
        """Look at the claim once, as a controller that was just started; return the claim."""
        claim = self.controller.Claim(self.file)
        self.assertEqual(self.controller.BACKOFF, self.controller.reconcile(self.rack, claim))
        self.assertEqual("Nothing fits.", claim.status["message"])
        return self.controller.Claim(self.file)

    def test_it_is_the_same_request_until_it_was_refused_for_long_enough(self):
        self.assertEqual("u-1", self.reconcile().status["request"]["key"])
        claim = self.reconcile()
        self.assertEqual("u-1", claim.status["request"]["key"])
        claim.update(refused_at=claim.status["refused_at"] - self.controller.BACKOFF)
        self.assertIsNone(self.reconcile().status["request"])
        self.assertEqual("u-2", self.reconcile().status["request"]["key"])

    def test_an_operation_that_failed_needs_another_key(self):
        self.rack.nodes.act.side_effect = errors.OperationFailed(
            {"uuid": "7", "operation_kind": "attach", "state": "failed", "cause": "Nothing fits.", "hint": ""}
        )
        claim = self.controller.Claim(self.file)
        self.assertEqual(self.controller.BACKOFF, self.controller.reconcile(self.rack, claim))
        self.assertEqual((None, 1), (claim.status["request"], claim.status["requests"]))


class ControllerTest(base.TestCase):
    time_limit = 300

    def setUp(self):
        super().setUp()
        self.site = self.useFixture(live.Site(systems=1, hardware=HARDWARE))
        self.rack = client.connect(self.site.client.url)
        url = f"{self.site.pod.url}/redfish/v1"
        pod_manager = self.rack.pod_managers.create(name="pod", url=url, **live.CREDENTIALS)
        self.rack.wait_for_operation(self.rack.operation_of(pod_manager))
        (machine,) = self.rack.devices(device_type="Compute", state="free")
        node = self.rack.nodes.create(name=NODE, resources=[machine.id])
        self.rack.wait_for_operation(self.rack.operation_of(node))
        self.model = next(self.rack.devices(device_type="Accelerator")).model
        self.file = pathlib.Path(self.make_folder(), "claim.json")
        self.runner = subprocess.Popen(
            [sys.executable, "-m", "tests.functional.controller_kills"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(self.runner.communicate)

    def want(self, *, attached, uid=None):
        """Store what the claim wants; with ``uid`` it is a new one."""
        known = json.loads(self.file.read_text()) if uid is None else {"metadata": {"uid": uid}}
        spec = {"node": NODE, "model": self.model, "attached": attached}
        self.file.write_text(json.dumps(known | {"spec": spec}))

    def run_controller(self, point=None):
        """Run the controller until it dies or has done its work; return the points that it came by."""
        self.runner.stdin.write(json.dumps([self.site.client.url, str(self.file), point]) + "\n")
        self.runner.stdin.flush()
        result = json.loads(self.runner.stdout.readline())
        self.assertEqual(-signal.SIGKILL if point else 0, result["status"], result)
        return result["points"]

    def accelerators(self):
        """Return the accelerators that the node has, or gets, or loses."""
        return [row for row in self.rack.nodes.devices(NODE) if row.part.startswith("accelerator/")]

    def check(self, *, attached):
        """Check what the node has, and what the status says of it, after the controller has done its work."""
        found, status = self.accelerators(), json.loads(self.file.read_text())["status"]
        self.assertEqual(int(attached), len(found), status)
        self.assertEqual(found[0].device_id if attached else None, status["device"])
        expected = [part["identity"] for part in found[0].parts] if attached else []
        self.assertEqual((expected, attached), (status["identities"], bool(all(expected) and expected)))

    def attachments(self):
        return sum(1 for _ in self.rack.events(event_type="valence.node.device_attached"))

    def test_a_controller_that_is_killed_at_any_point_gets_one_accelerator(self):
        points = {}
        self.want(attached=True, uid=str(uuid.uuid4()))
        points[True] = self.run_controller()
        self.check(attached=True)
        self.want(attached=False)
        points[False] = self.run_controller()
        self.check(attached=False)
        self.assertEqual(["begin 1", "update 1", "POST action 1"], points[True][:3])
        for number in range(max(map(len, points.values()))):
            self.want(attached=True, uid=str(uuid.uuid4()))
            for attached in (True, False):
                before = self.attachments()
                for point in points[attached][number : number + 1]:
                    self.run_controller(point)
                    self.assertLessEqual(len(self.accelerators()), 1, point)
                self.run_controller()
                self.check(attached=attached)
                self.assertEqual(before + attached, self.attachments())
                self.want(attached=False)
        print(f"killed at {points}")
