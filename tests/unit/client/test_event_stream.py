# SPDX-License-Identifier: Apache-2.0
"""Streams of events that break."""

import http.server
import json
import threading

import requests

from tests import base
from tests.unit.client import server
from valence.client import connect
from valence.client import errors
from valence.client import event_stream


def frames(*numbers):
    """Return the body of a stream that ends, with a comment before each event."""
    frame = ": still here\n\nid: 17-{}\nevent: valence.x\ndata: {}\n\n"
    return b"retry: 2000\n\n" + b"".join(frame.format(n, json.dumps(event(n))).encode() for n in numbers)


def event(number):
    return {"uuid": f"u{number}", "sequence": number}


class FollowTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.patch(event_stream, "FIRST_PAUSE", 0)

    def follow(self, count, *answers, **options):
        self.api = server.Server(*answers)
        client = self.api.client()
        client.retries = 0
        stream = client.events.follow(**options)
        return [next(stream).sequence for _ in range(count)]

    def headers(self):
        return [each.headers.get("Last-Event-ID") for each in self.api.requests]

    def test_a_stream_is_continued_after_its_last_event(self):
        found = self.follow(
            4, frames(3, 4), requests.ConnectionError("cut"), server.problem(503), frames(4, 5, 6), since=2
        )
        self.assertEqual([3, 4, 5, 6], found)
        self.assertEqual([None, "17-4", "17-4", "17-4"], self.headers())
        self.assertEqual("GET /v1/events?stream=true&since=2", self.api.paths()[0])
        self.assertEqual("GET /v1/events?stream=true", self.api.paths()[1])

    def test_nothing_is_lost_before_the_first_event(self):
        newest = server.page("events", event(8))
        self.assertEqual([9], self.follow(1, newest, frames(), frames(9), object_kind="node"))
        expected = ["GET /v1/events?sort=sequence%3Adesc&limit=1"]
        expected += ["GET /v1/events?object_kind=node&stream=true&since=8"] * 2
        self.assertEqual(expected, self.api.paths())

    def test_there_was_no_event_yet(self):
        self.assertEqual([1], self.follow(1, server.page("events"), frames(1)))
        self.assertIn("since=0", self.api.paths()[1])

    def test_events_without_a_uuid(self):
        body = frames(3, 4).replace(b'"uuid"', b'"name"')
        self.assertEqual([3, 4], self.follow(2, body, since=0, fields="name,sequence"))

    def test_a_proxy_finds_no_api_for_a_while(self):
        self.assertEqual([1], self.follow(1, (502, b"<html>", {}), frames(1), since=0))

    def test_an_answer_without_chunks_is_read_as_it_comes(self):
        """Each event is read before the server sends the next one, or ends the answer."""
        seen, read = [], threading.Semaphore(0)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                for number in (1, 2):
                    self.wfile.write(frames(number))
                    if not read.acquire(timeout=60):
                        return
                    seen.append(number)

            def log_message(self, *arguments):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as site:
            thread = threading.Thread(target=site.serve_forever, daemon=True)
            thread.start()
            self.addCleanup(thread.join)
            self.addCleanup(site.shutdown)
            stream = connect(f"http://127.0.0.1:{site.server_port}").events.follow(since=0)
            for number in (1, 2):
                self.assertEqual(number, next(stream).sequence)
                self.assertEqual(list(range(1, number)), seen)
                read.release()
                self.wait_for(lambda number=number: number in seen)
            stream.close()
            site.shutdown()

    def test_known_events_are_forgotten_in_the_end(self):
        self.patch(event_stream, "KNOWN", 2)
        found = self.follow(5, frames(1, 2, 3), frames(3, 2, 1, 4), since=0)
        self.assertEqual([1, 2, 3, 1, 4], found)

    def test_a_request_that_is_wrong_is_not_repeated(self):
        self.assertRaises(errors.BadRequest, self.follow, 1, server.problem(400), since="x")

    def test_an_event_is_found(self):
        api = server.Server(server.page("events", event(1)), server.page("events"))
        self.assertEqual(1, api.client().events.find("u1").sequence)
        self.assertRaises(errors.NotFound, api.client().events.find, "u1")
