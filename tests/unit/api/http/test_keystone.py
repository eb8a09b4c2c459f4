# SPDX-License-Identifier: Apache-2.0
"""Tokens of the Identity service, as keystonemiddleware's own fixture gives them."""

import datetime

import fixtures
from keystonemiddleware import fixture
from oslo_utils import timeutils

from tests import clock
from tests import identity
from tests.unit.api import case
from valence.api.http import app


class KeystoneTest(case.APITestCase):
    options = {"auth_strategy": "keystone"}

    def setUp(self):
        super().setUp()
        self.identity = self.useFixture(fixture.AuthTokenFixture())
        for role in ("reader", "member", "admin", "guest"):
            self.identity.add_token_data(
                token_id=role, user_id=f"id-of-{role}", project_id="p", role_list=[role], user_name=role
            )

    def as_role(self, role, method="GET", url="/v1/pod_managers", **keywords):
        """Return the response to a request with the token of somebody who has a role."""
        return self.request(method, url, headers={"X-Auth-Token": role}, **keywords)

    def test_readers_read(self):
        self.assertEqual(200, self.as_role("reader").status_code)
        self.assert_error(self.as_role("reader", "POST", json=case.PODM), 403, "valence.forbidden")

    def test_members_start_work(self):
        uuid = self.as_role("admin", "POST", json=case.PODM).json["uuid"]
        url = f"/v1/pod_managers/{uuid}/sync"
        self.assert_error(self.as_role("reader", "POST", url), 403, "valence.forbidden")
        self.assertEqual(202, self.as_role("member", "POST", url).status_code)
        self.assert_error(
            self.as_role("member", "DELETE", f"/v1/pod_managers/{uuid}"), 403, "valence.forbidden"
        )

    def test_administrators_do_everything(self):
        uuid = self.as_role("admin", "POST", json=case.PODM).json["uuid"]
        self.assertEqual(204, self.as_role("admin", "DELETE", f"/v1/pod_managers/{uuid}").status_code)

    def test_the_actor_is_known(self):
        self.as_role("admin", "POST", json=case.PODM)
        self.assertEqual("id-of-admin", self.as_role("reader", url="/v1/events").json["events"][0]["actor"])

    def test_other_roles_are_not_enough(self):
        self.assert_error(self.as_role("guest"), 403, "valence.forbidden")

    def test_without_a_token_only_what_is_public(self):
        for url in ("/", "/v1/", "/healthcheck"):
            self.assertEqual(200, self.get(url).status_code, url)
        response = self.get("/v1/pod_managers")
        self.assert_error(response, 401, "valence.unauthorized")
        self.assertIn("Keystone uri=", response.headers["WWW-Authenticate"])

    def test_a_wrong_token(self):
        self.assert_error(self.as_role("nobody"), 401, "valence.unauthorized")
        self.assertEqual(200, self.as_role("nobody", url="/").status_code)

    def test_a_stream_ends_with_its_token(self):
        soon = timeutils.utcnow(with_timezone=True) + datetime.timedelta(seconds=5)
        self.identity.add_token_data(token_id="short", user_id="u", role_list=["reader"], expires=soon)
        began = clock.seconds()
        response = self.as_role("short", url="/v1/events?stream=true")
        self.assertEqual(200, response.status_code)
        self.assertEqual(b"retry: 2000", b"".join(response.response)[:11])
        self.assert_in_time(clock.seconds() - began, 30)
        response.close()

    def test_headers_of_the_middleware_cannot_be_sent(self):
        headers = {"X-Identity-Status": "Confirmed", "X-User-Id": "u", "X-Roles": "admin"}
        self.assert_error(
            self.request("GET", "/v1/pod_managers", headers=headers), 401, "valence.unauthorized"
        )


class IdentityAwayTest(case.APITestCase):
    options = {"auth_strategy": "keystone"}

    def test_it_is_told_in_the_format(self):
        """Nothing is configured, so that the Identity service cannot be asked."""
        response = self.get("/v1/pod_managers", X_Auth_Token="x")
        self.assert_error(response, 503, "valence.unavailable")

    def test_a_service_that_does_not_answer_makes_no_token_invalid(self):
        """The configuration is right, and nobody listens at its URL."""
        self.useFixture(away := identity.Identity(identity.User("valence", "service", ("service",))))
        away.configure(self.conf, "valence")
        self.conf.set_override("auth_url", "http://127.0.0.1:9/v3", "keystone_authtoken")
        for option, value in (("http_request_max_retries", 0), ("memcached_servers", ["127.0.0.1:9"])):
            self.conf.set_override(option, value, "keystone_authtoken")
        self.application = app.create_app(self.conf, self.backend.conductor)
        self.addCleanup(self.application.stop)
        self.client = case.test.Client(self.application)
        for url in ("/v1/pod_managers", "/backup/v2/p/jobs", "/introspection/v1/rules"):
            response = self.get(url, X_Auth_Token="x")
            self.assertEqual(503, response.status_code, response.text)
            self.assertIn("Retry-After", response.headers)
        self.assertEqual(200, self.get("/healthcheck").status_code)


class MemcachedTest(case.APITestCase):
    """Tokens are kept in memcached, as the documentation of the deployment has it; here it is away."""

    options = {"auth_strategy": "keystone"}

    def test_tokens_are_checked(self):
        users = self.useFixture(identity.Identity(identity.User("valence", "service", ("service", "reader"))))
        users.configure(self.conf, "valence")
        self.conf.set_override("memcached_servers", ["127.0.0.1:9"], "keystone_authtoken")
        self.application = app.create_app(self.conf, self.backend.conductor)
        self.addCleanup(self.application.stop)
        self.client = case.test.Client(self.application)
        self.assertEqual(200, self.get("/readyz").status_code)
        token = users.sign_in("valence", "valence")
        self.assertEqual(200, self.get("/v1/pod_managers", X_Auth_Token=token).status_code)
        self.assert_error(self.get("/v1/pod_managers", X_Auth_Token="x"), 401, "valence.unauthorized")


class TurnTest(case.APITestCase):
    """A request gives its turn up while the Identity service is asked, and keeps it if the token is cached."""

    options = {"auth_strategy": "keystone"}

    def test_only_a_call_to_the_identity_service_ends_the_turn(self):
        users = self.useFixture(identity.Identity(identity.User("valence", "service", ("service", "reader"))))
        users.configure(self.conf, "valence")
        self.application = app.create_app(self.conf, self.backend.conductor)
        self.addCleanup(self.application.stop)
        self.client = case.test.Client(self.application)
        token, ended = users.sign_in("valence", "valence"), []
        self.useFixture(
            fixtures.MonkeyPatch("valence.common.web.http_limits.end_turn", lambda: ended.append(1))
        )
        for _ in range(2):
            self.assertEqual(200, self.get("/v1/pod_managers", X_Auth_Token=token).status_code)
            self.assertEqual([1], ended)


class AccessRulesTest(case.APITestCase):
    """An application credential limits what its tokens may do, for each service of the catalog by its own type."""

    options = {"auth_strategy": "keystone"}

    def setUp(self):
        super().setUp()
        users = self.useFixture(identity.Identity(identity.User("valence", "service", ("service", "admin"))))
        users.configure(self.conf, "valence")
        kinds = ("rack", "baremetal-introspection", "backup")
        users.catalog |= dict.fromkeys(kinds, "http://127.0.0.1:9")
        self.token = users.sign_in("valence", "valence")
        paths = ("/v1/systems", "/introspection/v1/rules", "/backup/v2/service/jobs")
        rules = [
            {"service": kind, "method": "GET", "path": path} for kind, path in zip(kinds, paths, strict=True)
        ]
        users.tokens[self.token]["application_credential"] = {"access_rules": rules}
        self.application = app.create_app(self.conf, self.backend.conductor)
        self.addCleanup(self.application.stop)
        self.client = case.test.Client(self.application)

    def status(self, url):
        return self.get(url, X_Auth_Token=self.token).status_code

    def test_what_a_rule_names_is_allowed(self):
        for url in ("/v1/systems", "/introspection/v1/rules", "/backup/v2/service/jobs"):
            self.assertEqual(200, self.status(url), url)

    def test_everything_else_is_refused(self):
        for url in ("/v1/racks", "/introspection/v1/introspection", "/backup/v2/service/clients"):
            self.assertEqual(401, self.status(url), url)
