# SPDX-License-Identifier: Apache-2.0
"""TLS contexts: shared, and as strict as they are told to be."""

import contextlib
import socket
import ssl
import threading
import warnings

import trustme

from tests import clock
from tests.unit.podmanagers import case
from valence.common import errors
from valence.podmanagers.redfish import urls
from valence.podmanagers.redfish.http import requests
from valence.podmanagers.redfish.http import transport


class ContextTest(case.RedfishTestCase):
    def test_is_shared_by_all_with_the_same_checks(self):
        first, second, other = (transport.tls_context(each, None) for each in ("true", "true", "false"))
        self.assertIs(first, second)
        self.assertIsNot(first, other)
        self.assertIsNot(first, transport.tls_context("true", None, "legacy"))

    def test_is_made_anew_when_the_file_of_authorities_changed(self):
        service = self.serve(tls=True)
        first, second = (transport.tls_context(service.certificate, each) for each in (1, 2))
        self.assertIsNot(first, second)

    def test_checks_unless_told_not_to(self):
        self.assertEqual(ssl.CERT_REQUIRED, transport.tls_context("true", None).verify_mode)
        self.assertTrue(transport.tls_context("true", None).check_hostname)
        self.assertEqual(ssl.CERT_NONE, transport.tls_context("false", None).verify_mode)


class CiphersTest(case.RedfishTestCase):
    """Services that know only old protocols or ciphers, as controllers of before 2018 do."""

    def setUp(self):
        super().setUp()
        authority, folder = trustme.CA(), self.make_folder()
        self.chain, self.certificate = str(folder / "chain.pem"), str(folder / "authority.pem")
        issued = authority.issue_cert("127.0.0.1", key_type=trustme.KeyType.RSA)
        issued.private_key_and_cert_chain_pem.write_to_path(self.chain)
        authority.cert_pem.write_to_path(self.certificate)

    def listen(self, prepare):
        """Return the URL of a service that makes TLS handshakes with a context that ``prepare`` changed."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            prepare(context)
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(OSError):
                        secure = context.wrap_socket(connection, server_side=True)
                        secure.recv(4096)
                        secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
                        secure.unwrap()

        threading.Thread(target=serve, daemon=True).start()
        return f"https://127.0.0.1:{listener.getsockname()[1]}"

    def accepts(self, url, verify_ca, tls):
        self.configure(connect_timeout=10, read_timeout=10)
        http = requests.HTTP(self.conf.redfish, urls.Paths(url), verify_ca, tls)
        self.addCleanup(http.pool.close)
        try:
            return http.get("/redfish/v1/", {}).status_code == 200
        except errors.PodManagerUnreachable as error:
            self.assertIn('tls to be "legacy"', error.kwargs["reason"])
            return False

    def check(self, url, expected):
        """Check which of these are accepted: unchecked certificates by auto, modern, legacy; checked ones by them."""
        found = [
            self.accepts(url, verify_ca, tls)
            for verify_ca in ("false", self.certificate)
            for tls in ("auto", "modern", "legacy")
        ]
        self.assertEqual(expected, found)

    def test_ciphers_without_forward_secrecy_are_for_unchecked_certificates_and_legacy(self):
        for ciphers in ("AES128-SHA:AES256-SHA", "AES256-SHA", "AES128-GCM-SHA256", "ECDHE-RSA-AES256-SHA"):

            def prepare(context, ciphers=ciphers):
                context.maximum_version = ssl.TLSVersion.TLSv1_2
                context.set_ciphers(ciphers)

            self.check(self.listen(prepare), [True, False, True, False, False, True])

    def test_old_protocols_are_for_legacy(self):
        def prepare(context):
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
            context.set_ciphers("ALL:@SECLEVEL=0")

        self.check(self.listen(prepare), [False, False, True, False, False, True])

    def test_services_of_today_are_for_all(self):
        self.check(self.listen(lambda context: None), [True] * 6)

    def test_anonymous_ciphers_are_for_none(self):
        names = {each["name"] for each in transport.tls_context("true", None, "legacy").get_ciphers()}
        self.assertEqual([], [name for name in names if name.startswith(("ADH", "AECDH")) or "NULL" in name])


class PoolTest(case.RedfishTestCase):
    def setUp(self):
        super().setUp()
        self.service = self.serve({"/redfish/v1/Systems": {"Id": "1"}}, tls=True)

    def get(self, verify_ca):
        http = requests.HTTP(self.conf.redfish, urls.Paths(self.service.url), verify_ca)
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
            start = clock.seconds()
            error = self.assertRaises(errors.PodManagerUnreachable, self.get, "false")
        self.assert_in_time(clock.seconds() - start, 5)
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
        http = requests.HTTP(self.conf.redfish, urls.Paths(service.url), "false")
        self.addCleanup(http.pool.close)
        return http

    def keep_waiting(self, handler):
        self.asked.set()
        self.answered.wait()

    def assert_broken_off(self, tls):
        http = self.http(tls)
        threading.Thread(target=self.interrupt, args=(http,)).start()
        start = clock.seconds()
        error = self.assertRaises(errors.PodManagerUnreachable, http.get, "/slow", {})
        self.assert_in_time(clock.seconds() - start, 5)
        self.assertIn("broke the connection off", error.kwargs["reason"])
        self.assertRaises(errors.PodManagerUnreachable, http.get, "/slow", {})

    def interrupt(self, http):
        self.asked.wait()
        http.interruption.interrupt()

    def test_whoever_waits_for_an_answer_is_woken_and_nobody_waits_again(self):
        self.assert_broken_off(tls=False)

    def test_also_with_tls(self):
        self.assert_broken_off(tls=True)
