# SPDX-License-Identifier: Apache-2.0
"""Server-sent events as services really send them."""

import threading
import tracemalloc

from tests.unit.podmanagers import case
from valence.common import errors
from valence.podmanagers.redfish import urls
from valence.podmanagers.redfish.http import transport

PATH = "/redfish/v1/SSE"


class StreamTest(case.RedfishTestCase):
    def serve_parts(self, *parts, wait=None, **headers):
        """Return a service whose stream has these parts, waits for an event then, and ends."""
        service = self.serve()
        headers = {"Content_Type": "text/event-stream"} | headers

        def send(handler):
            handler.send_response(200)
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.send_header("Connection", "close")
            handler.end_headers()
            for part in parts:
                handler.wfile.write(part)
            handler.wfile.flush()
            if wait is not None:
                wait.wait(10)
            handler.close_connection = True

        service.answers[f"GET {PATH}"] = send
        return service

    def stream(self, *parts, wait=None):
        return self.open(self.serve_parts(*parts, wait=wait).url)

    def open(self, url):
        stream = transport.Stream(urls.Paths(url), self.conf.redfish, "true")
        self.addCleanup(stream.release)
        self.assertIsNone(stream.open(PATH, {}))
        return stream

    def test_data_may_span_lines_and_comments_are_none(self):
        parts = [b": hello\n\n", b"id: 1\nevent: x\ndata: {\ndata:  1}\n\n", b": ping\n\n", b"data:2\r\n\r\n"]
        self.assertEqual([b"{\n 1}", b"2"], list(self.stream(*parts).data()))

    def test_what_is_cut_off_is_not_told(self):
        self.assertEqual([b"1"], list(self.stream(b"data: 1\n\ndata: 2\n").data()))

    def test_an_event_without_end_is_refused(self):
        line = b"data: " + b"x" * 1000 + b"\n"
        self.assertRaises(errors.PodManagerError, list, self.stream(line * 1100).data())

    def test_a_line_without_end_is_refused(self):
        self.assertRaises(errors.PodManagerError, list, self.stream(b"data: " + b"x" * 1100 * 1024).data())

    def test_empty_lines_of_data_without_end_are_refused(self):
        lines = b"data:\n" * 100_000
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        self.assertRaises(errors.PodManagerError, list, self.stream(*[lines] * 20).data())
        self.assertLess(tracemalloc.get_traced_memory()[1], 8 * 2**20)

    def test_an_event_without_content_is_none(self):
        self.assertEqual([b"1"], list(self.stream(b"data:\ndata:\n\n", b"\n" * 50, b"data: 1\n\n").data()))

    def test_comments_without_end_are_no_matter(self):
        self.assertEqual([b"1"], list(self.stream(*[b": ping\n\n" * 10_000] * 30, b"data: 1\n\n").data()))

    def test_an_answer_that_is_no_stream_is_told(self):
        for headers, reason in (
            ({"Content_Type": "text/html"}, "text/html instead of a stream"),
            ({"Content_Encoding": "gzip"}, "compressed"),
        ):
            service = self.serve_parts(b"data: 1\n\n", **headers)
            stream = transport.Stream(urls.Paths(service.url), self.conf.redfish, "true")
            self.addCleanup(stream.release)
            self.assertIn(reason, stream.open(PATH, {}))

    def test_a_path_with_any_characters_is_sent(self):
        service = self.serve_parts(b"data: 1\n\n")
        stream = transport.Stream(urls.Paths(service.url), self.conf.redfish, "true")
        self.addCleanup(stream.release)
        self.assertIn("404", stream.open("/redfish/v1/\u00e9 \u2603", {}))

    def test_closing_wakes_whoever_waits_longer_than_any_time_out(self):
        self.configure(read_timeout=1)
        silence, heard = threading.Event(), []
        self.addCleanup(silence.set)
        stream = self.stream(b"data: 1\n\n", wait=silence)
        thread = threading.Thread(target=lambda: heard.extend(stream.data()), daemon=True)
        thread.start()
        thread.join(1.5)
        self.assertTrue(thread.is_alive())
        stream.close()
        thread.join(60)
        self.assertFalse(thread.is_alive())
        self.assertEqual([b"1"], heard)

    def test_nobody_listening_is_told(self):
        error = self.assertRaises(errors.PodManagerUnreachable, self.open, "http://127.0.0.1:1")
        self.assertIn("refused", error.detail)

    def test_no_answer_is_told_in_time(self):
        service = self.serve()
        hanging = threading.Event()
        self.addCleanup(hanging.set)
        service.answers[f"GET {PATH}"] = lambda handler: hanging.wait(10)
        self.assertRaises(errors.PodManagerUnreachable, self.open, service.url)
