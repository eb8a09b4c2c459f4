# SPDX-License-Identifier: Apache-2.0
"""TLS contexts: shared, and as strict as they are told to be."""

import socket
import ssl
import threading
import time

from tests.unit.podmanagers import case
from valence.common import errors
from valence.podmanagers import redfish_http
from valence.podmanagers import redfish_paths
from valence.podmanagers import redfish_transport


class ContextTest(case.RedfishTestCase):
    def test_is_shared_by_all_with_the_same_checks(self):
        first, second, other = (
            redfish_transport.tls_context(each, None) for each in ("true", "true", "false")
        )
        self.assertIs(first, second)
        self.assertIsNot(first, other)

    def test_is_made_anew_when_the_file_of_authorities_changed(self):
        service = self.serve(tls=True)
        first, second = (redfish_transport.tls_context(service.certificate, each) for each in (1, 2))
        self.assertIsNot(first, second)

    def test_checks_unless_told_not_to(self):
        self.assertEqual(ssl.CERT_REQUIRED, redfish_transport.tls_context("true", None).verify_mode)
        self.assertTrue(redfish_transport.tls_context("true", None).check_hostname)
        self.assertEqual(ssl.CERT_NONE, redfish_transport.tls_context("false", None).verify_mode)


class PoolTest(case.RedfishTestCase):
    def setUp(self):
        super().setUp()
        self.service = self.serve({"/redfish/v1/Systems": {"Id": "1"}}, tls=True)

    def get(self, verify_ca):
        http = redfish_http.HTTP(self.conf.redfish, redfish_paths.Paths(self.service.url), verify_ca)
        self.addCleanup(http.pool.close)
        return http.get("/redfish/v1/Systems", {}).status_code

    def test_an_unknown_authority_is_refused_with_advice(self):
        error = self.assertRaises(errors.PodManagerUnreachable, self.get, "true")
        self.assertIn("verify_ca", error.kwargs["reason"])

    def test_a_file_with_the_certificate_accepts_it(self):
        self.assertEqual(200, self.get(self.service.certificate))

    def test_false_accepts_any(self):
        self.assertEqual(200, self.get("false"))

    def test_another_certificate_is_refused(self):
        other = self.serve(tls=True)
        self.assertRaises(errors.PodManagerUnreachable, self.get, other.certificate)

    def test_a_handshake_that_never_ends_is_not_waited_for(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.service.url = f"https://127.0.0.1:{silent.getsockname()[1]}"
            start = time.monotonic()
            error = self.assertRaises(errors.PodManagerUnreachable, self.get, "false")
        self.assertLess(time.monotonic() - start, 5)
        self.assertIn("in time", error.kwargs["reason"])

    def test_a_service_without_tls_is_told_from_one_that_is_down(self):
        self.service = self.serve()
        self.service.url = self.service.url.replace("http:", "https:")
        error = self.assertRaises(errors.PodManagerUnreachable, self.get, "false")
        self.assertIn("check the scheme and the port", error.kwargs["reason"])


class InterruptionTest(case.RedfishTestCase):
    def setUp(self):
        super().setUp()
        self.configure(read_timeout=30)
        self.asked, self.answered = threading.Event(), threading.Event()
        self.addCleanup(self.answered.set)

    def http(self, tls):
        """Return an HTTP to a service that takes requests and answers none."""
        service = self.serve(tls=tls)
        service.answers["GET /slow"] = self.keep_waiting
        http = redfish_http.HTTP(self.conf.redfish, redfish_paths.Paths(service.url), "false")
        self.addCleanup(http.pool.close)
        return http

    def keep_waiting(self, handler):
        self.asked.set()
        self.answered.wait()

    def assert_broken_off(self, tls):
        http = self.http(tls)
        threading.Thread(target=self.interrupt, args=(http,)).start()
        start = time.monotonic()
        error = self.assertRaises(errors.PodManagerUnreachable, http.get, "/slow", {})
        self.assertLess(time.monotonic() - start, 5)
        self.assertIn("broke the connection off", error.kwargs["reason"])
        self.assertRaises(errors.PodManagerUnreachable, http.get, "/slow", {})

    def interrupt(self, http):
        self.asked.wait()
        http.interruption.interrupt()

    def test_whoever_waits_for_an_answer_is_woken_and_nobody_waits_again(self):
        self.assert_broken_off(tls=False)

    def test_also_with_tls(self):
        self.assert_broken_off(tls=True)
