# SPDX-License-Identifier: Apache-2.0
"""Signing in: by session or HTTP Basic, once with wrong credentials, again when a session ended."""

import base64
import contextlib
import threading
import time

import fixtures

from tests.unit.podmanagers import case
from valence.common import errors
from valence.podmanagers import redfish_connection
from valence.podmanagers import redfish_session

SYSTEMS = "/redfish/v1/Systems"
GOOD = {"username": "admin", "password": case.PASSWORD}
BAD = {"username": "admin", "password": "hunter2"}


class SessionTestCase(case.RedfishTestCase):
    def setUp(self):
        super().setUp()
        self.service = self.serve({SYSTEMS: case.collection()})
        self.sessions = case.Sessions(self.service)

    def connect(self, url=None, **values):
        pod_manager = self.pod_manager(url or self.service.url, **(GOOD | values))
        connection = redfish_connection.Connection(self.conf.redfish, pod_manager)
        self.addCleanup(connection.close)
        return connection

    def refuse_sessions(self, status):
        self.service.answers[f"POST {case.SESSIONS}"] = lambda handler: handler.answer(status, {})

    def accept_basic(self, path=SYSTEMS):
        """Let HTTP Basic do for a path."""
        expected = "Basic " + base64.b64encode(f"admin:{case.PASSWORD}".encode()).decode()

        def guarded(handler):
            accepted = handler.headers.get("Authorization") == expected
            handler.answer(*((200, self.service.documents[path]) if accepted else (401, {})))

        self.service.answers[f"GET {path}"] = guarded


class SignInTest(SessionTestCase):
    def test_opens_one_session_for_all_requests(self):
        connection = self.connect()
        self.assertEqual("Root", connection.root()["Id"])
        connection.get(SYSTEMS)
        connection.get(SYSTEMS)
        self.assertEqual((1, 0), (self.sessions.opened, self.sessions.basic))

    def test_reads_the_root_once_for_it(self):
        self.connect().root()
        self.assertEqual([f"GET {case.ROOT}", f"POST {case.SESSIONS}"], self.service.requests)

    def test_happens_before_the_first_document(self):
        self.assertEqual([], self.connect().get(SYSTEMS).content["Members"])

    def test_without_a_user_name_there_is_no_sign_in(self):
        self.service.answers.clear()
        self.connect(username="", password="").get(SYSTEMS)
        self.assertEqual([f"GET {case.ROOT}", f"GET {SYSTEMS}"], self.service.requests)

    def test_sessions_are_found_where_the_standard_has_them_if_the_root_does_not_say(self):
        del self.service.documents[case.ROOT]["Links"]
        self.connect().get(SYSTEMS)
        self.assertEqual(1, self.sessions.opened)

    def test_a_root_without_an_id_is_good_enough(self):
        del self.service.documents[case.ROOT]["Id"]
        self.connect().get(SYSTEMS)

    def test_credentials_are_never_posted_elsewhere(self):
        other = self.serve()
        links = {"Sessions": {"@odata.id": other.url + case.SESSIONS}}
        self.service.documents[case.ROOT]["Links"] = links
        self.assertRaises(errors.PodManagerError, self.connect().root)
        self.assertEqual([], other.requests)

    def test_that_never_ends_is_tried_once_and_not_waited_for(self):
        done = threading.Event()
        self.addCleanup(done.set)
        self.service.answers[f"POST {case.SESSIONS}"] = lambda handler: done.wait(10)
        start = time.monotonic()
        self.assertRaises(errors.PodManagerUnreachable, self.connect().root)
        self.assertLess(time.monotonic() - start, 3)
        self.assertEqual(1, self.service.count(f"POST {case.SESSIONS}"))

    def test_many_threads_sign_in_once(self):
        connection = self.connect()
        threads = [threading.Thread(target=connection.get, args=(SYSTEMS,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(1, self.sessions.opened)


class BasicTest(SessionTestCase):
    def test_stands_in_where_there_are_no_sessions_or_none_left(self):
        self.accept_basic()
        for status in (400, 404, 405, 500, 501, 503):
            self.refuse_sessions(status)
            self.assertEqual([], self.connect().get(SYSTEMS).content["Members"], status)

    def test_stands_in_for_a_session_without_a_token(self):
        self.accept_basic()
        self.refuse_sessions(201)
        self.connect().get(SYSTEMS)

    def test_is_tried_at_once_where_the_root_asks_for_it(self):
        self.accept_basic()
        self.accept_basic(case.ROOT)
        self.connect().get(SYSTEMS)
        self.assertEqual(0, self.sessions.opened)

    def test_is_proven_by_a_document_that_is_protected(self):
        self.accept_basic()
        self.refuse_sessions(404)
        self.assertRaises(errors.PodManagerAuthFailed, self.connect(**BAD).root)

    def test_is_proven_by_one_attempt(self):
        for name in ("Chassis", "Managers"):
            self.service.documents[case.ROOT][name] = {"@odata.id": f"{case.ROOT}{name}"}
            self.service.answers[f"GET {case.ROOT}{name}"] = lambda handler: handler.answer(401, {})
        self.refuse_sessions(404)
        self.assertRaises(errors.PodManagerAuthFailed, self.connect(**BAD).root)
        self.assertEqual(1, self.sessions.basic)

    def test_is_tried_where_the_refusal_of_a_session_asks_for_it(self):
        self.accept_basic()
        self.service.answers[f"POST {case.SESSIONS}"] = lambda handler: handler.answer(
            401, {}, WWW_Authenticate='Basic realm="pod"'
        )
        self.connect().get(SYSTEMS)
        self.assertRaises(errors.PodManagerAuthFailed, self.connect(**BAD).root)
        self.assertEqual(2, self.service.count(f"POST {case.SESSIONS}"))

    def test_that_is_refused_by_now_is_not_repeated_for_a_while(self):
        self.refuse_sessions(404)
        self.accept_basic()
        connection = self.connect()
        connection.get(SYSTEMS)
        self.service.answers[f"GET {SYSTEMS}"] = lambda handler: handler.answer(401, {})
        self.service.requests.clear()
        for _ in range(5):
            self.assertRaises(errors.PodManagerAuthFailed, connection.get, SYSTEMS)
        self.assertLess(len(self.service.requests), 4)
        self.assertTrue(connection.refused)

    def test_that_is_refused_for_one_document_is_good_for_others(self):
        self.refuse_sessions(404)
        self.accept_basic()
        self.service.answers[f"GET {SYSTEMS}/secret"] = lambda handler: handler.answer(401, {})
        connection = self.connect()
        self.assertRaises(errors.PodManagerAuthFailed, connection.get, f"{SYSTEMS}/secret")
        connection.get(SYSTEMS)

    def test_names_and_passwords_may_have_any_characters(self):
        self.refuse_sessions(404)
        got = []
        self.service.answers[f"GET {SYSTEMS}"] = lambda handler: (
            got.append(base64.b64decode(handler.headers["Authorization"].split()[1]).decode()),
            handler.answer(200, {}),
        )
        self.connect(username="jürgen", password="пароль").get(SYSTEMS)
        self.assertEqual("jürgen:пароль", got[-1])


class RefusedTest(SessionTestCase):
    def setUp(self):
        super().setUp()
        self.connection = self.connect(**BAD)

    def test_is_told_without_the_password(self):
        error = self.assertRaises(errors.PodManagerAuthFailed, self.connection.root)
        self.assertNotIn("hunter2", f"{error.detail}{error.kwargs}{self.log.output}")
        self.assertTrue(self.connection.refused)

    def test_is_one_attempt_not_two(self):
        self.assertRaises(errors.PodManagerAuthFailed, self.connection.root)
        self.assertEqual((1, 0), (self.service.count(f"POST {case.SESSIONS}"), self.sessions.basic))

    def test_is_not_repeated_for_a_while(self):
        for _ in range(5):
            self.assertRaises(errors.PodManagerAuthFailed, self.connection.get, SYSTEMS)
            self.assertRaises(errors.PodManagerAuthFailed, self.connection.root)
        self.assertEqual(1, self.service.count(f"POST {case.SESSIONS}"))

    def test_is_one_attempt_of_many_threads(self):
        failures = []

        def get():
            failures.append(self.assertRaises(errors.PodManagerAuthFailed, self.connection.get, SYSTEMS))

        threads = [threading.Thread(target=get) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((8, 1), (len(failures), self.service.count(f"POST {case.SESSIONS}")))

    def test_is_tried_again_after_that(self):
        self.useFixture(fixtures.MonkeyPatch("valence.podmanagers.redfish_session.REFUSED_PAUSE", 0))
        for _ in range(2):
            self.assertRaises(errors.PodManagerAuthFailed, self.connection.root)
        self.assertEqual(2, self.service.count(f"POST {case.SESSIONS}"))

    def test_at_the_root_is_two_attempts_at_most(self):
        self.accept_basic(case.ROOT)
        self.assertRaises(errors.PodManagerAuthFailed, self.connection.root)
        self.assertEqual([f"GET {case.ROOT}"] * 2, self.service.requests)

    def test_without_a_user_name_is_told_too(self):
        connection = self.connect(username="", password="")
        self.assertRaises(errors.PodManagerAuthFailed, connection.get, SYSTEMS)


class EndedSessionTest(SessionTestCase):
    def test_is_replaced_by_a_new_one(self):
        connection = self.connect()
        connection.get(SYSTEMS)
        self.sessions.end()
        self.assertEqual([], connection.get(SYSTEMS).content["Members"])
        self.assertEqual(2, self.sessions.opened)

    def test_is_replaced_also_if_it_had_no_location(self):
        self.service.answers[f"POST {case.SESSIONS}"] = self._open_without_location
        connection = self.connect()
        connection.get(SYSTEMS)
        self.sessions.end()
        connection.get(SYSTEMS)

    def _open_without_location(self, handler):
        self.sessions.valid.add("token")
        handler.answer(201, {}, X_Auth_Token="token")

    def test_is_replaced_once_for_many_threads(self):
        connection = self.connect()
        connection.get(SYSTEMS)
        self.sessions.end()
        failures = []

        def get():
            try:
                connection.get(SYSTEMS)
            except errors.PodManagerError as error:
                failures.append(error)

        threads = [threading.Thread(target=get) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(([], 2), (failures, self.sessions.opened))

    def test_is_not_replaced_if_the_password_is_wrong_by_now(self):
        connection = self.connect()
        connection.get(SYSTEMS)
        self.sessions.end()
        self.refuse_sessions(401)
        for _ in range(3):
            self.assertRaises(errors.PodManagerAuthFailed, connection.get, SYSTEMS)
        self.assertEqual(2, self.service.count(f"POST {case.SESSIONS}"))
        self.assertEqual(0, self.sessions.basic)

    def test_one_document_that_is_refused_does_not_cost_a_session(self):
        self.service.answers[f"GET {SYSTEMS}/secret"] = lambda handler: handler.answer(401, {})
        connection = self.connect()
        for _ in range(3):
            self.assertRaises(errors.PodManagerAuthFailed, connection.get, f"{SYSTEMS}/secret")
        self.assertEqual(1, self.sessions.opened)
        self.assertFalse(connection.refused)


class CloseTest(SessionTestCase):
    def test_deletes_the_session(self):
        connection = self.connect()
        connection.root()
        connection.close()
        self.assertEqual(f"DELETE {case.SESSIONS}/token1", self.service.requests[-1])

    def test_deletes_nothing_that_was_not_opened(self):
        connection = self.connect()
        connection.close()
        self.assertEqual([], self.service.requests)

    def test_does_it_once(self):
        connection = self.connect()
        connection.root()
        connection.close()
        connection.close()
        self.assertEqual(1, self.service.count(f"DELETE {case.SESSIONS}/token1"))

    def test_does_not_wait_for_a_service_that_hangs(self):
        self.useFixture(fixtures.MonkeyPatch("valence.podmanagers.redfish_session.SIGN_OUT_TIMEOUT", 0.2))
        connection = self.connect()
        connection.root()
        done = threading.Event()
        self.addCleanup(done.set)
        self.service.answers[f"DELETE {case.SESSIONS}/token1"] = lambda handler: done.wait(10)
        start = time.monotonic()
        connection.close()
        self.assertLess(time.monotonic() - start, 2)

    def test_does_not_wait_for_a_sign_in_that_hangs(self):
        self.configure(read_timeout=5)
        self.useFixture(fixtures.MonkeyPatch("valence.podmanagers.redfish_session.SIGN_OUT_TIMEOUT", 0.2))
        started, done = threading.Event(), threading.Event()
        self.addCleanup(done.set)
        self.service.answers[f"GET {case.ROOT}"] = lambda handler: (started.set(), done.wait(10))
        connection = self.connect()
        thread = threading.Thread(target=self._ignore_errors, args=(connection.root,))
        thread.start()
        started.wait(5)
        start = time.monotonic()
        connection.close()
        self.assertLess(time.monotonic() - start, 2)
        done.set()
        thread.join()

    def _ignore_errors(self, function):
        with contextlib.suppress(errors.PodManagerError):
            function()

    def test_ends_the_connection_for_good(self):
        connection = self.connect()
        connection.close()
        self.assertRaises(errors.PodManagerUnreachable, connection.root)

    def test_leaves_nothing_for_the_garbage_collector_to_delete(self):
        connection = self.connect()
        connection.root()
        authentication = connection._session._authentication
        connection.close()
        self.assertIsNone(authentication.get_session_resource_id())


class ConstantsTest(SessionTestCase):
    def test_refused_credentials_rest_for_a_minute(self):
        self.assertEqual(60, redfish_session.REFUSED_PAUSE)
