# SPDX-License-Identifier: Apache-2.0
"""What is made of a document."""

import base64
import json

from tests import base
from tests import ramdisk
from tests.unit.api import case
from valence.common import errors
from valence.common import introspection_errors
from valence.db import models
from valence.introspection import processing
from valence.introspection.rules import rules

FACTS = {"uuid": "m", "name": "sys-1", "pod_manager": "row-7", "podm_id": "p-7"}
MAC = "02:00:00:00:00:07"


class ProcessingTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.processing = self.processing_of()
        self.document = ramdisk.document("small", MAC)

    def processing_of(self, **options):
        return processing.Processing(case.configuration(self.make_folder(), **options))

    def prepare(self, **options):
        return self.processing.prepare(json.dumps(self.document).encode(), **options)

    def test_the_document_of_a_ramdisk(self):
        logs = base64.b64encode(b"archive").decode()
        self.document |= {"logs": logs, "error": None}
        prepared = self.prepare(is_from_ramdisk=True)
        del self.document["logs"]
        self.assertEqual(self.document, json.loads(prepared.unprocessed))
        self.assertEqual((b"archive", []), (prepared.logs, prepared.failures))
        self.assertIn(MAC, prepared.addresses["mac"])
        self.assertIn("all_interfaces", json.loads(prepared.processed))

    def test_what_a_ramdisk_and_the_hooks_complain_of(self):
        self.document |= {"error": {"disk": "none"}, "inventory": None}
        told, *others = self.prepare(is_from_ramdisk=True).failures
        self.assertEqual('The ramdisk reports: {"disk":"none"}', told)
        self.assertTrue(others)

    def test_what_is_processed_anew_is_not_asked_whether_its_ramdisk_failed(self):
        self.document |= {"error": "no disk", "logs": "text"}
        prepared = self.prepare()
        self.assertEqual((None, []), (prepared.logs, prepared.failures))

    def test_no_document_keeps_logs(self):
        self.document |= {"logs": "text"}
        prepared = self.prepare()
        for document in (prepared.unprocessed, prepared.processed):
            self.assertNotIn("logs", json.loads(document))

    def test_what_is_no_document(self):
        for data in (b"", b"[]", b"{", b'{"a": NaN}', b"[" * 100_000):
            self.assertRaises(errors.BadRequest, self.processing.prepare, data)

    def test_hooks_and_rules_complete_it(self):
        action = {"action": "set-attribute", "path": "/seen", "value": 5}
        rule = models.IntrospectionRule(uuid="r", **rules.normal({"actions": [action]}))
        done = json.loads(self.processing.complete(self.prepare().processed, [rule], FACTS))
        self.assertEqual((5, 2), (done["node"]["seen"], done["cpus"]))

    def test_a_rule_may_fail_it(self):
        rule = models.IntrospectionRule(
            uuid="r", **rules.normal({"actions": [{"action": "fail", "message": "too small"}]})
        )
        found = self.prepare().processed
        self.assertRaises(introspection_errors.RuleFailed, self.processing.complete, found, [rule], FACTS)

    def test_what_is_not_to_be_kept_is_in_neither_form(self):
        self.processing = self.processing_of(processing__redact=["inventory.hostname"])
        prepared = self.prepare()
        for data in (prepared.unprocessed, self.processing.complete(prepared.processed, [], None)):
            self.assertEqual("redacted", json.loads(data)["inventory"]["hostname"])
