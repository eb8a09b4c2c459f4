# SPDX-License-Identifier: Apache-2.0
"""Processing in a process of its own: what it does, and what if it ends or hangs."""

import json
import signal

import fixtures

from tests import base
from tests import ramdisk
from tests.unit.api import case
from valence.common import errors
from valence.common import introspection_errors
from valence.db import models
from valence.introspection import own_process
from valence.introspection import processing
from valence.introspection.rules import rules

FACTS = {"uuid": "m", "name": "sys-1", "pod_manager": "row-7", "podm_id": "p-7"}
#: a text that this pattern needs longer for than anybody can wait
PATTERN, ENDLESS = "(a+)+$", "a" * 60 + "b"


class OwnProcessTest(base.TestCase):
    def setUp(self):
        super().setUp()
        file = self.make_folder() / "valence.conf"
        file.write_text("[processing]\nredact = inventory.hostname\n")
        self.conf = case.configuration(self.make_folder())
        self.conf([], project="valence", default_config_files=[str(file)])
        self.process = own_process.OwnProcess(self.conf)
        self.addCleanup(self.process.stop)
        self.data = json.dumps(ramdisk.document("small", "02:00:00:00:00:07")).encode()

    def test_it_does_what_is_done_here(self):
        here = processing.Processing(self.conf)
        prepared = self.process.prepare(self.data, is_from_ramdisk=True)
        self.assertEqual(here.prepare(self.data, is_from_ramdisk=True), prepared)
        self.assertIn("redacted", prepared.unprocessed.decode())
        arguments = prepared.processed, [], None
        self.assertEqual(here.complete(*arguments), self.process.complete(*arguments))

    def test_errors_arrive_as_they_are(self):
        error = self.assertRaises(errors.BadRequest, self.process.prepare, b"[]")
        self.assertIn("must be a JSON object", error.detail)

    def test_when_it_was_killed_there_is_another_one(self):
        self.process.prepare(self.data)
        first = self.process._process
        first.send_signal(signal.SIGKILL)
        first.wait()
        self.assertTrue(self.process.prepare(self.data).unprocessed)
        self.assertNotEqual(first.pid, self.process._process.pid)

    def test_when_it_always_ends_that_is_told(self):
        self.useFixture(fixtures.MonkeyPatch("valence.introspection.own_process.sys.executable", "/bin/true"))
        self.assertRaises(introspection_errors.ProcessingUnavailable, self.process.prepare, self.data)

    def test_what_takes_for_ever_is_ended(self):
        condition = {"op": "matches", "field": "endless", "value": PATTERN}
        rule = {"conditions": [condition], "actions": [{"action": "fail", "message": "x"}]}
        row = models.IntrospectionRule(uuid="r", **rules.normal(rule))
        self.process.prepare(self.data)
        self.useFixture(fixtures.MonkeyPatch("valence.introspection.own_process.LONGEST", 1))
        document = json.dumps({"endless": ENDLESS, "inventory": {}}).encode()
        error = self.assertRaises(
            introspection_errors.ProcessingFailed, self.process.complete, document, [row], FACTS
        )
        self.assertIn("within 1 seconds", error.detail)
        self.assertIsNone(self.process._process)

    def test_after_stop_there_is_no_process(self):
        self.process.prepare(self.data)
        process = self.process._process
        self.process.stop()
        self.assertIsNotNone(process.poll())
        self.process.stop()


class ServeTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.mine, its = own_process.connection.Pipe()
        self.addCleanup(its.close)
        self.its = its

    def test_it_ends_when_nobody_asks(self):
        self.useFixture(fixtures.MonkeyPatch("valence.introspection.own_process.IDLE", 0.01))
        own_process.serve(self.its, None)
        self.mine.close()

    def test_it_ends_when_whoever_asked_is_gone(self):
        self.mine.close()
        own_process.serve(self.its, None)

    def test_a_bug_is_no_end(self):
        self.useFixture(fixtures.MonkeyPatch("valence.introspection.own_process.IDLE", 0.2))
        self.mine.send(("split", [5], {}))
        self.mine.send(("__len__", [], {}))
        own_process.serve(self.its, "three")
        self.assertIsInstance(self.mine.recv(), errors.Internal)
        self.assertEqual(5, self.mine.recv())
