# SPDX-License-Identifier: Apache-2.0
"""sushy's connector as Valence sets it up."""

import requests

from tests.unit.podmanagers import case
from valence.podmanagers import redfish_http
from valence.podmanagers import redfish_paths
from valence.podmanagers import redfish_sushy

PATH = "/redfish/v1/Systems"


class ConnectorTest(case.RedfishTestCase):
    def setUp(self):
        super().setUp()
        self.service = self.serve({PATH: {"Id": "1", "Name": "one"}})
        paths = redfish_paths.Paths(self.service.url)
        http = redfish_http.HTTP(self.conf.redfish, paths, "true")
        self.addCleanup(http.pool.close)
        self.connector = redfish_sushy.Connector(self.conf.redfish, paths.origin, http, "true")
        self.authentication = redfish_sushy.Authentication("admin", "password")
        self.authentication.set_context(None, self.connector)

    def headers_of(self, method, request):
        """Return the headers of one request."""
        found = []
        self.service.answers[f"{method} {PATH}"] = lambda handler: (
            found.append(handler.headers),
            handler.answer(200, {"Id": "1"}),
        )
        request(PATH)
        return found[0]

    def test_keeps_connections(self):
        self.assertNotEqual("close", self.headers_of("GET", self.connector.get)["Connection"])
        self.assertNotEqual("close", self.headers_of("POST", self.connector.post)["Connection"])

    def test_sends_the_token_both_ways(self):
        self.connector.set_http_session_auth("abc")
        self.assertEqual("abc", self.headers_of("GET", self.connector.get)["X-Auth-Token"])
        self.assertEqual("abc", self.headers_of("POST", self.connector.post)["X-Auth-Token"])

    def test_sends_the_same_basic_credentials_both_ways(self):
        self.connector.set_http_basic_auth("jürgen", "пароль")
        basic = self.headers_of("GET", self.connector.get)["Authorization"]
        self.assertEqual(basic, self.headers_of("POST", self.connector.post)["Authorization"])

    def test_knows_one_host_only(self):
        session = self.connector._session
        self.assertRaises(requests.exceptions.InvalidSchema, session.get, "http://127.0.0.2/")
        self.assertFalse(session.trust_env)

    def test_answers_read_by_sushy_are_checked_like_all(self):
        self.assertEqual({"Id": "1", "Name": "one"}, self.connector.get(PATH).json())

    def test_basic_is_used_once(self):
        self.assertTrue(self.authentication.use_basic())
        self.assertFalse(self.authentication.use_basic())

    def test_basic_needs_a_name(self):
        authentication = redfish_sushy.Authentication("", "")
        authentication.set_context(None, self.connector)
        self.assertFalse(authentication.use_basic())
