# SPDX-License-Identifier: Apache-2.0
"""The HTTP server: what slow, silent and many clients do to others; certificates; the stop."""

import socket
import ssl
import threading

import requests
import trustme

from tests.unit.common import web_case
from valence.common import errors
from valence.common import web


class SlowClientsTest(web_case.WebCase):
    limits = {"idle": 60, "head": 0.5, "transfer": 0.5, "linger_silence": 0.2}

    def test_clients_that_send_slowly_take_no_thread(self):
        slow = [self.send(b"G") for _ in range(20)]
        slow += [self.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx") for _ in range(20)]
        self.assertEqual(200, self.ask(web_case.GET))
        for connection in slow:
            status, headers, _ = self.answer(connection)
            self.assertEqual((408, "close"), (status, headers["connection"]))

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

    def test_a_client_that_reads_is_answered_whatever_the_size(self):
        status, _, body = self.answer(self.send(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"))
        self.assertEqual((200, 20_000_000), (status, len(body)))

    def test_a_reader_of_a_stream_that_stops_reading_is_closed(self):
        self.send(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertTrue(self.application.gone.wait(30))
        self.assertEqual(200, self.ask(web_case.GET))

    def test_a_client_that_leaves_a_stream_is_noticed_at_once(self):
        connection = self.send(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.recv(100)
        connection.close()
        self.assertTrue(self.application.gone.wait(30))


class QueueTest(web_case.WebCase):
    limits = {"queue": 0}

    def test_a_request_that_waited_too_long_for_a_thread_is_not_begun(self):
        status, _, body = self.answer(self.send(web_case.GET))
        self.assertEqual(503, status)
        self.assertIn(b"All threads are busy", body)
        self.assertEqual([], self.application.asked)


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
        self.assertTrue(self.application.held.acquire(timeout=15))
        stop = threading.Thread(target=self.server.stop)
        stop.start()
        self.wait_for(lambda: self.server.is_closing)
        self.application.gate.set()
        status, headers, _ = self.answer(connection)
        stop.join(15)
        self.assertEqual((200, "close"), (status, headers["connection"]))
        self.assertRaises(ConnectionError, self.connect)

    def test_a_port_that_is_taken_is_told(self):
        taken = int(self.server.url.rpartition(":")[2])
        self.assertRaises(errors.CannotListen, web.Server("x", "127.0.0.1", taken, self.application).start)


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

    def test_half_handshakes_hold_nobody_up_and_are_closed(self):
        half = [self.send(b"\x16\x03\x01") for _ in range(20)]
        answer = requests.get(self.server.url, verify=str(self.folder / "ca.pem"), timeout=15)
        self.assertEqual(200, answer.status_code)
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
        error = self.assertRaises(errors.TLSUnusable, web.TLS, str(self.folder / "nowhere.pem"), None)
        self.assertIn("nowhere.pem", error.detail)

    def test_a_client_that_does_not_read_is_closed(self):
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        with context.wrap_socket(self.connect(), server_hostname="127.0.0.1") as connection:
            connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            self.wait_for(lambda: self.application.asked)
            connection.settimeout(15)
            self.assertTrue(connection.recv(10))
            connection.shutdown(socket.SHUT_RDWR)
        self.wait_for(lambda: not len(self.server.places))
