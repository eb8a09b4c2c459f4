# SPDX-License-Identifier: Apache-2.0
"""Errors: what the API says of a request, and what is said where nothing answers."""

import requests
from keystoneauth1 import exceptions

from tests import base
from tests.unit.client import server
from valence.client import errors


class ResponseTest(base.TestCase):
    def error(self, answer):
        api = server.Server(answer).client()
        api.retries = 0
        return self.assertRaises(errors.RackError, api.call, "GET", "/systems")

    def test_an_error_has_what_the_api_says(self):
        error = self.error(server.problem(404, detail="There is no rack.", hint="List them."))
        self.assertIsInstance(error, errors.NotFound)
        self.assertIsInstance(error, exceptions.ClientException)
        self.assertEqual("There is no rack. List them.", str(error))
        expected = (404, "valence.not_found", "List them.", "req-1")
        self.assertEqual(expected, (error.status, error.code, error.hint, error.request_id))

    def test_each_status_has_its_class(self):
        for status, kind in errors.BY_STATUS.items():
            self.assertIs(kind, type(self.error(server.problem(status))))
        self.assertIs(errors.RackError, type(self.error(server.problem(502))))

    def test_each_problem_is_a_line_with_its_own_hint(self):
        _, document, _ = server.problem(400, detail="a: It is missing.", hint="Name, unique here.")
        document["errors"] += server.problem(400, detail="b: It is not text", hint="URL.")[1]["errors"]
        document["errors"] += server.problem(400, detail="c: No.", hint=None)[1]["errors"]
        error = self.error((400, document, {}))
        lines = ["a: It is missing. Name, unique here.", "b: It is not text. URL.", "c: No."]
        self.assertEqual(lines, str(error).splitlines())
        self.assertEqual("a: It is missing. b: It is not text c: No.", error.detail)
        self.assertEqual("Name, unique here. URL.", error.hint)

    def test_a_proxy_answers_otherwise(self):
        for document in (b"<html>", {"errors": "all"}, {"error": {}}, [1]):
            error = self.error((502, document, {"X-OpenStack-Request-ID": "req-2"}))
            self.assertIn("/v1/systems answered 502 as the test says.", str(error))
            self.assertEqual("req-2", error.request_id)

    def test_only_text_of_an_error_is_shown(self):
        for found in ({"detail": {"a": 1}}, {"detail": None, "hint": ["b"]}, {}):
            error = self.error((400, {"errors": [found]}, {}))
            self.assertIn("/v1/systems answered 400", error.detail)
            self.assertEqual(errors.ELSEWHERE, error.hint)
        error = self.error((400, {"errors": [{"detail": "No.", "hint": {"b": 1}}]}, {}))
        self.assertEqual(("No.", errors.HINTS[400]), (error.detail, error.hint))

    def test_keystone_says_why(self):
        error = self.error((401, {"error": {"code": 401, "message": "The password is wrong."}}, {}))
        self.assertIsInstance(error, errors.Unauthorized)
        self.assertEqual("The password is wrong.", error.detail)
        self.assertIn("Check the user name", error.hint)

    def test_the_other_dialects_say_why(self):
        error = self.error((409, {"error": {"message": "It is being introspected."}}, {}))
        self.assertEqual("It is being introspected. Read the current state, then try again.", str(error))
        error = self.error((400, {"title": "Bad request format", "description": "limit: No."}, {}))
        self.assertEqual("limit: No. Correct the request and send it again.", str(error))
        error = self.error((404, {"title": "404 Not Found"}, {}))
        self.assertEqual("404 Not Found. List them to see what there is.", str(error))

    def test_something_else_than_valence_answers(self):
        for status, part in ((404, "Is that the URL of Valence?"), (403, "operator"), (504, "Try again")):
            self.assertIn(part, self.error((status, b"<html>", {})).hint)


class UnreachableTest(base.TestCase):
    def error(self, cause):
        api = server.Server(cause).client()
        api.retries = 0
        return self.assertRaises(errors.Unreachable, api.call, "GET", "/systems")

    def test_nobody_listens(self):
        error = self.error(requests.ConnectionError("refused"))
        self.assertEqual(f"{server.URL}/v1 cannot be reached: refused.", error.detail)
        self.assertIn("--endpoint", error.hint)

    def test_a_certificate_is_refused(self):
        error = self.error(requests.exceptions.SSLError("self-signed certificate"))
        self.assertEqual(
            f"The certificate of {server.URL}/v1 is refused: self-signed certificate.", error.detail
        )
        self.assertIn("--os-cacert", error.hint)

    def test_an_answer_without_tls(self):
        error = self.error(requests.exceptions.SSLError("[SSL: WRONG_VERSION_NUMBER] wrong version number"))
        self.assertEqual(f"{server.URL}/v1 answers without TLS.", error.detail)
        self.assertIn("http://", error.hint)

    def test_keystone_is_away(self):
        request = requests.Request("POST", "http://keystone.test:5000/v3/auth/tokens").prepare()
        error = self.error(requests.ConnectionError("refused", request=request))
        self.assertEqual("http://keystone.test:5000 cannot be reached: refused.", error.detail)
        self.assertIn("auth_url", error.hint)

    def test_an_answer_takes_too_long(self):
        error = self.error(requests.exceptions.ReadTimeout("slow"))
        self.assertEqual(f"{server.URL}/v1 did not answer in time.", error.detail)


class PasswordTest(base.TestCase):
    URL = "http://u:planted@127.0.0.1:8181"

    def error(self, answer):
        api = server.Server(answer).client(self.URL)
        api.retries = 0
        return self.assertRaises(errors.RackError, api.call, "GET", "/systems")

    def test_a_password_in_the_url_is_not_shown(self):
        expected = "http://***@127.0.0.1:8181/v1/systems answered 502 as the test says."
        self.assertEqual(expected, self.error((502, b"<html>", {})).detail)
        error = self.error(requests.ConnectionError("refused"))
        self.assertEqual("http://***@127.0.0.1:8181/v1 cannot be reached: refused.", error.detail)
        self.assertIn("Does Valence run there?", error.hint)

    def test_a_password_in_the_reason_is_not_shown(self):
        error = self.error(requests.exceptions.InvalidSchema(f"No connection adapters for '{self.URL}/v1'"))
        self.assertIn("No connection adapters for 'http://***@127.0.0.1:8181/v1'", str(error))

    def test_the_server_of_the_endpoint_is_not_taken_for_another(self):
        request = requests.Request("GET", f"{self.URL}/v1/systems").prepare()
        error = self.error(requests.ConnectionError("refused", request=request))
        self.assertIn("Does Valence run there?", error.hint)
        request = requests.Request("POST", "http://k:planted@keystone.test:5000/v3/auth/tokens").prepare()
        error = self.error(requests.ConnectionError("refused", request=request))
        self.assertEqual("http://***@keystone.test:5000 cannot be reached: refused.", error.detail)


class OperationTest(base.TestCase):
    OPERATION = {
        "uuid": "1",
        "operation_kind": "sync",
        "state": "failed",
        "cause": "It broke.",
        "hint": "Mend it.",
    }

    def test_the_cause_of_an_operation(self):
        error = errors.OperationFailed(self.OPERATION)
        self.assertEqual("The operation sync 1 failed: It broke. Mend it.", str(error))

    def test_an_operation_without_a_cause(self):
        error = errors.OperationFailed(self.OPERATION | {"state": "cancelled", "cause": None, "hint": None})
        self.assertEqual("The operation sync 1 was cancelled.", str(error))
