# SPDX-License-Identifier: Apache-2.0
"""Streams of events."""

import json
import threading

from tests import restoring
from tests.unit.api import case
from valence.common import errors
from valence.conductor.events import restores
from valence.db import models
from valence.db import store


class Stream:
    """A stream as its client reads it."""

    def __init__(self, response):
        self._response = response
        self.chunks = iter(response.response)
        self._frames = []

    def frame(self):
        """Return the next frame as a dict of its lines; comments have an empty name."""
        while not self._frames:
            self._frames = [frame for frame in next(self.chunks).decode().split("\n\n") if frame]
        lines = self._frames.pop(0).split("\n")
        return dict(line.split(": ", 1) for line in lines)

    def event(self):
        """Return the next event."""
        while "data" not in (frame := self.frame()):
            pass
        return json.loads(frame["data"])

    def close(self):
        """Go away, as a client does."""
        self._response.close()


class StreamCase(case.APITestCase):
    def stream(self, url="/v1/events?stream=true", **headers):
        """Open a stream."""
        response = self.get(url, **headers)
        self.assertEqual((200, "text/event-stream"), (response.status_code, response.headers["Content-Type"]))
        stream = Stream(response)
        self.addCleanup(stream.close)
        self.assertEqual({"retry": "2000"}, stream.frame())
        return stream


class StreamTest(StreamCase):
    def test_new_events_are_sent_with_their_ids(self):
        self.add_pod_manager()
        stream = self.stream()
        uuid = self.add_pod_manager(name="row-8", url="https://10.0.0.8")["uuid"]
        frame = stream.frame()
        self.assertEqual(("2", "valence.pod_manager.create"), (frame["id"], frame["event"]))
        self.assertEqual(uuid, json.loads(frame["data"])["object_id"])

    def test_it_goes_on_after_the_last_event(self):
        for number in range(3):
            self.add_pod_manager(name=f"row-{number}", url=f"https://10.0.0.{number}")
        stream = self.stream(Last_Event_ID="1")
        self.assertEqual([2, 3], [stream.event()["sequence"] for _ in range(2)])

    def test_it_goes_on_since(self):
        for number in range(3):
            self.add_pod_manager(name=f"row-{number}", url=f"https://10.0.0.{number}")
        uuid = self.get("/v1/events").json["events"][1]["uuid"]
        for since, first in (("2", 3), (uuid, 3), ("0", 1), ("2020-01-01T00:00:00Z", 1)):
            self.assertEqual(first, self.stream(f"/v1/events?stream=true&since={since}").event()["sequence"])

    def test_a_number_to_come_is_the_newest(self):
        self.add_pod_manager()
        streams = [
            self.stream(Last_Event_ID="99"),
            self.stream("/v1/events?stream=true&since=2099-01-01T00:00:00Z"),
        ]
        self.add_pod_manager(name="row-8", url="https://10.0.0.8")
        self.assertEqual([2, 2], [stream.event()["sequence"] for stream in streams])

    def test_it_is_filtered(self):
        stream = self.stream(
            "/v1/events?stream=true&event_type=in:valence.pod_manager.delete&fields=event_type"
        )
        uuid = self.add_pod_manager()["uuid"]
        self.request("DELETE", f"/v1/pod_managers/{uuid}")
        self.assertEqual({"event_type": "valence.pod_manager.delete"}, stream.event())

    def test_what_is_null_meets_no_order(self):
        self.add_pod_manager()
        self.add_pod_manager(name="row-8", url="https://10.0.0.8")
        stream = self.stream("/v1/events?stream=true&since=0&actor=neq:ann&podm_id=neq:x&sequence=gt:1")
        self.assertEqual(2, stream.event()["sequence"])

    def test_the_accepted_type_asks_for_it_too(self):
        self.stream("/v1/events", Accept="text/event-stream")

    def test_head_opens_none(self):
        response = self.request("HEAD", "/v1/events?stream=true")
        self.assertEqual((200, b""), (response.status_code, response.data))
        self.assertEqual(0, self.application.services.feed.streams)

    def test_a_client_that_goes_away_makes_place(self):
        stream = self.stream()
        self.assertEqual(1, self.application.services.feed.streams)
        stream.close()
        self.assertEqual(0, self.application.services.feed.streams)

    def test_a_stop_ends_it(self):
        stream = self.stream()
        self.application.stop()
        self.assertRaises(StopIteration, lambda: [stream.frame() for _ in range(3)])

    def test_failures_are_survived(self):
        self.add_pod_manager()
        stream = self.stream(Last_Event_ID="0")
        self.wait_for(lambda: self.application.services.feed._newest)
        self.backend.caller.failure = errors.BusUnavailable(reason="away")
        self.assertEqual({"": "still here"}, stream.frame())
        self.backend.caller.failure = None
        self.assertEqual(1, stream.event()["sequence"])

    def test_before_it_begins_failures_are_errors(self):
        self.backend.caller.failure = errors.BusUnavailable(reason="away")
        self.assert_error(self.get("/v1/events?stream=true"), 503, "valence.bus_unavailable")
        self.assertEqual(0, self.application.services.feed.streams)

    def test_a_client_that_the_server_knows_to_be_gone_makes_place_at_once(self):
        gone = []

        class Exchange:
            """The server's side of a request."""

            when_gone = gone.append

        environ = {"REMOTE_ADDR": "127.0.0.1", "valence.exchange": Exchange}
        response = self.request("GET", "/v1/events?stream=true", environ_base=environ)
        self.addCleanup(response.close)
        self.assertEqual(1, self.application.services.feed.streams)
        for callback in gone:
            callback()
        self.assertEqual(0, self.application.services.feed.streams)
        self.assertEqual(["retry: 2000\n\n"], [chunk.decode() for chunk in response.response])

    def test_one_reader_does_not_have_all_places(self):
        for _ in range(self.conf.api.max_event_streams_per_client):
            self.stream()
        response = self.get("/v1/events?stream=true")
        self.assert_error(response, 429, "valence.too_many_requests")
        self.assertIn("Retry-After", response.headers)
        other = {"REMOTE_ADDR": "127.0.0.2"}
        self.addCleanup((another := self.request("GET", "/v1/events?stream=true", environ_base=other)).close)
        self.assertEqual(200, another.status_code)

    def test_purged_events_make_no_frames(self):
        """A stream that begins before what is left in the store does not spin."""
        for number in range(3):
            self.add_pod_manager(name=f"row-{number}", url=f"https://10.0.0.{number}")
        stream = self.stream(Last_Event_ID="1")
        self.wait_for(lambda: self.application.services.feed._newest == 3)
        self.backend.store.commit(*map(store.Delete, self.backend.store.list(models.Event)))
        calls = self.backend.caller.calls
        reader = threading.Thread(target=lambda: [next(stream.chunks, None) for _ in range(2)], daemon=True)
        before = len(calls)
        reader.start()
        self.wait_for(lambda: len(calls) > before + 3)
        self.assertTrue(reader.is_alive())
        self.application.stop()
        reader.join(60)


class RestoredTest(StreamCase):
    """A database that is restored from an older backup while clients read its events."""

    def setUp(self):
        super().setUp()
        self.history = restores.History(self.backend.store)
        restores.begin(self.backend.store, 0)

    def watch(self):
        """Look for a restore as a running conductor does."""
        try:
            self.history.read()
        except restores.Restored as restored:
            restores.begin(self.backend.store, restored.after)
            self.history.restart()

    def add(self, *numbers):
        for number in numbers:
            self.add_pod_manager(name=f"row-{number}", url=f"https://10.0.0.{number}")

    def position(self):
        """Return the id of the newest event."""
        stream = self.stream("/v1/events?stream=true&since=0")
        frame = [stream.frame() for _ in self.backend.store.list(models.Event)][-1]
        stream.close()
        return frame["id"]

    def names(self, stream, number):
        return [stream.event()["new"]["name"] for _ in range(number)]

    def begin(self):
        """Take a backup between two and five events, and return the id that the fifth one had."""
        self.add(1, 2)
        self.watch()
        self.backup = restoring.Backup(self.backend.store)
        self.add(3, 4, 5)
        self.watch()
        return self.position()

    def test_a_stream_goes_on_with_the_new_events(self):
        last = self.begin()
        stream = self.stream(Last_Event_ID=last)
        self.wait_for(lambda: self.application.services.feed._newest == 5)
        self.backup.restore()
        self.add(6)
        self.watch()
        self.assertEqual(["row-6"], self.names(stream, 1))
        self.add(7, 8, 9)
        self.assertEqual(["row-7", "row-8", "row-9"], self.names(stream, 3))

    def test_a_client_that_comes_back_gets_every_new_event(self):
        last = self.begin()
        self.backup.restore()
        self.add(6, 7, 8, 9)  # more than were lost: the number is not ahead
        self.watch()
        self.assertRegex(last, "^[0-9]+-5$")
        self.assertEqual(["row-6", "row-7", "row-8", "row-9"], self.names(self.stream(Last_Event_ID=last), 4))
        listed = self.get(f"/v1/events?since={last}").json["events"]
        self.assertEqual([3, 4, 5, 6], [event["sequence"] for event in listed])

    def test_a_number_alone_gets_every_new_event_while_it_is_ahead(self):
        self.begin()
        self.backup.restore()
        self.add(6)
        self.watch()
        self.assertEqual(["row-6"], self.names(self.stream(Last_Event_ID="5"), 1))
        self.assertEqual([3], [event["sequence"] for event in self.get("/v1/events?since=5").json["events"]])

    def test_a_conductor_of_an_earlier_version_tells_no_epochs(self):
        call = self.backend.caller.call
        self.backend.caller.call = lambda *args, **kwargs: _without(call(*args, **kwargs))
        self.add(1, 2)
        self.assertEqual("2", self.position())
        self.assertEqual(["row-2"], self.names(self.stream(Last_Event_ID="1795232222000-1"), 1))


def _without(answer):
    return {name: value for name, value in answer.items() if name != "epochs"}


class FullTest(case.APITestCase):
    options = {"api__max_event_streams": 1}

    def test_too_many_are_refused_with_the_reason(self):
        first = self.get("/v1/events?stream=true")
        self.addCleanup(first.close)
        (told,) = self.assert_error(self.get("/v1/events?stream=true"), 503, "valence.unavailable")
        self.assertIn("1 event streams already", told["detail"])
