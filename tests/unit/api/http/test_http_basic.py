# SPDX-License-Identifier: Apache-2.0
"""Names and passwords: who proves what, and what it costs those who try."""

import base64
import concurrent.futures
import threading
import time

import bcrypt

from tests import base
from tests.unit.api import case
from valence.api.http import auth
from valence.api.http import http_basic
from valence.common import errors


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

    def write(self, file, users, cost=4):
        """Write an htpasswd file."""
        lines = [
            f"{name}:{bcrypt.hashpw(password, bcrypt.gensalt(cost)).decode()}\n"
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

    def test_nobody_s_name_breaks_a_log_line(self):
        self.as_user("x\n2026-11-28 forged", "y")
        self.assertEqual(
            [], [line for line in self.log.output.splitlines() if line.startswith("2026-11-28 forged")]
        )

    def test_a_failed_sign_in_is_logged_without_its_password(self):
        self.as_user("ann", "SESAME")
        self.assertIn("The sign-in of 'ann' from 127.0.0.1 failed", self.log.output)
        self.assertNotIn("SESAME", self.log.output)

    def test_attempts_are_limited_by_user(self):
        statuses = [
            self.as_user("ann", f"{number}", environ_base={"REMOTE_ADDR": f"10.0.0.{number}"}).status_code
            for number in range(12)
        ]
        self.assertEqual([401] * http_basic.USER_ATTEMPTS + [429] * 2, statuses)
        response = self.as_user("ann", "pear")
        (told,) = self.assert_error(response, 429, "valence.too_many_requests")
        self.assertGreater(int(response.headers["Retry-After"]), 0)
        self.assertIn("Wait", told["hint"])
        self.assertEqual(200, self.as_user("admin", "apple").status_code)

    def test_every_dialect_says_when_to_try_again(self):
        for number in range(http_basic.USER_ATTEMPTS):
            self.as_user("ann", f"{number}")
        for url in ("/backup/v1/jobs", "/introspection/v1/rules", "/v1/systems"):
            response = self.as_user("ann", "x", url=url)
            self.assertEqual((429, True), (response.status_code, "Retry-After" in response.headers), url)

    def test_attempts_are_limited_by_address(self):
        statuses = {
            self.as_user(f"user-{number}", "x").status_code for number in range(http_basic.ADDRESS_ATTEMPTS)
        }
        self.assertEqual({401}, statuses)
        self.assert_error(self.as_user("admin", "apple"), 429)
        elsewhere = {"REMOTE_ADDR": "10.0.0.9"}
        self.assertEqual(200, self.as_user("admin", "apple", environ_base=elsewhere).status_code)

    def test_who_has_signed_in_before_is_not_slowed_down_by_others(self):
        self.assertEqual(200, self.as_user("ann", "pear").status_code)
        for number in range(12):
            self.as_user("ann", f"{number}", environ_base={"REMOTE_ADDR": "10.0.0.9"})
        self.application._strategy._proven.clear()
        self.assertEqual(200, self.as_user("ann", "pear").status_code)

    def test_right_passwords_are_not_counted(self):
        for _ in range(2 * http_basic.USER_ATTEMPTS):
            self.application._strategy._proven.clear()
            self.assertEqual(200, self.as_user("ann", "pear").status_code)

    def test_equal_credentials_at_the_same_time_are_checked_once(self):
        self.write(self.file, {"ann": b"pear"}, cost=10)
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            statuses = list(pool.map(lambda _: self.as_user("ann", "plum").status_code, range(16)))
        self.assertEqual({401}, set(statuses))
        self.assertLess(self.log.output.count("The sign-in of 'ann'"), 16)

    def test_an_unknown_user_takes_as_long_as_a_wrong_password(self):
        self.write(self.file, {"ann": b"pear"}, cost=10)

        def spent(name):
            before = time.thread_time()
            self.as_user(name, "x")
            return time.thread_time() - before

        known, unknown = min(spent("ann") for _ in range(3)), min(spent(f"bob-{each}") for each in range(3))
        self.assertLess(known / 3, unknown)
        self.assertLess(unknown, known * 3)

    def test_a_file_without_users_knows_nobody(self):
        self.write(self.file, {})
        users = http_basic.Users(str(self.file))
        users._hashes = {}
        self.assertFalse(users.check("ann", b"pear"))

    def test_a_broken_hash_proves_nobody(self):
        with open(self.file, "w") as stream:
            stream.write("ann:$2b$broken\n")
        for name in ("ann", "bob"):
            self.assert_error(self.as_user(name, "pear"), 401, "valence.unauthorized")

    def test_a_password_is_not_cut_to_what_bcrypt_compares(self):
        self.write(self.file, {"ann": b"x" * 72})
        self.assertEqual(200, self.as_user("ann", "x" * 72).status_code)
        self.assert_error(self.as_user("ann", "x" * 73), 401)


class BucketsTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.now = 0.0
        self.buckets = http_basic.Buckets(2, lambda: self.now)

    def fail_once(self, key="ann"):
        """Count an attempt that fails."""

        def attempt():
            with self.buckets.counting(key):
                raise errors.Unauthorized(reason="x")

        self.assertRaises(errors.Unauthorized, attempt)

    def test_a_bucket_fills_up_again(self):
        self.fail_once()
        self.fail_once()
        error = self.assertRaises(errors.TooManyRequests, self.buckets.counting("ann").__enter__)
        self.assertEqual(30, error.retry_after)
        self.now += error.retry_after
        self.fail_once()

    def test_failures_of_our_own_are_not_counted(self):
        for _ in range(3):
            self.assertRaises(errors.Unavailable, self._be_busy)

    def _be_busy(self):
        with self.buckets.counting("ann"):
            raise errors.Unavailable(reason="x")

    def test_memory_is_bounded(self):
        self.assertEqual(http_basic.MOST_COUNTED, self.buckets._buckets.maxsize)


class PlacesTest(base.TestCase):
    def test_few_run_few_wait_and_the_others_are_told_so(self):
        places = http_basic.Places(1, 1, patience=30)
        release, entered = threading.Event(), []

        def check(address):
            with places.take(address):
                entered.append(address)
                release.wait(30)

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            checks = [pool.submit(check, address) for address in "ab"]
            self.wait_for(lambda: places._inside.total() == 2)
            error = self.assertRaises(errors.Unavailable, places.take("c").__enter__)
            self.assertEqual(2, error.retry_after)
            self.assertEqual(1, len(entered))
            release.set()
            concurrent.futures.wait(checks)
        with places.take("c"):
            self.assertEqual({"a", "b"}, set(entered))

    def test_one_address_does_not_take_them_all(self):
        places = http_basic.Places(2, 2)
        with places.take("a"), places.take("a"):
            self.assertRaises(errors.Unavailable, places.take("a").__enter__)
        with places.take("a"), places.take("b"):
            self.assertEqual(2, places._inside.total())
        self.assertEqual({}, dict(places._inside))

    def test_waiting_has_an_end(self):
        places = http_basic.Places(1, 1, patience=0.01)
        with places.take("a"):
            self.assertRaises(errors.Unavailable, places.take("b").__enter__)
