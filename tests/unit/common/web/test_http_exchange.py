# SPDX-License-Identifier: Apache-2.0
"""Responses: how the length of a body is told, and what a stream's client sees."""

import requests

from tests.unit.common import web_case
from valence.common.web import http_exchange
from valence.common.web import http_server


class ResponseTest(web_case.WebCase):
    def serve(self, **options):
        self.application.reply = lambda start: start("200 OK", []) and []
        server = http_server.Server(
            "test", "127.0.0.1", 0, lambda environ, start: self.application.reply(start)
        )
        self.addCleanup(server.stop)
        server.start()
        return server

    def reply(self, status, headers, result):
        def reply(start):
            start(status, headers)
            return result

        self.application.reply = reply

    def test_a_list_gets_a_length(self):
        self.reply("200 OK", [], [b"ab", b"c"])
        answer = requests.get(self.server.url, timeout=60)
        self.assertEqual((b"abc", "3"), (answer.content, answer.headers["Content-Length"]))

    def test_what_is_made_piece_by_piece_is_sent_in_chunks_and_to_old_clients_until_the_end(self):
        self.reply("200 OK", [], iter([b"ab", b"", b"c"]))
        answer = requests.get(self.server.url, timeout=60)
        self.assertEqual((b"abc", "chunked"), (answer.content, answer.headers["Transfer-Encoding"]))
        self.reply("200 OK", [], iter([b"ab", b"", b"c"]))
        connection, data = self.send(b"GET / HTTP/1.0\r\n\r\n"), b""
        while more := connection.recv(4096):
            data += more
        self.assertTrue(data.endswith(b"\r\n\r\nabc"), data)

    def test_answers_without_a_body_have_none(self):
        connection = self.connect()
        for status in ("204 No Content", "304 Not Modified"):
            self.reply(status, [], iter([b"not sent"]))
            self.send(web_case.GET, connection)
            self.assertEqual(b"", self.answer(connection)[2])
        self.reply("200 OK", [("Content-Length", "3")], [b"abc"])
        self.send(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", connection)
        head = connection.recv(4096)
        self.assertIn(b"Content-Length: 3\r\n", head)
        self.assertTrue(head.endswith(b"\r\n\r\n"))

    def test_a_stream_that_fails_ends_without_its_last_chunk(self):
        def broken():
            yield b"ab"
            raise KeyError

        self.reply("200 OK", [], broken())
        self.assertRaises(requests.RequestException, requests.get, self.server.url, timeout=60)

    def test_the_function_that_start_response_returns_sends(self):
        def reply(start):
            start("200 OK", [])(b"ab")
            return [b"c"]

        self.application.reply = reply
        self.assertEqual(b"abc", requests.get(self.server.url, timeout=60).content)


class GoneTest(web_case.WebCase):
    def test_callbacks_are_called_once_and_at_once_if_it_is_late(self):
        exchange, called = http_exchange.Exchange(None, None, 0), []
        exchange.when_gone(lambda: called.append(1))
        self.assertFalse(exchange.is_gone)
        exchange.gone()
        exchange.gone()
        exchange.when_gone(lambda: called.append(2))
        self.assertEqual(([1, 2], True), (called, exchange.is_gone))
