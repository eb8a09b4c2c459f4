# SPDX-License-Identifier: Apache-2.0
"""Requests as bytes: what is taken, what is refused, and how a connection goes on."""

import json

from tests.unit.common import web_case

POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

#: what servers could read differently -> status
SMUGGLED = {
    POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n": 400,
    POST + b"Content-Length: 1\r\ncontent-length: 1\r\n\r\n": 400,
    POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n": 400,
    POST + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n": 400,
    POST + b"Content-Length : 1\r\n\r\n": 400,
    POST + b"Content-Length: +1\r\n\r\n": 400,
    POST + b"Content-Length: 1_0\r\n\r\n": 400,
    POST + b"Content-Length: 1, 1\r\n\r\n": 400,
    POST + b"Content-Length:\r\n\r\n": 400,
    POST + b"Content-Length: 99999999999999999999\r\n\r\n": 400,
    POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n": 400,
    POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n": 501,
    POST + b"Transfer-Encoding: xchunked\r\n\r\n": 501,
    b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": 400,
    CHUNKED + b"0x1\r\nx\r\n0\r\n\r\n": 400,
    CHUNKED + b"1\nx\n0\n\n": 400,
    CHUNKED + b"fffffffffffffffff\r\n": 400,
    CHUNKED + b"1;" + b"x" * 200_000: 400,
    CHUNKED + b"0\r\nTrailer: " + b"x" * 200_000: 400,
    POST + b"Host: y\r\n\r\n": 400,
    b"POST / HTTP/1.1\r\n\r\n": 400,
    POST + b" folded: at once\r\n\r\n": 400,
    POST + b"A: b\r\n folded\r\n\r\n": 400,
    POST + b": no name\r\n\r\n": 400,
    POST + b"A b: c\r\n\r\n": 400,
    POST + b"A: b\x00c\r\n\r\n": 400,
    POST + b"A: b\rc\r\n\r\n": 400,
    POST + b"A: b\nc: d\r\n\r\n": 400,
    b"G\rET / HTTP/1.1\r\nHost: x\r\n\r\n": 400,
    b"GET //x HTTP/1.1\r\nHost: x\r\n\r\n": 400,
    b"GET / HTTP/2.0\r\nHost: x\r\n\r\n": 505,
    b"GET /\r\n\r\n": 505,
    b"\x16\x03\x01\x02\x00\r\n\r\n": 400,
}


class ParsingTest(web_case.WebCase):
    def test_what_servers_could_read_differently_is_refused(self):
        for data, status in SMUGGLED.items():
            self.assertEqual(status, self.ask(data), data[:80])
        self.assertEqual([], self.application.asked)
        self.assertNotIn("Traceback", self.log.output)
        self.assertNotIn("\r", self.log.output)

    def test_headers_have_one_spelling_and_lists_are_joined(self):
        more = b"hOST: x\r\naccept: a/b  \r\nAccept: c/d\r\nCookie: a=1\r\nCookie: b=2\r\nX_Auth_Token: z\r\n\r\n"
        self.assertEqual(200, self.ask(b"GET /%41?b=%41 HTTP/1.1\r\n" + more))
        (environ,) = self.application.asked
        self.assertEqual(
            ("x", "a/b, c/d", "a=1; b=2", "/A", "b=%41"),
            tuple(
                environ[name]
                for name in ("HTTP_HOST", "HTTP_ACCEPT", "HTTP_COOKIE", "PATH_INFO", "QUERY_STRING")
            ),
        )
        self.assertNotIn("HTTP_X_AUTH_TOKEN", environ)

    def test_a_long_run_of_spaces_costs_nothing(self):
        spaces = b"GET / HTTP/1.1\r\nHost: x\r\nA: b" + b" " * 30_000 + b"c\r\n\r\n"
        connection = self.connect()
        for _ in range(50):
            self.send(spaces, connection)
            self.assertEqual(200, self.answer(connection)[0])

    def test_byte_by_byte_is_as_good_as_at_once(self):
        connection = self.connect()
        for byte in POST + b"Content-Length: 2\r\n\r\nab":
            self.send(bytes([byte]), connection)
        self.assertEqual((200, b"ab"), self.answer(connection)[::2])


class BodyTest(web_case.WebCase):
    def test_bodies_arrive_with_their_length_however_they_are_sent(self):
        for body in (b"", b"x" * 10, b"y" * web_case.LARGEST):
            chunk = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
            for data in (
                POST + b"Content-Length: %d\r\n\r\n%s" % (len(body), body),
                CHUNKED + chunk + b"0\r\n\r\n",
            ):
                self.assertEqual((200, body), self.answer(self.send(data))[::2])
                self.assertEqual(len(body), int(self.application.asked[-1]["CONTENT_LENGTH"]))
        self.assertNotIn("HTTP_TRANSFER_ENCODING", self.application.asked[-1])

    def test_of_a_body_that_is_too_large_the_application_learns_the_length_and_the_sender_reads_the_answer(
        self,
    ):
        size = 3_000_000
        connection = self.send(POST + b"Content-Length: %d\r\n\r\n" % size + b"x" * size)
        status, headers, body = self.answer(connection)
        self.assertEqual((200, "close", b""), (status, headers["connection"], body))
        self.assertEqual(str(size), self.application.asked[0]["CONTENT_LENGTH"])
        self.assertEqual(b"", connection.recv(1))

    def test_of_one_in_chunks_it_gets_one_byte_more_than_it_takes(self):
        data = CHUNKED + b"".join(b"%x\r\n%s\r\n" % (50_000, b"x" * 50_000) for _ in range(20))
        connection = self.send(data)
        self.assertEqual(200, self.answer(connection)[0])
        self.assertEqual(str(web_case.LARGEST + 1), self.application.asked[0]["CONTENT_LENGTH"])

    def test_a_client_that_waits_for_a_go_ahead_gets_it_unless_the_body_is_too_large(self):
        connection = self.send(POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        self.assertEqual(b"HTTP/1.1 100 Continue\r\n\r\n", connection.recv(100))
        self.assertEqual((200, b"ab"), self.answer(self.send(b"ab", connection))[::2])
        self.assertEqual(200, self.ask(POST + b"Expect: 100-continue\r\nContent-Length: 9999999\r\n\r\n"))


class RoomTest(web_case.WebCase):
    limits = {"bodies": 50_000}

    def test_bodies_have_a_bound_in_total_and_give_back_what_they_took(self):
        half = POST + b"Content-Length: 60000\r\n\r\n" + b"x" * 40_000
        waiting = self.send(half)
        self.wait_for(lambda: self.server.places.of(2) and self.server.bodies._left == 10_000)
        self.assertEqual(503, self.ask(half))
        waiting.close()
        self.wait_for(lambda: self.server.bodies._left == 50_000)
        self.assertEqual(200, self.ask(POST + b"Content-Length: 40000\r\n\r\n" + b"x" * 40_000))
        self.wait_for(lambda: self.server.bodies._left == 50_000)


class ConnectionTest(web_case.WebCase):
    def test_requests_that_are_sent_ahead_are_answered_in_order(self):
        connection = self.send(
            b"".join(POST + b"Content-Length: 1\r\n\r\n%d" % number for number in range(8))
        )
        stream = b""
        while stream.count(b"HTTP/1.1 200") < 8:
            stream += connection.recv(4096)
        self.assertEqual(
            [str(number) for number in range(8)], [part[-1:].decode() for part in stream.split(b"HTTP/")[1:]]
        )

    def test_a_flood_of_them_is_cut_off(self):
        connection = self.send(web_case.GET * 5_000)
        answers = b""
        while data := connection.recv(65536):
            answers += data
        self.assertLess(answers.count(b"200 OK"), 50)

    def test_an_error_after_good_requests_comes_in_its_turn(self):
        connection = self.send(web_case.GET + b"NONSENSE\r\n\r\n")
        data = b""
        while more := connection.recv(4096):
            data += more
        self.assertLess(data.index(b" 200 "), data.index(b" 400 "))

    def test_connections_end_as_their_clients_want(self):
        close = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        for data in (close, b"GET / HTTP/1.0\r\n\r\n"):
            connection = self.send(data)
            status, headers, _ = self.answer(connection)
            self.assertEqual((200, "close"), (status, headers["connection"]))
            self.assertEqual(b"", connection.recv(1))

    def test_a_wish_for_another_protocol_is_ignored(self):
        upgrade = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n"
        self.assertEqual(200, self.ask(upgrade))

    def test_a_client_that_closed_its_side_gets_its_answer(self):
        connection = self.send(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertTrue(self.application.held.acquire(timeout=60))
        connection.shutdown(1)
        self.application.gate.set()
        self.assertEqual(200, self.answer(connection)[0])
        self.assertEqual(b"", connection.recv(1))

    def test_an_application_that_fails_is_an_error_of_the_server(self):
        status, headers, body = self.answer(self.send(b"GET /broken HTTP/1.1\r\nHost: x\r\n\r\n"))
        self.assertEqual((500, "close"), (status, headers["connection"]))
        self.assertNotIn(b"KeyError", body)


class RenderTest(web_case.WebCase):
    def serve(self, **options):
        def render(error, request_id):
            return [("Content-Type", "application/json")], json.dumps([error.code, request_id]).encode()

        return super().serve(render=render, **options)

    def test_errors_have_the_format_of_the_application_and_a_request_id(self):
        _, headers, body = self.answer(self.send(b"GET / HTTP/1.1\r\nA: " + b"x" * 40_000 + b"\r\n\r\n"))
        code, request_id = json.loads(body)
        self.assertEqual("valence.request_header_fields_too_large", code)
        self.assertEqual(request_id, headers["x-openstack-request-id"])
