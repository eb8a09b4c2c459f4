# SPDX-License-Identifier: Apache-2.0
"""The clients that ironic-inspector has, unchanged, against a whole Valence and a simulated pod."""

import json
import uuid

import ironic_inspector_client

from tests import base
from tests import live
from tests import ramdisk
from tests import servers
from tests.contract import test_storages


class IntrospectionCase(base.TestCase):
    storage = "database"

    def setUp(self):
        super().setUp()
        self.site = self.useFixture(live.Site(processing__storage_backend=self.storage, prepare=self.prepare))
        self.site.register()
        self.wait_for(lambda: len(self.site.systems()) == 2, timeout=30)
        self.system = self.site.systems()[0]
        self.uuid = self.system["uuid"]
        self.client = ironic_inspector_client.ClientV1(inspector_url=self.site.introspection)

    def prepare(self, conf):
        """Set options of the storage."""

    def start(self, machine=None, **keywords):
        """Start an introspection and wait until its ramdisk is waited for."""
        self.client.introspect(machine or self.uuid, manage_boot=False, **keywords)
        self.wait_for(lambda: self.client.get_status(self.uuid)["state"] == "waiting")

    def document(self, size="small"):
        return ramdisk.document(size, self.site.mac(self.system))

    def introspect(self, document):
        """Introspect the machine with a document."""
        self.start()
        answer = ramdisk.post(self.site.introspection, document)
        self.assertEqual((200, {"uuid": self.uuid}), (answer.status_code, answer.json()), answer.text)
        status = self.client.wait_for_finish([self.uuid], retry_interval=0.1, max_retries=50)[self.uuid]
        self.assertEqual((None, "finished"), (status["error"], status["state"]))

    def assert_refused(self, status, call, *arguments, **keywords):
        error = self.assertRaises(ironic_inspector_client.ClientError, call, *arguments, **keywords)
        self.assertEqual(status, error.response.status_code, error)
        return str(error)


class ClientTest(IntrospectionCase):
    def test_versions(self):
        self.assertEqual(((1, 0), (1, 18)), self.client.server_api_versions())
        ironic_inspector_client.ClientV1(inspector_url=self.site.introspection, api_version=(1, 13))

    def test_an_introspection(self):
        for size in ramdisk.SAMPLES:
            document = self.document(size)
            self.introspect(document)
            document.pop("logs", None)
            self.assertEqual(document, self.client.get_data(self.uuid, processed=False))
            processed = self.client.get_data(self.uuid)
            self.assertEqual(document["inventory"], processed["inventory"])
            self.assertEqual(processed, json.loads(self.client.get_data(self.uuid, raw=True)))
            self.assertEqual(document["inventory"]["cpu"]["count"], processed["cpus"])

    def test_interfaces_and_their_switches(self):
        self.introspect(self.document("medium"))
        fields = ["interface", "mac", "switch_port_id", "switch_port_vlan_ids"]
        rows = self.client.get_all_interface_data(self.uuid, fields)
        self.assertIn([101, 102, 104, 2001, 2002], [row[3] for row in rows])
        one = self.client.get_interface_data(self.uuid, rows[0][0], field_sel=fields)
        self.assertEqual(rows[0][1], one["mac"])

    def test_processing_anew(self):
        self.introspect(self.document())
        before = self.client.get_data(self.uuid)
        self.client.reprocess(self.uuid)
        self.client.wait_for_finish([self.uuid], retry_interval=0.1)
        self.assertEqual(before, self.client.get_data(self.uuid))

    def test_a_new_start_hides_the_old_data(self):
        self.introspect(self.document())
        self.start()
        for processed in (True, False):
            self.assert_refused(404, self.client.get_data, self.uuid, processed=processed)
        self.assert_refused(409, self.client.reprocess, self.uuid)

    def test_abort(self):
        self.start()
        self.client.abort(self.uuid)
        status = self.client.get_status(self.uuid)
        self.assertEqual(
            (True, "error", "Canceled by operator"), tuple(map(status.get, ("finished", "state", "error")))
        )
        self.assertEqual(400, ramdisk.post(self.site.introspection, self.document()).status_code)

    def test_an_aborted_one_that_has_finished_stays_so(self):
        self.introspect(self.document())
        self.client.abort(self.uuid)
        self.assertEqual("finished", self.client.get_status(self.uuid)["state"])
        self.client.get_data(self.uuid)

    def test_list(self):
        for system in self.site.systems():
            self.client.introspect(system["uuid"], manage_boot=False)
        whole = [row["uuid"] for row in self.client.list_statuses()]
        self.assertEqual({system["uuid"] for system in self.site.systems()}, set(whole))
        first = self.client.list_statuses(limit=1)
        second = self.client.list_statuses(limit=1, marker=first[0]["uuid"])
        self.assertEqual(whole, [row["uuid"] for row in first + second])

    def test_machines_have_names(self):
        self.start(self.system["name"])
        self.assertEqual(self.uuid, self.client.get_status(self.system["name"])["uuid"])

    def test_what_is_not_there(self):
        for call in (
            self.client.introspect,
            self.client.get_status,
            self.client.get_data,
            self.client.abort,
            self.client.reprocess,
        ):
            self.assert_refused(404, call, "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11")
            self.assert_refused(404, call, "nobody")

    def test_what_a_ramdisk_reports_is_kept(self):
        self.start()
        answer = ramdisk.post(self.site.introspection, self.document() | {"error": "no disk at all"})
        self.assertEqual(400, answer.status_code)
        status = self.client.get_status(self.uuid)
        self.assertEqual((True, "error"), (status["finished"], status["state"]))
        self.assertIn("no disk at all", status["error"])
        self.client.get_data(self.uuid, processed=False)

    def test_logs_are_kept_apart(self):
        document = self.document("large")
        self.introspect(document)
        answer = self.site.client.request("GET", f"/introspection/v1/introspection/{self.uuid}/logs")
        self.assertEqual("application/gzip", answer.headers["Content-Type"])
        self.assertEqual(b"\x1f\x8b", answer.content[:2])

    def test_delete(self):
        self.introspect(self.document())
        url = f"/introspection/v1/introspection/{self.uuid}/data"
        self.assertEqual(204, self.site.client.request("DELETE", url).status_code)
        self.assert_refused(404, self.client.get_data, self.uuid)
        self.assertEqual("finished", self.client.get_status(self.uuid)["state"])

    def test_rules(self):
        rules = self.client.rules
        rule = rules.create(
            [{"op": "is-empty", "field": "extra.asset"}],
            [{"action": "set-attribute", "path": "/extra/asset", "value": "none"}],
            description="Machines without an asset tag",
        )
        rules.from_json({"conditions": [], "actions": [{"action": "add-trait", "name": "CUSTOM_SEEN"}]})
        self.assertEqual(rule, rules.get(rule["uuid"]))
        self.assertEqual([rule["uuid"]], [each["uuid"] for each in rules.get_all()][:1])
        self.introspect(self.document())
        node = {"extra": {"asset": "none"}, "traits": ["CUSTOM_SEEN"]}
        self.assertEqual(node, self.client.get_data(self.uuid)["node"])
        rules.delete(rule["uuid"])
        self.assert_refused(404, rules.get, rule["uuid"])
        self.assert_refused(400, rules.create, [{"op": "nope", "field": "a"}], [{"action": "fail"}])
        rules.delete_all()
        self.assertEqual([], rules.get_all())

    def test_everybody_is_told(self):
        self.introspect(self.document())
        self.start()
        self.client.abort(self.uuid)
        told = [
            event.event_type
            for event in self.site.behind.database.events()
            if "introspection" in event.event_type
        ]
        self.assertEqual(
            [f"valence.introspection.{name}" for name in ("start", "end", "start", "error")], told
        )


class WithoutStorageTest(IntrospectionCase):
    storage = "none"

    def test_an_introspection(self):
        self.introspect(self.document())
        self.assert_refused(404, self.client.get_data, self.uuid)
        self.assert_refused(400, self.client.reprocess, self.uuid)


class FileStorageTest(IntrospectionCase):
    storage = "file"

    def test_an_introspection(self):
        document = self.document("large")
        self.introspect(document)
        document.pop("logs")
        self.assertEqual(document, self.client.get_data(self.uuid, processed=False))
        self.client.reprocess(self.uuid)
        self.client.get_data(self.uuid)


class SwiftTest(IntrospectionCase):
    storage = "swift"
    time_limit = 180

    def prepare(self, conf):
        test_storages.set_swift(conf, servers.swift(), f"container-{uuid.uuid4()}")

    def test_an_introspection(self):
        document = self.document("large")
        self.introspect(document)
        document.pop("logs")
        self.assertEqual(document, self.client.get_data(self.uuid, processed=False))
        before = self.client.get_data(self.uuid)
        self.client.reprocess(self.uuid)
        self.assertEqual(before, self.client.get_data(self.uuid))
        self.start()
        self.assert_refused(404, self.client.get_data, self.uuid)
        self.client.abort(self.uuid)
        self.assert_refused(404, self.client.get_data, self.uuid)

    def test_versions(self):
        small, medium = self.document("small"), self.document("medium")
        for document in (small, medium):
            self.introspect(document)
        path = f"/introspection/v1/introspection/{self.uuid}/data"
        self.assertEqual(2, len(self.site.client.get(f"{path}/versions")["versions"]))
        self.assertEqual(small, self.site.client.get(f"{path}/unprocessed", version=1))
        self.assertEqual(medium, self.site.client.get(f"{path}/unprocessed", version=2))
        told = {each["path"]: each for each in self.site.client.get(f"{path}/difference")["differences"]}
        counts = [document["inventory"]["cpu"]["count"] for document in (small, medium)]
        change = told["inventory.cpu.count"]
        self.assertEqual(counts, [change["old"], change["new"]])
