# SPDX-License-Identifier: Apache-2.0
"""Reasons that a person understands, of the errors that libraries raise."""

import errno
import json
import socket
import ssl

from urllib3 import exceptions

from tests import base
from valence.podmanagers.redfish.http import failures


def reason(error):
    return failures.connection_reason(error, 5, 30)


class ConnectionReasonTest(base.TestCase):
    def test_an_unknown_host_name(self):
        error = exceptions.NameResolutionError(
            "pod.example", None, socket.gaierror(-2, "Name or service not known")
        )
        self.assertIn("host name is not known", reason(exceptions.MaxRetryError(None, "/", error)))

    def test_a_refused_connection(self):
        error = exceptions.NewConnectionError(None, "failed")
        error.__cause__ = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
        self.assertIn("nothing listens", reason(error))

    def test_a_host_without_a_route(self):
        self.assertIn(
            "no route", reason(exceptions.ProtocolError("x", OSError(errno.EHOSTUNREACH, "No route to host")))
        )

    def test_a_certificate_that_is_not_accepted_and_what_to_do(self):
        error = ssl.SSLCertVerificationError(1, "certificate verify failed")
        error.verify_message = "self-signed certificate"
        told = reason(exceptions.SSLError(error))
        self.assertIn("self-signed certificate", told)
        self.assertIn("verify_ca", told)

    def test_a_port_that_does_not_speak_tls(self):
        error = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
        error.reason = "WRONG_VERSION_NUMBER"
        self.assertIn("check the scheme and the port", reason(exceptions.SSLError(error)))

    def test_times_that_are_over_say_how_long_they_were(self):
        self.assertIn("within 5 s", reason(exceptions.ConnectTimeoutError(None, "timed out")))
        self.assertIn("30 s for an answer", reason(exceptions.ReadTimeoutError(None, "/", "timed out")))
        self.assertIn("30 s for an answer", reason(TimeoutError("timed out")))

    def test_a_connection_that_is_cut(self):
        self.assertIn(
            "cut",
            reason(exceptions.ProtocolError("aborted", ConnectionResetError(errno.ECONNRESET, "reset"))),
        )
        self.assertIn("cut", reason(exceptions.IncompleteRead(5, 10)))
        self.assertIn("cut", reason(exceptions.SSLError(ssl.SSLEOFError(8, "EOF occurred"))))


class StatusReasonTest(base.TestCase):
    def test_a_status_is_told_with_its_phrase(self):
        self.assertEqual("it answers 500 Internal Server Error", failures.status_reason(500))
        self.assertEqual("it answers 599", failures.status_reason(599))

    def test_the_message_of_a_redfish_error_is_told(self):
        body = json.dumps({"error": {"code": "Base.1.0.GeneralError", "message": "The disk\nis on fire"}})
        self.assertEqual(
            "it answers 500 Internal Server Error (The disk is on fire)",
            failures.status_reason(500, body),
        )

    def test_bodies_of_any_other_form_are_left_out(self):
        for body in (
            b"",
            b"<html>",
            b"[]",
            b"\xff",
            b'{"error": null}',
            b'{"error": {"message": []}}',
            b"[" * 100_000,
        ):
            self.assertEqual("it answers 502 Bad Gateway", failures.status_reason(502, body), body[:20])

    def test_what_a_pod_manager_says_is_one_short_line(self):
        self.assertEqual(200, len(failures.printable("x" * 5000)))
        self.assertEqual("a b", failures.printable("a\r\n\x1b\u202eb"))


class NotJSONReasonTest(base.TestCase):
    def test_says_what_came_instead(self):
        self.assertIn(
            "text/html instead of JSON", failures.not_json_reason("text/html; charset=x", b"<html>")
        )
        self.assertIn("empty", failures.not_json_reason("application/json", b""))
        self.assertIn("not a JSON object", failures.not_json_reason("application/json", b"{"))
        self.assertIn("not a JSON object", failures.not_json_reason(None, b"[]"))
