# SPDX-License-Identifier: Apache-2.0
"""Acceptance: a server-sent stream of events, continued where it broke off."""

import itertools
import json

import requests

from tests.functional import acceptance


class StreamTest(acceptance.AcceptanceCase):
    def test_a_client_that_comes_back_with_the_last_id_misses_nothing(self):
        simulator = self.simulate(systems=8, nodes=0)
        self.register(simulator)
        last = self.events()[-1]["sequence"]
        with self.stream(last) as stream:
            self.set_health(simulator, "Critical", "System1")
            [(seen, first)] = itertools.islice(self.changes(stream), 1)
        self.set_health(simulator, "Critical", "System2", "System3")
        self.wait_for_events(3, acceptance.STATE_CHANGED)
        self.restart_api()
        with self.stream(seen) as stream:
            self.set_health(simulator, "Critical", "System4")
            rest = [event for _, event in itertools.islice(self.changes(stream), 3)]
        self.assertEqual(self.events(acceptance.STATE_CHANGED), [first, *rest])

    def restart_api(self):
        self.assertEqual(0, self.valence.api.stop())
        self.valence.api.start()
        self.valence.wait_until_ready()

    def stream(self, last):
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(last)}
        response = requests.get(f"{self.client.url}/v1/events", headers=headers, stream=True, timeout=60)
        self.assertEqual(200, response.status_code)
        return response

    def changes(self, stream):
        return (frame for frame in frames(stream) if frame[1]["event_type"] == acceptance.STATE_CHANGED)


def frames(stream):
    """Yield the id and the document of each event of a stream."""
    fields = {}
    for line in stream.iter_lines(chunk_size=1, decode_unicode=True):
        name, _, value = line.partition(":")
        if line and name:
            fields[name] = value.strip()
        elif not line and "data" in fields:
            yield fields["id"], json.loads(fields["data"])
            fields = {}
