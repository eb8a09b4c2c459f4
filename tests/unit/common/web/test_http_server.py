# SPDX-License-Identifier: Apache-2.0
"""The HTTP server: what slow, silent and many clients do to others; certificates; the stop."""

import itertools
import socket
import ssl
import struct
import threading

import fixtures
import requests
import trustme

from tests.unit.common import web_case
from valence.common import errors
from valence.common.web import http_limits
from valence.common.web import http_server


class DeafClientsTest(web_case.WebCase):
    #: bytes that the kernel takes for a client earn it no time here: it takes megabytes, sooner or later
    limits = {"transfer": 0.5, "transfer_rate": 1 << 40}

    def test_clients_that_do_not_read_take_no_thread_and_are_closed(self):
        deaf = [self.send(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(5)]
        self.wait_for(lambda: len(self.application.asked) == 5)
        self.assertEqual(200, self.ask(web_case.GET))
        self.wait_for(lambda: len(self.server.places) == 1)
        for connection in deaf:
            self.assertRaises(ConnectionError, self.read_all, connection)

    def read_all(self, connection):
        """Read until the end; raise ConnectionError if it comes before that of the body."""
        size = 0
        while data := connection.recv(1 << 20):
            size += len(data)
        if size < 20_000_000:
            raise ConnectionError


class SlowClientsTest(web_case.WebCase):
    limits = {"idle": 60, "head": 0.5, "transfer": 0.5, "linger_silence": 0.2}

    def test_clients_that_send_slowly_take_no_thread(self):
        slow = [self.send(b"G") for _ in range(20)]
        slow += [self.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx") for _ in range(20)]
        self.assertEqual(200, self.ask(web_case.GET))
        for connection in slow:
            status, headers, _ = self.answer(connection)
            self.assertEqual((408, "close"), (status, headers["connection"]))

    def test_a_client_that_reads_is_answered_whatever_the_size(self):
        status, _, body = self.answer(self.send(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"))
        self.assertEqual((200, 20_000_000), (status, len(body)))

    def test_a_reader_of_a_stream_that_stops_reading_is_closed(self):
        self.send(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertTrue(self.application.gone.wait(60))
        self.assertEqual(200, self.ask(web_case.GET))

    def test_a_client_that_leaves_a_stream_is_noticed_at_once(self):
        connection = self.send(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.recv(100)
        connection.close()
        self.assertTrue(self.application.gone.wait(60))


class QueueTest(web_case.WebCase):
    limits = {"queue": 0}

    def test_a_request_that_waited_too_long_for_a_thread_is_not_begun(self):
        status, _, body = self.answer(self.send(web_case.GET))
        self.assertEqual(503, status)
        self.assertIn(b"All threads are busy", body)
        self.assertEqual([], self.application.asked)


class FairCase(web_case.WebCase):
    """Requests of two addresses; turns end only with the requests, however idle the processor is."""

    greedy, other = "127.0.0.2", "127.0.0.3"

    def setUp(self):
        for name in ("TURN", "LONGEST"):
            self.useFixture(fixtures.MonkeyPatch(f"valence.common.web.http_limits.{name}", 1000))
        super().setUp()

    def send_many(self, number, path=b"/hold", source=greedy):
        """Send requests on connections of their own; return these when the server has all of them."""
        before = len(self.server.places.of(http_limits.BUSY))
        request = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path
        connections = [self.send(request, source=source) for _ in range(number)]
        self.wait_for(lambda: len(self.server.places.of(http_limits.BUSY)) == before + number)
        return connections


class FairTest(FairCase):
    threads = 4

    def test_requests_of_one_address_leave_threads_to_others(self):
        many = self.send_many(20)
        self.assertEqual(200, self.ask(web_case.GET, source=self.other))
        self.application.gate.set()
        self.assertEqual([200] * 20, [self.answer(each)[0] for each in many])

    def test_a_reader_of_a_stream_has_no_turn(self):
        for connection in self.send_many(3, b"/stream"):
            connection.recv(1)
        self.assertEqual(200, self.ask(web_case.GET, source=self.greedy))


class OneThreadTest(FairCase):
    threads = 1

    def test_a_request_waits_for_at_most_one_of_another_address(self):
        many = self.send_many(20)
        (other,) = self.send_many(1, b"/other", source=self.other)
        self.application.gate.set()
        self.assertEqual([200] * 21, [self.answer(each)[0] for each in (other, *many)])
        self.assertIn("/other", [each["PATH_INFO"] for each in self.application.asked[:3]])

    def test_a_request_whose_client_left_before_its_turn_is_not_begun_and_keeps_no_body(self):
        self.send_many(1)
        left = self.send(
            b"POST /left HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody", source=self.greedy
        )
        self.wait_for(lambda: len(self.server.places.of(http_limits.BUSY)) == 2)
        left.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        left.close()
        self.wait_for(lambda: len(self.server.places) == 1)
        self.assertTrue(self.server.bodies.take(self.server.limits.bodies))
        self.application.gate.set()
        self.assertEqual(200, self.ask(web_case.GET, source=self.greedy))
        self.assertNotIn("/left", [each["PATH_INFO"] for each in self.application.asked])

    def test_those_who_wait_are_answered_at_the_stop(self):
        many = self.send_many(5)
        stop = threading.Thread(target=self.server.stop)
        stop.start()
        self.wait_for(lambda: self.server.is_closing)
        self.application.gate.set()
        self.assertEqual([200] * 5, [self.answer(each)[0] for each in many])
        stop.join(60)
        self.assertFalse(stop.is_alive())


class ProxyTest(web_case.WebCase):
    def serve(self, **options):
        return super().serve(client=lambda environ: environ["HTTP_X_FORWARDED_FOR"], **options)

    def test_clients_behind_a_proxy_are_told_apart(self):
        def ask(client):
            return self.send(b"GET /hold HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: %s\r\n\r\n" % client)

        self.useFixture(fixtures.MonkeyPatch("valence.common.web.http_limits.TURN", 1000))
        for client in (b"2001:db8::1", b"2001:db8::2", b"192.0.2.2"):
            ask(client)
        self.wait_for(lambda: len(self.application.asked) == 2)
        asked = {each["HTTP_X_FORWARDED_FOR"] for each in self.application.asked}
        self.assertEqual({"2001:db8::1", "192.0.2.2"}, asked)


class IdleTest(web_case.WebCase):
    limits = {"idle": 0.1}

    def test_silent_connections_are_closed_before_and_after_a_request(self):
        used = self.connect()
        self.send(web_case.GET, used)
        self.assertEqual(200, self.answer(used)[0])
        silent = self.connect()
        self.wait_for(lambda: not len(self.server.places))
        self.assertEqual((b"", b""), (used.recv(1), silent.recv(1)))


class FullTest(web_case.WebCase):
    limits = {"connections": 4}
    threads = 4

    def test_a_silent_connection_makes_room_for_a_new_one(self):
        silent = [self.connect() for _ in range(20)]
        self.assertEqual(200, self.ask(web_case.GET))
        self.wait_for(lambda: sum(map(self.closed, silent)) >= 16)
        self.assertLessEqual(len(self.server.places), 4)

    def test_a_request_that_is_worked_on_is_kept_and_the_log_stays_short(self):
        working = [self.send(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(4)]
        self.wait_for(lambda: len(self.application.asked) == 4)
        more = [self.connect() for _ in range(50)]
        self.wait_for(lambda: all(map(self.closed, more)))
        self.application.gate.set()
        self.assertEqual([200] * 4, [self.answer(each)[0] for each in working])
        self.assertEqual(1, self.log.output.count("too many requests are being worked on"))
        self.assertNotIn("Traceback", self.log.output)


class AddressTest(web_case.WebCase):
    limits = {"connections_per_address": 3, "exempt": ("127.0.0.1",)}

    def test_one_address_has_only_so_many_connections(self):
        greedy = [self.connect(source="127.0.0.2") for _ in range(10)]
        other = [self.connect(source="127.0.0.3") for _ in range(3)]
        self.wait_for(lambda: sum(map(self.closed, greedy)) == 7)
        self.assertEqual(200, self.ask(web_case.GET, source="127.0.0.2"))
        self.assertFalse(any(map(self.closed, other)))

    def test_but_an_exempt_one(self):
        many = [self.connect() for _ in range(10)]
        self.assertEqual(200, self.ask(web_case.GET))
        self.assertFalse(any(map(self.closed, many)))


class StopTest(web_case.WebCase):
    def test_what_is_worked_on_is_answered_and_connections_learn_that_they_end(self):
        connection = self.send(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertTrue(self.application.held.acquire(timeout=60))
        stop = threading.Thread(target=self.server.stop)
        stop.start()
        self.wait_for(lambda: self.server.is_closing)
        self.application.gate.set()
        status, headers, _ = self.answer(connection)
        stop.join(60)
        self.assertEqual((200, "close"), (status, headers["connection"]))
        self.assertRaises(ConnectionError, self.connect)

    def test_a_port_that_is_taken_is_told(self):
        taken = int(self.server.url.rpartition(":")[2])
        self.assertRaises(errors.CannotListen, http_server.require_port, "127.0.0.1", taken)
        http_server.require_port("127.0.0.1", 0)
        self.assertRaises(
            errors.CannotListen, http_server.Server("x", "127.0.0.1", taken, self.application).start
        )


class TLSTest(web_case.WebCase):
    limits = {"handshake": 0.5}

    def serve(self, **options):
        self.folder, self.authority = self.make_folder(), trustme.CA()
        self.authority.cert_pem.write_to_path(self.folder / "ca.pem")
        self.issue()
        return super().serve(tls_files=(str(self.folder / "server.pem"), None), **options)

    def issue(self):
        """Write a new certificate; return its serial number."""
        certificate = self.authority.issue_cert("127.0.0.1")
        certificate.private_key_and_cert_chain_pem.write_to_path(self.folder / "server.pem")

    def serial(self):
        """Return the serial number of the certificate that a new connection sees."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        with context.wrap_socket(self.connect(), server_hostname="127.0.0.1") as connection:
            return connection.getpeercert()["serialNumber"]

    def test_a_response_does_not_wait_for_acknowledgements(self):
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        with context.wrap_socket(self.connect(), server_hostname="127.0.0.1") as connection:
            self.send(web_case.GET, connection)
            self.assertEqual(200, self.answer(connection)[0])
            (served,) = self.server.places
            accepted = served._transport.get_extra_info("socket")
            self.assertTrue(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    def test_silent_clients_cost_no_tls_until_they_are_closed(self):
        begun = self.note_handshakes()
        silent = [self.connect() for _ in range(20)]
        self.wait_for(lambda: len(self.server.places) == 20)
        self.assertEqual([], begun)
        self.assertEqual(200, self.ask_over_tls())
        self.assertEqual(1, len(begun))
        for connection in silent:
            self.assertEqual(b"", connection.recv(100))
        self.assertEqual(1, len(begun))

    def test_few_handshakes_begin_in_one_turn_of_the_loop(self):
        begun, turns = self.note_handshakes(), []
        hello = self.hello()
        many = [self.connect() for _ in range(3 * http_server.HANDSHAKES)]
        self.wait_for(lambda: len(self.server.places) == len(many))

        def count():
            turns.append(len(begun))
            if len(begun) < len(many):
                self.server.loop.call_soon(count)

        def send():
            for connection in many:
                connection.sendall(hello)
            count()

        self.server.loop.call_soon_threadsafe(send)
        for connection in many:
            self.assertNotEqual(b"", connection.recv(100))
        self.assertEqual(len(many), turns[-1])
        steps = [after - before for before, after in itertools.pairwise(turns)]
        self.assertLessEqual(max(steps), http_server.HANDSHAKES)

    def test_a_client_that_leaves_before_the_handshake_is_forgotten(self):
        begun = self.note_handshakes()
        self.connect().close()
        self.wait_for(lambda: "closed before the handshake" in self.log.output)
        self.assertEqual(([], 0), (begun, len(self.server.places)))

    def note_handshakes(self):
        """Return a list that gets an entry for each handshake of the server."""
        begun = []

        class Counted(ssl.SSLObject):
            def do_handshake(self):
                if self not in begun:
                    begun.append(self)
                super().do_handshake()

        self.server._tls.context.sslobject_class = Counted
        return begun

    def hello(self):
        """Return the first message of a client."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        client = context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        self.assertRaises(ssl.SSLWantReadError, client.do_handshake)
        return outgoing.read()

    def ask_over_tls(self):
        return requests.get(self.server.url, verify=str(self.folder / "ca.pem"), timeout=60).status_code

    def test_half_handshakes_hold_nobody_up_and_are_closed(self):
        half = [self.send(b"\x16\x03\x01") for _ in range(20)]
        self.assertEqual(200, self.ask_over_tls())
        for connection in half:
            self.assertEqual(b"", connection.recv(100))
        self.wait_for(lambda: not self.server.places.of(0))

    def test_what_is_no_tls_is_logged_in_one_line(self):
        for _ in range(10):
            self.assertEqual(b"", self.send(web_case.GET).recv(0))
        self.wait_for(lambda: "no TLS with 127.0.0.1" in self.log.output)
        self.assertEqual(1, self.log.output.count("no TLS with"))
        self.assertNotIn("Traceback", self.log.output)

    def test_a_new_certificate_is_served_after_a_reload_and_a_broken_one_is_not(self):
        before = self.serial()
        self.issue()
        self.assertEqual(before, self.serial())
        self.server.reload()
        after = self.serial()
        self.assertNotEqual(before, after)
        (self.folder / "server.pem").write_text("nonsense")
        self.server.reload()
        self.assertEqual(after, self.serial())
        self.assertIn("the certificate stays as it is", self.log.output)

    def test_a_certificate_that_cannot_be_read_is_told(self):
        error = self.assertRaises(errors.TLSUnusable, http_server.TLS, str(self.folder / "nowhere.pem"), None)
        self.assertIn("nowhere.pem", error.detail)

    def test_a_client_that_does_not_read_is_closed(self):
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        with context.wrap_socket(self.connect(), server_hostname="127.0.0.1") as connection:
            connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            self.wait_for(lambda: self.application.asked)
            connection.settimeout(60)
            self.assertTrue(connection.recv(10))
            connection.shutdown(socket.SHUT_RDWR)
        self.wait_for(lambda: not len(self.server.places))
