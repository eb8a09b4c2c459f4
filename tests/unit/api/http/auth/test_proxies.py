# SPDX-License-Identifier: Apache-2.0
"""Reverse proxies: whose word on the client counts."""

from tests.unit.api import case
from valence.api.http import auth
from valence.common import errors

PROXY, OTHER = "192.0.2.7", "192.0.2.9"


class ProxiesTest(case.APITestCase):
    options = {"api__trusted_proxies": ["192.0.2.0/25", "::1"], "api__noauth_everywhere": True}

    def seen(self, address, **headers):
        """Return the client's address, scheme and host as the application sees them."""
        found = {}

        def application(environ, _start_response):
            found.update(environ)
            return []

        environ = {"REMOTE_ADDR": address, "wsgi.url_scheme": "http", "HTTP_HOST": "api", "SCRIPT_NAME": ""}
        environ |= {f"HTTP_X_FORWARDED_{name}": value for name, value in headers.items()}
        auth.Proxies(application, self.conf)(environ, lambda *_: None)
        return found["REMOTE_ADDR"], found["wsgi.url_scheme"], found["HTTP_HOST"]

    def test_a_trusted_proxy_is_believed(self):
        self.assertEqual(
            ("10.0.0.9", "https", "rack.example.org"),
            self.seen(PROXY, FOR="10.0.0.9", PROTO="https", HOST="rack.example.org"),
        )

    def test_nobody_else_is(self):
        told = {"FOR": "127.0.0.1", "PROTO": "https", "HOST": "rack.example.org"}
        self.assertEqual(("10.0.0.9", "http", "api"), self.seen("10.0.0.9", **told))

    def test_what_clients_put_in_front_is_not_believed(self):
        self.assertEqual("10.0.0.9", self.seen(PROXY, FOR="127.0.0.1, 10.0.0.9")[0])
        self.assertEqual("10.0.0.9", self.seen(PROXY, FOR=f"127.0.0.1, 10.0.0.9, {OTHER}")[0])

    def test_ports_are_left_out(self):
        self.assertEqual("10.0.0.9", self.seen("::1", FOR="10.0.0.9:4711")[0])
        self.assertEqual("2001:db8::9", self.seen("::1", FOR="[2001:db8::9]:4711")[0])
        self.assertEqual("2001:db8::9", self.seen("::1", FOR="2001:db8::9")[0])

    def test_a_proxy_that_says_nothing_is_the_client(self):
        self.assertEqual(PROXY, self.seen(PROXY)[0])

    def test_what_is_no_address_is_not_believed(self):
        for text in ("unknown", "x" * 1000, "10.0.0.9, _hidden", "10.0.0.9, 300.1.1.1"):
            self.assertEqual(PROXY, self.seen(PROXY, FOR=text)[0], text)

    def test_a_wrong_option_is_explained(self):
        self.conf.set_override("trusted_proxies", ["proxy.example.org"], "api")
        error = self.assertRaises(errors.InsecureConfiguration, auth.Proxies, None, self.conf)
        self.assertIn("[api] trusted_proxies", error.detail)


class RateTest(case.APITestCase):
    """Documents are counted by the client, not by the proxy."""

    options = {"api__trusted_proxies": ["127.0.0.1"], "processing__documents_per_minute": 1}

    def send_from(self, address):
        """Return the status of a document from an address behind the proxy."""
        return self.request(
            "POST", "/introspection/v1/continue", data=b"{}", headers={"X-Forwarded-For": address}
        ).status_code

    def test_each_client_has_its_own_rate(self):
        first = self.send_from("127.0.0.2")
        self.assertEqual([503, first], [self.send_from("127.0.0.2"), self.send_from("127.0.0.3")])
        self.assertNotEqual(503, first)


class NoauthTest(case.APITestCase):
    def test_a_proxy_on_this_machine_makes_nobody_an_administrator(self):
        self.assert_error(self.get("/v1/pod_managers", X_Forwarded_For="10.0.0.9"), 403, "valence.forbidden")
