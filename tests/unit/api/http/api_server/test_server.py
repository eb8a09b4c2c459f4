# SPDX-License-Identifier: Apache-2.0
"""The HTTP server."""

import json
import socket
import ssl
import threading

import requests
import trustme

from tests import base
from tests import clock
from tests.unit.api import case
from valence.api.http import api_server
from valence.common import errors


class ServerTestCase(case.APITestCase):
    """A test of an application that is served on a port; ``self.url`` is where."""

    def setUp(self):
        super().setUp()
        self.conf.set_override("port", 0, "api")
        self.server = api_server.Server(self.conf, self.application)
        self.server.start()
        self.addCleanup(self.server.stop)
        self.url = self.server.url
        self.port = int(self.url.rpartition(":")[2])

    def connect(self):
        """Return a connection."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        self.addCleanup(connection.close)
        return connection

    def exchange(self, data, connection=None):
        """Send bytes and return the status, the headers by lower-case name, and the body of the answer."""
        connection = connection or self.connect()
        connection.sendall(data)
        stream = connection.makefile("rb")
        status = int(stream.readline().split()[1])
        headers = {}
        while (line := stream.readline().decode().strip()) != "":
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, stream.read(int(headers.get("content-length", 0)))


class ProtocolTest(ServerTestCase):
    def test_broken_requests_are_told_in_the_format(self):
        broken = {
            b"NONSENSE\r\n\r\n": 400,
            b"GET / HTTP/3.0\r\n\r\n": 505,
            b"GET / FTP/1.1\r\n\r\n": 400,
            b"get / HTTP/1.1\r\nHost: localhost\r\n\r\n": 400,
            b"GET http://other/ HTTP/1.1\r\nHost: localhost\r\n\r\n": 400,
            b"GET nothing HTTP/1.1\r\nHost: localhost\r\n\r\n": 400,
            b"CONNECT x:80 HTTP/1.1\r\nHost: localhost\r\n\r\n": 405,
            b"GET /#a HTTP/1.1\r\nHost: localhost\r\n\r\n": 400,
            b"GET / HTTP/1.1\r\nno colon\r\n\r\n": 400,
            b"GET / HTTP/1.1\nHost: localhost\n\n": 400,
            b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n": 414,
            b"GET / HTTP/1.1\r\nHost: localhost\r\nA: " + b"x" * 40_000 + b"\r\n\r\n": 431,
            b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 9_000 + b"\r\n": 431,
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n": 400,
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n": 400,
            b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n": 501,
            b"POST / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n": 400,
            b"GET / HTTP/1.1\r\n folded\r\n\r\n": 400,
            b"GET //[ HTTP/1.1\r\nHost: localhost\r\n\r\n": 400,
            b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n": 400,
            b"GET / HTTP/one\r\nHost: localhost\r\n\r\n": 400,
            b"\x16\x03\x01\x02\x00\r\n\r\n": 400,
        }
        for data, expected in broken.items():
            status, headers, body = self.exchange(data)
            self.assertEqual(expected, status, data[:60])
            self.assertEqual("application/json", headers["content-type"])
            (told,) = json.loads(body)["errors"]
            self.assertEqual(
                (expected, headers["x-openstack-request-id"]), (told["status"], told["request_id"])
            )

    def test_a_large_body_is_refused_and_its_sender_sees_why(self):
        response = requests.post(
            f"{self.url}/v1/pod_managers",
            data=b"[" * 8_000_000,
            headers={"Content-Type": "application/json"},
            timeout=15,
        )
        self.assertEqual(
            (413, "valence.too_large"), (response.status_code, response.json()["errors"][0]["code"])
        )

    def test_a_body_in_chunks_is_read_and_limited(self):
        def send(*chunks):
            headers = {"Content-Type": "application/json"}
            return requests.post(
                f"{self.url}/v1/pod_managers", data=iter(chunks), headers=headers, timeout=15
            )

        good = json.dumps(case.PODM).encode()
        self.assertEqual(201, send(good[:10], good[10:]).status_code)
        self.assertEqual(413, send(*[b"[" * 100_000] * 20).status_code)

    def test_broken_chunks_are_the_sender_s_fault(self):
        head = b"POST /v1/pod_managers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        head += b"Transfer-Encoding: chunked\r\n\r\n"
        for chunks in (b"zz\r\n{}\r\n0\r\n\r\n", b"2\r\n{}xx0\r\n\r\n"):
            status, _, body = self.exchange(head + chunks)
            self.assertEqual(400, status)
            self.assertEqual(400, json.loads(body)["errors"][0]["status"])

    def test_a_body_that_was_not_read_is_not_the_next_request(self):
        connection = self.connect()
        inside = b"GET /v1/pod_managers HTTP/1.1\r\nHost: localhost\r\n\r\n"
        head = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        status, headers, _ = self.exchange(
            head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(inside), inside), connection
        )
        self.assertEqual((404, None), (status, headers.get("connection")))
        status, _, body = self.exchange(b"GET /healthcheck HTTP/1.1\r\nHost: localhost\r\n\r\n", connection)
        self.assertEqual((200, b'{"status":"alive"}'), (status, body))

    def test_connections_are_kept(self):
        connection = self.connect()
        for _ in range(3):
            status, headers, _ = self.exchange(
                b"GET /healthcheck HTTP/1.1\r\nHost: localhost\r\n\r\n", connection
            )
            self.assertEqual(200, status)
            self.assertNotIn("connection", headers)

    def test_answers_without_a_body_are_complete(self):
        connection = self.connect()
        head = b"HEAD /v1/pod_managers HTTP/1.1\r\nHost: localhost\r\n\r\n"
        delete = (
            f"DELETE /v1/pod_managers/{self.add_pod_manager()['uuid']} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        connection.sendall(head)
        self.assertIn(b"200 OK", connection.recv(4096))
        status, headers, _ = self.exchange(delete.encode(), connection)
        self.assertEqual(204, status)
        self.assertNotIn("content-length", headers)


class ThreadTest(ServerTestCase):
    options = {"api__threads": 2, "api__max_event_streams": 1}

    def test_silent_connections_take_no_threads(self):
        for _ in range(20):
            self.connect()
        self.assertEqual(200, requests.get(f"{self.url}/healthcheck", timeout=60).status_code)

    def test_large_documents_that_wait_leave_threads_to_others(self):
        size = 1_000_000
        head = (
            b"POST /introspection/v1/continue HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
            % size
        )
        turns = self.application.services.turns
        with turns.take(60):
            for _ in range(16):
                self.connect().sendall(head + b"x" * size)
            self.wait_for(lambda: turns.waiting == 16)
            self.assertEqual(200, requests.get(f"{self.url}/healthcheck", timeout=60).status_code)

    def test_a_stream_is_sent_as_it_happens(self):
        with requests.get(f"{self.url}/v1/events?stream=true", stream=True, timeout=60) as response:
            lines = response.iter_lines()
            self.assertEqual(b"retry: 2000", next(lines))
            uuid = self.add_pod_manager()["uuid"]
            data = next(line for line in lines if line.startswith(b"data: "))
            self.assertEqual(uuid, json.loads(data[6:])["object_id"])

    def test_a_client_that_went_away_makes_place(self):
        response = requests.get(f"{self.url}/v1/events?stream=true", stream=True, timeout=60)
        next(response.iter_lines())
        response.close()
        self.wait_for(lambda: not self.application.services.feed.streams)


class StopTest(ServerTestCase):
    def test_what_is_being_worked_on_is_answered(self):
        going, gate = threading.Event(), threading.Event()
        ask = self.backend.conductor.status.ping

        def slow(context):
            going.set()
            gate.wait(15)
            return ask(context)

        self.backend.conductor.status.ping = slow
        answers = []
        client = threading.Thread(
            target=lambda: answers.append(requests.get(f"{self.url}/readyz", timeout=60))
        )
        client.start()
        going.wait(60)
        stop = threading.Thread(target=self.server.stop)
        stop.start()
        self.wait_for(lambda: not self.accepts())
        gate.set()
        client.join()
        stop.join()
        self.assertEqual(200, answers[0].status_code)
        self.assertEqual("close", answers[0].headers["Connection"])

    def test_under_load_every_request_that_is_sent_is_answered(self):
        counts, lost = [0] * 8, []

        def ask(number):
            connection = self.connect()
            while True:
                try:
                    _, headers, _ = self.exchange(
                        b"GET /healthcheck HTTP/1.1\r\nHost: localhost\r\n\r\n", connection
                    )
                except (OSError, IndexError) as error:
                    return lost.append(repr(error))
                counts[number] += 1
                if headers.get("connection") == "close":
                    return None

        clients = [threading.Thread(target=ask, args=(number,)) for number in range(len(counts))]
        for client in clients:
            client.start()
        self.wait_for(lambda: min(counts) > 20)
        self.server.stop()
        for client in clients:
            client.join()
        self.assertEqual([], lost)

    def test_streams_and_idle_connections_do_not_hold_it_up(self):
        response = requests.get(f"{self.url}/v1/events?stream=true", stream=True, timeout=60)
        next(response.iter_lines())
        self.connect()
        started = clock.seconds()
        self.server.stop()
        self.assert_in_time(clock.seconds() - started, 10)
        self.assertTrue(all(line in (b"", b": still here") for line in response.iter_lines()))

    def accepts(self):
        """Whether somebody listens."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class TLSTest(ServerTestCase):
    def setUp(self):
        authority = trustme.CA()
        folder = base.pathlib.Path(self.useFixture(base.fixtures.TempDir()).path)
        certificate = authority.issue_cert("127.0.0.1")
        certificate.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
        authority.cert_pem.write_to_path(folder / "ca.pem")
        self.authority = str(folder / "ca.pem")
        self.options = {
            "api__tls_cert_file": str(folder / "server.pem"),
            "api__tls_key_file": str(folder / "server.pem"),
        }
        super().setUp()

    def test_https(self):
        response = requests.get(f"{self.url}/", verify=self.authority, timeout=60)
        self.assertEqual(f"{self.url}/v1/", response.json()["versions"][0]["links"][0]["href"])
        self.assertTrue(self.url.startswith("https://"))

    def test_who_does_not_speak_it_is_sent_away_quietly(self):
        connection = self.connect()
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertEqual(b"", connection.recv(4096)[:0])
        self.wait_for(lambda: "no TLS with 127.0.0.1" in self.log.output)
        self.assertNotIn("Traceback", self.log.output)

    def test_a_handshake_that_hangs_holds_nobody_up(self):
        self.connect().sendall(b"\x16\x03\x01")
        self.assertEqual(
            200, requests.get(f"{self.url}/healthcheck", verify=self.authority, timeout=60).status_code
        )

    def test_old_protocols_are_refused(self):
        context = ssl.create_default_context(cafile=self.authority)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        self.assertRaises(OSError, context.wrap_socket, self.connect(), server_hostname="127.0.0.1")


class ListenTest(case.APITestCase):
    def test_a_taken_port_is_told(self):
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        self.conf.set_override("port", taken.getsockname()[1], "api")
        error = self.assertRaises(errors.CannotListen, api_server.Server(self.conf, self.application).start)
        self.assertIn("127.0.0.1", error.detail)
