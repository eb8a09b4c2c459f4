# SPDX-License-Identifier: Apache-2.0
"""Who asks, and what they may do, by strategy."""

import base64

import bcrypt

from tests import base
from tests.unit.api import case
from valence.api import auth
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


class HTTPBasicTest(case.APITestCase):
    def setUp(self):
        self.file = self.make_file({"admin": b"apple", "ann": b"pear"})
        self.options = {"auth_strategy": "http_basic", "api__http_basic_auth_user_file": str(self.file)}
        super().setUp()

    def make_file(self, users):
        """Return an htpasswd file of ``users``."""
        file = self.useFixture(base.fixtures.TempDir()).join("htpasswd")
        self.write(file, users)
        return file

    def write(self, file, users):
        """Write an htpasswd file."""
        lines = [
            f"{name}:{bcrypt.hashpw(password, bcrypt.gensalt(4)).decode()}\n"
            for name, password in users.items()
        ]
        with open(file, "w") as stream:
            stream.writelines(lines)

    def as_user(self, name, password, method="GET", url="/v1/pod_managers", **keywords):
        """Return the response to a request with a user's credentials."""
        token = base64.b64encode(f"{name}:{password}".encode()).decode()
        return self.request(method, url, headers={"Authorization": f"Basic {token}"}, **keywords)

    def test_an_administrator_changes(self):
        self.assertEqual(201, self.as_user("admin", "apple", "POST", json=case.PODM).status_code)

    def test_the_actor_is_known(self):
        self.as_user("admin", "apple", "POST", json=case.PODM)
        self.assertEqual("admin", self.as_user("ann", "pear", url="/v1/events").json["events"][0]["actor"])

    def test_others_read(self):
        self.assertEqual(200, self.as_user("ann", "pear").status_code)
        self.assert_error(self.as_user("ann", "pear", "POST", json=case.PODM), 403, "valence.forbidden")
        sync = self.as_user("ann", "pear", "POST", url=f"/v1/pod_managers/{case.UUID}/sync")
        self.assert_error(sync, 403, "valence.forbidden")

    def test_without_credentials_only_what_is_public(self):
        for url in ("/", "/v1", "/healthcheck", "/readyz", "/v1/openapi.json"):
            self.assertEqual(200, self.get(url).status_code, url)
        response = self.get("/v1/pod_managers")
        self.assert_error(response, 401, "valence.unauthorized")
        self.assertEqual('Basic realm="valence", charset="UTF-8"', response.headers["WWW-Authenticate"])

    def test_wrong_credentials(self):
        for name, password in (
            ("admin", "pear"),
            ("bob", "x"),
            ("", ""),
            ("admin", "x" * 500),
            ("admin", "a\0"),
            ("a\n", ""),
        ):
            self.assert_error(self.as_user(name, password), 401, "valence.unauthorized")

    def test_credentials_of_no_form(self):
        for header in ("Basic", "Basic ???", "Basic YQ==", "Bearer abc", "Basic /w==", "", "Basic 8J8=:"):
            response = self.get("/v1/pod_managers", Authorization=header)
            self.assert_error(response, 401, "valence.unauthorized")

    def test_a_file_that_cannot_be_used_is_told(self):
        self.conf.set_override("http_basic_auth_user_file", "/nowhere", "api")
        self.assertRaises(errors.UsersUnusable, auth.strategy, self.conf)
        self.write(self.file, {})
        base.pathlib.Path(self.file).write_text("ann:{SHA}x\n")
        self.conf.set_override("http_basic_auth_user_file", self.file, "api")
        self.assertRaises(errors.UsersUnusable, auth.strategy, self.conf)

    def test_a_file_that_went_away_is_told(self):
        base.pathlib.Path(self.file).unlink()
        self.assert_error(self.as_user("admin", "apple"), 500, "valence.users_unusable")

    def test_a_changed_password_counts_at_once(self):
        self.assertEqual(200, self.as_user("ann", "pear").status_code)
        self.write(self.file, {"ann": b"plum"})
        self.assert_error(self.as_user("ann", "pear"), 401)
        self.assertEqual(200, self.as_user("ann", "plum").status_code)
