# SPDX-License-Identifier: Apache-2.0
"""Acceptance: a backup of the database is restored while conductors and an API run."""

import subprocess
import urllib.parse

import requests

from tests import servers
from tests.functional import acceptance
from tests.functional import test_acceptance_streams

#: pod managers that nobody contacts: those of the backup, those that the restore takes back, and those after it
KEPT, LOST, NEW = 3, 20, 30


class RestoreTest(acceptance.AcceptanceCase):
    conductors = 2

    def deployment(self):
        return super().deployment(database_url=servers.mariadb().new_database())

    def test_every_event_after_a_restore_is_published_and_streamed(self):
        self.add(0, KEPT)
        dump = self.database("mariadb-dump", "--single-transaction", "--add-drop-table")
        self.add(KEPT, LOST)
        lost = [event["uuid"] for event in self.events("valence.pod_manager.create")]
        self.consumer.wait_for(lost)
        with self.stream("0") as stream:
            last = [seen for _, seen in zip(lost, self.ids(stream), strict=False)][-1]
        with self.stream(last) as stream:
            self.database("mariadb", text=dump)
            self.add(100, NEW)
            new = [event["uuid"] for event in self.events("valence.pod_manager.create")[KEPT:]]
            self.assertEqual(NEW, len(new))
            self.assert_told(new, stream)
        self.consumer.wait_for(new)
        with self.stream(last) as stream:
            self.assert_told(new, stream)

    def add(self, first, number):
        for each in range(first, first + number):
            url = f"http://127.0.0.2:{10000 + each}/redfish/v1"
            self.valence.register(f"pod-{each}", url, maintenance=True)

    def database(self, program, *options, text=None):
        """Run a program of MariaDB on the database and return what it printed."""
        url = urllib.parse.urlsplit(self.valence.database_url)
        access = ("--no-defaults", "--host=127.0.0.1", f"--port={url.port}", "--user=root", *options)
        command = [program, *access, url.path.lstrip("/")]
        return subprocess.run(command, input=text, text=True, capture_output=True, check=True).stdout

    def stream(self, last):
        headers = {"Accept": "text/event-stream", "Last-Event-ID": last}
        asked = {"event_type": "valence.pod_manager.create"}
        url = f"{self.client.url}/v1/events"
        response = requests.get(url, params=asked, headers=headers, stream=True, timeout=60)
        self.assertEqual(200, response.status_code)
        return response

    def ids(self, stream):
        return (seen for seen, _ in test_acceptance_streams.frames(stream))

    def assert_told(self, wanted, stream):
        """Check that a stream brings these events; it may repeat some."""
        missing = set(wanted)
        for _, event in test_acceptance_streams.frames(stream):
            missing.discard(event["uuid"])
            if not missing:
                return
        self.fail(f"{len(missing)} of {len(wanted)} events were not told")
