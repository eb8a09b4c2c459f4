# SPDX-License-Identifier: Apache-2.0
"""Texts in which values of the document are filled in."""

import fixtures

from tests import base
from valence.common import introspection_errors
from valence.introspection.rules import actions

DOCUMENT = {
    "cpus": 16,
    "arch": "x86_64",
    "inventory": {"disks": [{"size": 5}], "0": "zero"},
    "text": "x" * 100,
    "ten": 10,
    "large": 10**400,
}


class TemplatesTest(base.TestCase):
    def fill(self, value):
        actions.check(value)
        return actions.Templates(DOCUMENT).fill(value)

    def test_values(self):
        for value, expected in (
            ("{data[cpus]} of {data[arch]}", "16 of x86_64"),
            ("{data[inventory][disks][0][size]:>3}", "  5"),
            ("{data[inventory][0]}", "zero"),
            ("{data[arch]!r:>10}", "  'x86_64'"),
            ("{data[cpus]:{data[cpus]}d}|", " " * 14 + "16|"),
            ("{{data[cpus]}}", "{data[cpus]}"),
            ("{data[inventory]}", "{'disks': [{'size': 5}], '0': 'zero'}"),
            ({"{data[arch]}": ["{data[cpus]}", 5, None]}, {"x86_64": ["16", 5, None]}),
            (5, 5),
        ):
            self.assertEqual(expected, self.fill(value), value)

    def test_what_the_document_does_not_have(self):
        for text in ("{data[nothing]}", "{data[cpus][0]}", "{data[inventory][disks][7]}", "{data[arch]:d}"):
            error = self.assertRaises(introspection_errors.RuleFailed, self.fill, text)
            self.assertIn(text, error.detail)

    def test_what_is_no_template(self):
        for text in ("{other}", "{0}", "{}", "{data", "}", "{data[cpus]!x}", "{data[]}", "{data[cpus]:{x}}"):
            for value in (text, [text], {"a": text}, {text: 1}):
                self.assertRaises(ValueError, actions.check, value)

    def test_formats_in_formats(self):
        self.assertEqual("x86_64    ", self.fill("{data[arch]:<{data[ten]}}"))
        for text in ("{data[cpus]:{data[cpus]:{data}}}", "{data:" * 5000 + "}" * 5000):
            self.assertRaises(ValueError, actions.check, text)

    def test_numbers_that_a_format_is_not_made_for(self):
        for text in ("{data[large]:c}", "{data[large]:.1f}"):
            error = self.assertRaises(introspection_errors.RuleFailed, self.fill, text)
            self.assertIn(text, error.detail)

    def test_no_template_leads_out_of_the_document(self):
        for text in ("{data.__class__}", "{data[cpus].real}", "{data[cpus]:{data.__class__}}"):
            self.assertRaises(ValueError, actions.check, text)
            self.assertRaises(introspection_errors.RuleFailed, actions.Templates(DOCUMENT).fill, text)

    def test_no_template_makes_texts_of_any_size(self):
        for text in ("{data[cpus]:>9999}", "{data[cpus]:.9999999f}"):
            self.assertRaises(ValueError, actions.check, text)
            self.assertRaises(introspection_errors.RuleFailed, actions.Templates(DOCUMENT).fill, text)
        self.useFixture(fixtures.MonkeyPatch("valence.introspection.rules.actions.LONGEST_TEXT", 250))
        filler = actions.Templates(DOCUMENT)
        filler.fill("{data[text]}{data[text]}")
        self.assertRaises(introspection_errors.RuleFailed, filler.fill, "{data[text]}")
