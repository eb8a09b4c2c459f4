# SPDX-License-Identifier: Apache-2.0
"""Signing in: by session or HTTP Basic, once with wrong credentials, again when a session ended."""

import base64
import contextlib
import threading

import fixtures

from tests import clock
from tests.unit.podmanagers import case
from valence.common import composition_errors
from valence.common import errors
from valence.podmanagers.redfish import connection as redfish_connection
from valence.podmanagers.redfish.http import sign_in

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
        self.connect().root()
        self.assertEqual(([], 1), (other.requests, self.sessions.opened))

    def test_that_never_ends_is_tried_once_and_not_waited_for(self):
        done = threading.Event()
        self.addCleanup(done.set)
        self.service.answers[f"POST {case.SESSIONS}"] = lambda handler: done.wait(60)
        start = clock.seconds()
        self.assertRaises(errors.PodManagerUnreachable, self.connect().root)
        self.assert_in_time(clock.seconds() - start, 5)
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

    def test_is_one_attempt_with_a_session_and_one_with_basic(self):
        self.assertRaises(errors.PodManagerAuthFailed, self.connection.root)
        self.assertEqual((1, 1), (self.service.count(f"POST {case.SESSIONS}"), self.sessions.basic))

    def test_is_one_attempt_each_time_after_that(self):
        self.useFixture(fixtures.MonkeyPatch("valence.podmanagers.redfish.http.sign_in.REFUSED_PAUSE", 0))
        for _ in range(3):
            self.assertRaises(errors.PodManagerAuthFailed, self.connection.root)
        self.assertEqual((3, 1), (self.service.count(f"POST {case.SESSIONS}"), self.sessions.basic))

    def test_is_one_attempt_for_all_connections_with_the_same_access(self):
        other = self.connect(**BAD)
        for connection in (self.connection, other):
            self.assertRaises(errors.PodManagerAuthFailed, connection.root)
        self.assertTrue(other.refused)
        self.assertEqual((1, 1), (self.service.count(f"POST {case.SESSIONS}"), self.sessions.basic))
        self.connect().root()

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
        self.useFixture(fixtures.MonkeyPatch("valence.podmanagers.redfish.http.sign_in.REFUSED_PAUSE", 0))
        for _ in range(2):
            self.assertRaises(errors.PodManagerAuthFailed, self.connection.root)
        self.assertEqual(2, self.service.count(f"POST {case.SESSIONS}"))

    def test_at_the_root_is_two_attempts_at_most(self):
        self.accept_basic(case.ROOT)
        self.assertRaises(errors.PodManagerAuthFailed, self.connection.root)
        root = f"GET {case.ROOT}"
        self.assertEqual([root, root.rstrip("/"), root], self.service.requests)

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
        self.useFixture(
            fixtures.MonkeyPatch("valence.podmanagers.redfish.http.sign_in.SIGN_OUT_TIMEOUT", 0.2)
        )
        connection = self.connect()
        connection.root()
        done = threading.Event()
        self.addCleanup(done.set)
        self.service.answers[f"DELETE {case.SESSIONS}/token1"] = lambda handler: done.wait(60)
        start = clock.seconds()
        connection.close()
        self.assert_in_time(clock.seconds() - start, 5)

    def test_does_not_wait_for_a_sign_in_that_hangs(self):
        self.configure(read_timeout=30)
        self.useFixture(
            fixtures.MonkeyPatch("valence.podmanagers.redfish.http.sign_in.SIGN_OUT_TIMEOUT", 0.2)
        )
        started, done = threading.Event(), threading.Event()
        self.addCleanup(done.set)
        self.service.answers[f"GET {case.ROOT}"] = lambda handler: (started.set(), done.wait(60))
        connection = self.connect()
        thread = threading.Thread(target=self._ignore_errors, args=(connection.root,))
        thread.start()
        started.wait(60)
        start = clock.seconds()
        connection.close()
        self.assert_in_time(clock.seconds() - start, 5)
        done.set()
        thread.join()

    def _ignore_errors(self, function):
        with contextlib.suppress(errors.PodManagerError):
            function()

    def test_ends_the_connection_for_good(self):
        connection = self.connect()
        connection.close()
        self.assertRaises(errors.PodManagerUnreachable, connection.root)


#: bodies that are no Redfish error or session; SNIA's and DMTF's own emulators send such
ODD_BODIES = (
    b"", b'""', b"null", b"[]", b"7", b"true", b"{}", b"{", b"\xff\xfe", b"<html>", b"[" * 100_000,
    b'"text"', b'{"error": null}', b'{"error": "text"}', b'{"error": []}', b'{"error": {"code": 7}}',
    b'{"error": {"message": null}}', b'{"error": {"@Message.ExtendedInfo": "no"}}',
    b'{"error": {"@Message.ExtendedInfo": [null, 7, {"Severity": []}]}}', b'{"@odata.id": 7}',
    b'{"@odata.id": null}', b'{"@odata.id": {}}',
)  # fmt: skip
ODD_LOCATIONS = (
    None, "", "7", "/", "//", "http://[", "https://bmc.example/", "Sessions/1", "..", "\xe9", "a b", "#", "?",
    "mailto:x",
)  # fmt: skip


class OddAnswerTest(SessionTestCase):
    """Whatever a service answers to a sign-in, it is a session, HTTP Basic, or a failure with words."""

    def setUp(self):
        super().setUp()
        self.configure(read_timeout=30, connect_timeout=30)

    def answer_sign_in(self, status, body, **headers):
        def answer(handler):
            if headers.get("X_Auth_Token"):
                self.sessions.valid.add(headers["X_Auth_Token"])
            handler.answer(status, body, **headers)

        self.service.answers[f"POST {case.SESSIONS}"] = answer

    def test_a_session_without_a_location_and_with_any_body_is_used_and_closed(self):
        for body in ODD_BODIES:
            self.answer_sign_in(201, body, X_Auth_Token="token")
            connection = self.connect()
            self.assertEqual([], connection.get(SYSTEMS).content["Members"], body[:40])
            connection.close()

    def test_a_session_with_any_location_is_used_and_closed(self):
        for location in ODD_LOCATIONS:
            headers = {} if location is None else {"Location": location}
            self.answer_sign_in(201, b"{}", X_Auth_Token="token", **headers)
            connection = self.connect()
            self.assertEqual([], connection.get(SYSTEMS).content["Members"], location)
            connection.close()

    def test_a_session_is_deleted_in_whatever_form_its_location_is(self):
        for location, body in (
            (f"https://bmc.example{case.SESSIONS}/1", None),
            (f"{case.SESSIONS}/1", None),
            (case.SESSIONS[1:] + "/1", None),
            ("Sessions/1", None),
            ("1", None),
            ("", {"@odata.id": f"{case.SESSIONS}/1"}),
            ("https://bmc.example/elsewhere", {"@odata.id": f"https://bmc.example{case.SESSIONS}/1"}),
        ):
            self.answer_sign_in(201, body, X_Auth_Token="token", Location=location)
            self.service.answers[f"DELETE {case.SESSIONS}/1"] = lambda handler: handler.answer(204, b"")
            connection = self.connect()
            connection.root()
            connection.close()
            self.assertEqual(f"DELETE {case.SESSIONS}/1", self.service.requests[-1], location)

    def test_basic_stands_in_where_sessions_are_not_granted_whatever_the_body_is(self):
        self.accept_basic()
        for status in (200, 400, 401, 403, 404, 405, 410, 418, 429, 500, 501, 503):
            for body in ODD_BODIES:
                self.answer_sign_in(status, body)
                connection = self.connect()
                self.assertEqual([], connection.get(SYSTEMS).content["Members"], (status, body[:40]))
                connection.close()

    def test_wrong_credentials_are_told_as_such_whatever_the_body_is(self):
        for status in (401, 403):
            for number, body in enumerate(ODD_BODIES):
                self.answer_sign_in(status, body)
                access = {"username": "admin", "password": f"wrong {status} {number}"}
                error = self.assertRaises(errors.PodManagerAuthFailed, self.connect(**access).root)
                self.assertIn(str(status), error.detail)

    def test_a_sign_in_whose_answer_is_cut_is_told(self):
        self.answer_sign_in(201, b"{", X_Auth_Token="token", Content_Length=100, Connection="close")
        error = self.assertRaises(errors.PodManagerUnreachable, self.connect().root)
        self.assertIs(errors.PodManagerUnreachable, type(error))  # no hardware can have changed

    def test_is_sent_to_where_the_same_service_redirects_it(self):
        del self.service.answers[f"POST {case.SESSIONS}"]
        for location in (f"{case.SESSIONS}/", f"https://bmc.example{case.SESSIONS}/"):
            self.answer_sign_in(301, b"", Location=location)
            self.service.answers[f"POST {case.SESSIONS}/"] = self.sessions._open
            connection = self.connect()
            connection.get(SYSTEMS)
            connection.close()

    def test_is_never_sent_to_another_page(self):
        other = self.serve()
        self.answer_sign_in(301, b"", Location=f"{other.url}/login")
        self.assertRaises(errors.PodManagerAuthFailed, self.connect().root)
        self.assertEqual([], other.requests)

    def test_sessions_are_found_where_their_link_is_no_link(self):
        for link in (
            None,
            7,
            [],
            {},
            {"@odata.id": None},
            {"@odata.id": 7},
            "",
            "..",
            "https://bmc.example/x",
        ):
            self.service.documents[case.ROOT]["Links"] = {"Sessions": link}
            self.connect().get(SYSTEMS)
        for links in (None, 7, [], ""):
            self.service.documents[case.ROOT]["Links"] = links
            self.connect().get(SYSTEMS)

    def test_sessions_are_found_below_the_session_service_where_only_that_is_linked(self):
        del self.service.documents[case.ROOT]["Links"]
        self.service.documents[case.ROOT]["SessionService"] = {"@odata.id": "/redfish/v1/Other/"}
        self.service.answers["POST /redfish/v1/Other/Sessions"] = self.sessions._open
        self.connect().get(SYSTEMS)


class EndedSessionFormTest(SessionTestCase):
    """Services tell in many ways that a session ended."""

    def setUp(self):
        super().setUp()
        self.configure(read_timeout=30, connect_timeout=30)

    def refuse_with(self, status, body, **headers):
        """Let the service refuse requests without a valid session by this answer."""

        def guarded(handler):
            if handler.headers.get("X-Auth-Token") in self.sessions.valid:
                return handler.answer(200, self.service.documents[SYSTEMS])
            return handler.answer(status, body, **headers)

        self.service.answers[f"GET {SYSTEMS}"] = guarded
        self.service.documents["/login.html"] = b"<html>log in</html>"

    def test_it_is_replaced(self):
        for status, body, headers in (
            (401, {}, {}),
            (403, {}, {}),
            (403, b"", {}),
            (200, b"<html>log in</html>", {"Content_Type": "text/html"}),
            (200, b"<html>log in</html>", {}),
            (200, b"", {}),
            (200, b'""', {}),
            (302, b"", {"Location": "/login.html"}),
            (302, b"", {"Location": "https://sso.example/login"}),
            (302, b"", {}),
            (401, b'{"err', {"Content_Length": 200, "Connection": "close"}),
            (403, b'{"err', {"Content_Length": 200, "Connection": "close"}),
            (401, b"???", {"Content_Encoding": "br"}),
        ):
            self.refuse_with(status, body, **headers)
            connection = self.connect()
            connection.get(SYSTEMS)
            before = self.sessions.opened
            self.sessions.end()
            self.assertEqual([], connection.get(SYSTEMS).content["Members"], (status, body))
            self.assertEqual(before + 1, self.sessions.opened)
            connection.close()

    def test_a_change_is_sent_again_only_after_a_refusal(self):
        for status, times in ((401, 2), (403, 2), (200, 1), (302, 1)):
            self.refuse_with(403, {})
            connection = self.connect()
            connection.get(SYSTEMS)
            self.service.answers[f"PATCH {SYSTEMS}"] = lambda handler, status=status: (
                handler.answer(200, {})
                if handler.headers.get("X-Auth-Token") in self.sessions.valid
                else handler.answer(status, b"<html>", Location="https://sso.example/")
            )
            self.sessions.end()
            self.service.requests.clear()
            if times == 1:  # the page of a service that was signed out from, or from one that was about to
                unknown = composition_errors.HardwareOutcomeUnknown
                self.assertRaises(unknown, connection.send, "PATCH", SYSTEMS, {})
            else:
                connection.send("PATCH", SYSTEMS, {})
            self.assertEqual(times, self.service.count(f"PATCH {SYSTEMS}"), status)
            connection.close()

    def test_a_change_whose_answer_is_odd_is_done_if_the_session_is_valid(self):
        connection = self.connect()
        connection.get(SYSTEMS)
        for body, requests in ((b"200", 2), (b"", 1), (b"{}", 1)):  # another request shows that it is valid
            self.service.requests.clear()
            self.service.answers[f"PATCH {SYSTEMS}"] = lambda handler, body=body: handler.answer(200, body)
            self.assertEqual(body, connection.send("PATCH", SYSTEMS, {}).content)
            self.assertEqual(requests, len(self.service.requests), body)

    def test_a_change_whose_answer_is_odd_is_unknown_if_that_cannot_be_found_out(self):
        for status, kind in (
            (200, composition_errors.HardwareOutcomeUnknown),
            (401, errors.PodManagerUnreachable),
        ):
            connection = self.connect()
            connection.get(SYSTEMS)
            self.service.answers[f"PATCH {SYSTEMS}"] = lambda handler, status=status: handler.answer(
                status, b"?"
            )
            guarded = self.service.answers[f"GET {SYSTEMS}"]
            self.service.answers[f"GET {SYSTEMS}"] = lambda handler: setattr(
                handler, "close_connection", True
            )
            error = self.assertRaises(errors.PodManagerUnreachable, connection.send, "PATCH", SYSTEMS, {})
            self.assertIs(kind, type(error))
            self.service.answers[f"GET {SYSTEMS}"] = guarded
            connection.close()

    def test_documents_that_are_refused_for_ever_cost_no_session(self):
        connection = self.connect()
        connection.get(SYSTEMS)
        for number, (status, body) in enumerate(((401, {}), (403, {}), (200, b"<html>"), (302, b""))):
            path = f"{SYSTEMS}/{number}"
            self.service.answers[f"GET {path}"] = lambda handler, status=status, body=body: handler.answer(
                status, body
            )
            for _ in range(3):
                self.assertRaises(errors.PodManagerError, connection.get, path)
        self.assertEqual((1, False), (self.sessions.opened, connection.refused))

    def test_many_documents_that_are_refused_are_not_refused_credentials(self):
        for values in (GOOD, GOOD | {"password": "basic"}):
            connection = self.connect(**values) if values == GOOD else self._basic_connection()
            connection.get(SYSTEMS)
            for number in range(6):
                path = f"{SYSTEMS}/{number}"
                self.service.answers[f"GET {path}"] = lambda handler: handler.answer(401, {})
                self.assertRaises(errors.PodManagerAuthFailed, connection.get, path)
            self.assertFalse(connection.refused)
            connection.get(SYSTEMS)

    def _basic_connection(self):
        self.refuse_sessions(404)
        self.accept_basic()
        return self.connect()

    def test_an_account_that_may_read_nothing_is_told_after_one_more_session(self):
        connection = self.connect()
        connection.get(SYSTEMS)
        self.service.answers[f"GET {SYSTEMS}"] = lambda handler: handler.answer(403, {})
        for _ in range(4):
            error = self.assertRaises(errors.PodManagerAuthFailed, connection.get, SYSTEMS)
        self.assertIn("role of the account", error.detail)
        self.assertEqual(2, self.sessions.opened)

    def test_the_session_that_was_replaced_is_deleted(self):
        connection = self.connect()
        connection.get(SYSTEMS)
        self.sessions.end()
        connection.get(SYSTEMS)
        self.assertEqual(1, self.service.count(f"DELETE {case.SESSIONS}/token1"))


class ConstantsTest(SessionTestCase):
    def test_refused_credentials_rest_for_a_minute(self):
        self.assertEqual(60, sign_in.REFUSED_PAUSE)
