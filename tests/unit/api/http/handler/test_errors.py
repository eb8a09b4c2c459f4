# SPDX-License-Identifier: Apache-2.0
"""Errors as responses."""

import flask
from werkzeug import exceptions

from tests import base
from valence.api.http import handler
from valence.common import errors


class TranslateTest(base.TestCase):
    def setUp(self):
        super().setUp()
        context = flask.Flask("test").test_request_context("/somewhere", method="POST")
        context.push()
        self.addCleanup(context.pop)

    def test_our_errors_stay(self):
        error = errors.NotFound(kind="rack", key="7")
        self.assertIs(error, handler.translate(error))

    def test_errors_of_the_framework_get_our_codes(self):
        expected = {
            exceptions.NotFound(): (404, "valence.no_such_url"),
            exceptions.MethodNotAllowed(valid_methods=["GET"]): (405, "valence.method_not_allowed"),
            exceptions.RequestEntityTooLarge(): (413, "valence.too_large"),
            exceptions.ClientDisconnected(): (400, "valence.bad_request"),
            exceptions.ImATeapot(): (418, "valence.i_m_a_teapot"),
            exceptions.NotImplemented(): (501, "valence.not_implemented"),
            exceptions.InternalServerError(): (500, "valence.internal"),
        }
        for error, (status, code) in expected.items():
            told = handler.translate(error)
            self.assertEqual((status, code), (told.status, told.code))

    def test_anything_else_is_internal(self):
        self.assertEqual("valence.internal", handler.translate(KeyError("x")).code)


class RespondTest(base.TestCase):
    def test_every_problem_is_an_entry(self):
        problems = [{"path": "$.a", "detail": "A.", "hint": "Do a."}, {"detail": "B.", "hint": "Do b."}]
        response = handler.respond(errors.ValidationFailed(problems=problems), "req-1")
        one, two = response.json["errors"]
        self.assertEqual(
            ("$.a", "a: A.", "Do a.", "req-1", 400),
            tuple(one[name] for name in ("path", "detail", "hint", "request_id", "status")),
        )
        self.assertNotIn("path", two)

    def test_a_long_text_is_cut_and_half_a_character_is_survived(self):
        problems = [{"path": "$." + "x" * 10_000, "detail": "\ud800" * 10_000, "hint": "Do."}]
        response = handler.respond(errors.ValidationFailed(problems=problems), "req-1")
        self.assertEqual(handler.LONGEST, len(response.json["errors"][0]["detail"]))

    def test_allowed_methods_are_a_header(self):
        error = errors.MethodNotAllowed(method="PUT", path="/", allowed="GET, HEAD")
        self.assertEqual("GET, HEAD", handler.respond(error, "req-1").headers["Allow"])
