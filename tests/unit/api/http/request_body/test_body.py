# SPDX-License-Identifier: Apache-2.0
"""Reading of request bodies."""

from werkzeug import test
from werkzeug import wrappers

from tests import base
from valence.api.http import request_body
from valence.common import errors


def request(data, content_type="application/json"):
    """Return a request with a body."""
    builder = test.EnvironBuilder(method="POST", data=data, content_type=content_type)
    return wrappers.Request(builder.get_environ())


def read(data, **keywords):
    """Return the document of a body."""
    return request_body.read(request(data.encode() if isinstance(data, str) else data, **keywords))


def details(document, max_depth=32):
    """Return where and what is wrong with a document's values."""
    return [(problem["path"], problem["detail"]) for problem in request_body.problems(document, max_depth)]


class ReadTest(base.TestCase):
    def test_json_is_read(self):
        self.assertEqual(
            {"name": "räck", "n": [1, 2.5, None, True]}, read('{"name": "räck", "n": [1, 2.5, null, true]}')
        )

    def test_the_place_of_a_syntax_error_is_told(self):
        error = self.assertRaises(errors.BadRequest, read, '{"a": 1,\n "b": }')
        self.assertIn("line 2, column 7", error.detail)

    def test_what_is_not_utf8_is_refused(self):
        error = self.assertRaises(errors.BadRequest, read, b'{"a": "\xff"}')
        self.assertIn("not UTF-8 at byte 7", error.detail)

    def test_no_body_is_no_json(self):
        self.assertRaises(errors.BadRequest, read, "")

    def test_other_media_types_are_refused(self):
        for content_type in ("", "text/plain", "application/json; charset=utf-16", "application/jsonx"):
            self.assertRaises(errors.UnsupportedMediaType, read, "{}", content_type=content_type)

    def test_nesting_beyond_what_python_parses_is_refused(self):
        self.assertRaises(errors.ValidationFailed, read, "[" * 100_000)

    def test_a_long_number_costs_nothing(self):
        self.assertEqual(
            [("$.a", "The number does not fit into 64 bits.")], details(read('{"a": 1%s}' % ("0" * 500_000)))
        )

    def test_a_body_of_many_values_is_refused_before_it_is_parsed(self):
        for data in ("[" + "[]," * 349_000 + "[]]", "[" * 500_000 + "]" * 500_000, "," * 1_000_000):
            error = self.assertRaises(errors.ValidationFailed, read, data)
            self.assertEqual("The body has more than 20000 values.", error.problems[0]["detail"])


class RefuseTest(base.TestCase):
    def test_nothing_and_an_empty_object_are_no_body(self):
        for data in (b"", b" \n", b"{}", b"null"):
            request_body.refuse(request(data))

    def test_a_body_that_says_something_is_refused(self):
        self.assertRaises(errors.BadRequest, request_body.refuse, request(b'{"force": true}'))


class ProblemTest(base.TestCase):
    def test_good_values_have_none(self):
        self.assertEqual([], details({"a": [{"b": -(2**63)}, 2**63 - 1, "𝄞", 1.5]}))

    def test_names_given_twice_are_told(self):
        document = read('{"a": 1, "b": {"c": 1, "c": 2}, "a": 3}')
        told = [("$", "The name 'a' is given twice."), ("$.b", "The name 'c' is given twice.")]
        self.assertEqual(told, details(document))

    def test_values_that_stores_cannot_keep_are_told(self):
        document = read('{"a": "x\\u0000", "b": ["\\ud800"], "c": 9223372036854775808, "d": 1e999, "e": NaN}')
        self.assertEqual(
            ["$.a", "$.b[0]", "$.c", "$.d", "$.e"], sorted(path for path, _ in details(document))
        )

    def test_names_are_texts_too(self):
        self.assertEqual([("$", "The text contains the character NUL.")], details({"a\0": 1}))

    def test_nesting_has_a_limit(self):
        self.assertEqual([], details([[1]], max_depth=3))
        self.assertRaises(errors.ValidationFailed, request_body.problems, [[[1]]], 3)

    def test_not_more_than_some_are_told(self):
        self.assertLess(len(details(["\0"] * 10_000)), 2 * request_body.MOST_PROBLEMS)
