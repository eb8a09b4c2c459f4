# SPDX-License-Identifier: Apache-2.0
"""Who asks, and what they may do, by strategy."""

from tests import base
from tests.unit.api import case
from valence.api.http import auth
from valence.common import errors


class LoopbackTest(base.TestCase):
    def test_addresses(self):
        for address in ("127.0.0.1", "127.9.9.9", "::1", "localhost", ""):
            self.assertTrue(auth.is_loopback(address), address)
        for address in ("0.0.0.0", "::", "10.0.0.7", "valence.example.org"):
            self.assertFalse(auth.is_loopback(address), address)


class NoauthTest(case.APITestCase):
    def test_everybody_on_this_machine_is_an_administrator(self):
        self.assertEqual(201, self.post("/v1/pod_managers", case.PODM).status_code)

    def test_nobody_else_is(self):
        response = self.request("GET", "/v1/pod_managers", environ_base={"REMOTE_ADDR": "10.0.0.9"})
        self.assert_error(response, 403, "valence.forbidden")

    def test_it_does_not_listen_for_others(self):
        conf = case.configuration(self.make_folder(), api__host="0.0.0.0")
        self.assertRaises(errors.InsecureConfiguration, auth.strategy, conf)


class NoauthEverywhereTest(case.APITestCase):
    options = {"api__noauth_everywhere": True, "api__host": "0.0.0.0"}

    def test_everybody_is_an_administrator(self):
        response = self.request("GET", "/v1/pod_managers", environ_base={"REMOTE_ADDR": "10.0.0.9"})
        self.assertEqual(200, response.status_code)
