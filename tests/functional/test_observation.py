# SPDX-License-Identifier: Apache-2.0
"""What operators see from outside, and what they change while a process runs: figures, logs, SIGHUP."""

import json

import requests

from tests import base
from tests import deployment
from tests import embedded
from tests import figures
from tests import process
from valence.common import secrets

UNKNOWN = "00000000-0000-4000-8000-000000000000"
REQUEST = "req-11111111-2222-4333-8444-555555555555"
ACCESS = {"username": "admin", "password": "password"}


class ProcessCase(base.TestCase):
    """A test of one process with a configuration file of its own."""

    def setUp(self):
        super().setUp()
        self.folder = self.make_folder()
        self.simulator = self.useFixture(embedded.Pod()).simulator

    def configure(self, text):
        file = self.folder / "valence.conf"
        file.write_text(text)
        return file

    def start(self, text):
        """Start all of Valence with this configuration, and register the simulated pod."""
        self.valence = self.useFixture(
            deployment.AllInOne(self.folder, "--config-file", self.configure(text))
        )
        url = f"{self.simulator.url}/redfish/v1"
        values = {"name": "pod", "url": url} | ACCESS
        asked = {"X-OpenStack-Request-ID": REQUEST}
        self.uuid = self.valence.client.post("/v1/pod_managers", values, headers=asked)["uuid"]
        self.synchronize()

    def synchronize(self):
        path = f"/v1/pod_managers/{self.uuid}/sync"
        done = self.valence.client.post(path, headers={"Prefer": "wait=20"})
        self.assertEqual("succeeded", done["state"], done)

    def pod_manager(self):
        return self.valence.client.get(f"/v1/pod_managers/{self.uuid}")

    def wait_for_log(self, text):
        self.wait_for(lambda: text in self.valence.log(), 10, lambda: self.valence.log()[-3000:])


class FiguresTest(ProcessCase):
    def test_all_in_one_shows_those_of_api_and_conductor(self):
        self.start("")
        found = figures.parsed(self.valence.client.request("GET", "/metrics").text)
        self.assertGreaterEqual(
            found["valence_conductor_operations_total"][("kind", "sync"), ("result", "succeeded")], 1
        )
        self.assertGreaterEqual(found["valence_conductor_sync_seconds_count"][("result", "succeeded"),], 1)
        self.assertIn((("method", "pod_managers.create"),), found["valence_conductor_rpc_seconds_count"])
        self.assertIn((("access", "commit"),), found["valence_conductor_store_seconds_count"])
        self.assertIn("valence_api_requests_total", found)
        self.assertEqual(1, len(found["process_resident_memory_bytes"]))

    def test_a_conductor_alone_serves_its_own_where_it_is_told_to(self):
        port = deployment.ports.free_port()
        self.start_conductor(f"[conductor]\nmetrics_port = {port}\n")
        url = f"http://127.0.0.1:{port}/metrics"
        self.conductor.wait_until(lambda: "metrics: serving" in self.conductor.log())
        found = figures.parsed(requests.get(url, timeout=60).text)
        self.assertEqual(1, found["valence_conductor_store_up"][()])
        self.assertNotIn("valence_api_requests_total", found)

    def start_conductor(self, text):
        keys = self.folder / "keys"
        secrets.create(keys)
        file = self.configure(
            f"[DEFAULT]\ntransport_url = local://\nstate_dir = {self.folder}\n[secrets]\nkey_file = {keys}\n{text}"
        )
        process.run("valence-manage", "--config-file", file, "db", "upgrade")
        self.conductor = self.useFixture(
            process.Process("valence-conductor", "--config-file", file, folder=self.folder)
        )


class LogTest(ProcessCase):
    def test_lines_are_json_with_the_request_id_if_asked_for(self):
        file = self.folder / "log"
        self.start(f"[DEFAULT]\nuse_json = true\nlog_file = {file}\n")
        self.assertEqual(0, self.valence.stop())
        records = [json.loads(line) for line in file.read_text().splitlines()]
        mine = [record for record in records if record["context"].get("request_id") == REQUEST]
        # the request, and the thread that then contacts the pod manager
        self.assertEqual(
            {"valence.api.http.app", "valence.conductor.work.contact"},
            {record["name"] for record in mine},
            records,
        )


class ReloadTest(ProcessCase):
    def test_what_can_be_changed_is_and_the_rest_stays(self):
        self.start("[sync]\ninterval = 3600\n")
        self.configure("[DEFAULT]\ndebug = true\n[sync]\ninterval = 1\n[api]\nmax_limit = 7\n")
        self.valence.reload()
        self.wait_for_log("options changed")
        self.assertIn("Ignoring change to immutable option api.max_limit", self.valence.log())
        self.synchronize()
        before = self.pod_manager()["last_synced_at"]
        self.wait_for(lambda: self.pod_manager()["last_synced_at"] > before)
        self.valence.client.request("GET", f"/v1/pod_managers/{UNKNOWN}")
        self.wait_for_log(" DEBUG valence.bus.rpc_server")

    def test_a_broken_file_changes_nothing(self):
        self.start("[sync]\ninterval = 1\n")
        for broken in ("[sync]\ninterval = soon\n", "[sync]\ninterval = 0\n", "[sync\n"):
            past = len(self.valence.log())
            self.configure(broken)
            self.valence.reload()
            self.wait_for(lambda past=past: "stays as it is" in self.valence.log()[past:])
        before = self.pod_manager()["last_synced_at"]
        self.wait_for(lambda: self.pod_manager()["last_synced_at"] > before)
        self.assertNotIn("Traceback", self.valence.log())
