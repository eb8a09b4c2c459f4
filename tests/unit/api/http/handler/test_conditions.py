# SPDX-License-Identifier: Apache-2.0
"""Entity tags and conditions."""

from werkzeug import test
from werkzeug import wrappers

from tests import base
from valence.api.http import handler
from valence.common import errors


def request(**headers):
    """Return a GET with headers."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return wrappers.Request(test.EnvironBuilder(headers=names).get_environ())


class TagTest(base.TestCase):
    def test_a_tag_has_the_revision_and_a_digest(self):
        self.assertRegex(handler.strong_tag(b"x", 7), r'^"7\.[0-9a-f]{16}"$')

    def test_a_tag_changes_with_the_body(self):
        self.assertNotEqual(handler.strong_tag(b"x", 7), handler.strong_tag(b"y", 7))

    def test_the_tag_of_a_list_is_weak(self):
        self.assertRegex(handler.weak_tag(b"x"), r'^W/"[0-9a-f]{16}"$')


class IfNoneMatchTest(base.TestCase):
    def test_the_whole_tag_is_compared(self):
        tag = handler.strong_tag(b"x", 7)
        self.assertTrue(handler.unchanged(request(If_None_Match=f'"a", W/{tag}'), tag))
        self.assertFalse(handler.unchanged(request(If_None_Match='"7.0000000000000000"'), tag))

    def test_a_star_matches_everything(self):
        self.assertTrue(handler.unchanged(request(If_None_Match="*"), '"a"'))

    def test_without_the_header_all_is_changed(self):
        self.assertFalse(handler.unchanged(request(), '"a"'))

    def test_what_is_no_tag_is_refused(self):
        self.assertRaises(errors.BadRequest, handler.unchanged, request(If_None_Match="a"), '"a"')


class IfMatchTest(base.TestCase):
    def test_the_revisions_are_taken(self):
        self.assertEqual([7, 12], handler.expected_revisions(request(If_Match='"7.0a", "12.ff"')))

    def test_any_revision_will_do(self):
        self.assertIsNone(handler.expected_revisions(request()))
        self.assertIsNone(handler.expected_revisions(request(If_Match=" * ")))

    def test_a_weak_or_a_foreign_tag_matches_none(self):
        self.assertEqual([], handler.expected_revisions(request(If_Match='W/"7.0a", "abc", "-1.0"')))
