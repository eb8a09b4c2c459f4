# SPDX-License-Identifier: Apache-2.0
"""The command that explains error codes, and its copy of the catalogue of errors."""

import importlib.resources
import json
import pathlib
import runpy

from tests import base
from tests.unit.client import console
from valence.client.commands import api

ROOT = pathlib.Path(__file__).parents[4]
FILE = importlib.resources.files("valence.client.commands") / api.CATALOGUE
GENERATED = runpy.run_path(str(ROOT / "doc/source/_ext/generated_reference.py"))


def catalogue():
    """Return what the errors of the server say of each code."""
    blanks = GENERATED["blanks"]
    return {
        code: {
            "status": kind.status,
            "title": kind.title,
            "message": blanks(kind.message),
            "hint": blanks(kind.hint),
        }
        for code, kind in GENERATED["error_codes"]()
    }


class CatalogueTest(base.TestCase):
    def test_it_says_what_the_errors_of_the_server_say(self):
        self.assertEqual(catalogue(), api.catalogue(), f"run: python -m {__spec__.name}")


class ExplainTest(base.TestCase):
    def explain(self, code, *argv):
        return self.useFixture(console.Console()).run("api", "explain", code, *argv)

    def test_a_code_is_explained_without_a_server(self):
        for code in ("valence.revision_mismatch", "revision_mismatch"):
            printed = self.explain(code, "-f", "json")
            self.assertEqual((0, ""), (printed.code, printed.err))
            self.assertEqual("valence.revision_mismatch", printed.json["code"])
            self.assertEqual(412, printed.json["status"])
            self.assertIn("Read it again", printed.json["hint"])

    def test_a_misspelt_code(self):
        printed = self.explain("valence.revison_mismatch")
        expected = (
            "There is no error code valence.revison_mismatch. Did you mean valence.revision_mismatch?\n"
        )
        self.assertEqual((1, "", expected), printed)

    def test_no_code_at_all(self):
        printed = self.explain("0000")
        self.assertEqual((1, 1), (printed.code, printed.err.count("\n")))
        self.assertIn("The codes are: valence.abandoned, ", printed.err)


if __name__ == "__main__":
    FILE.write_text(json.dumps(catalogue(), indent=2, ensure_ascii=False) + "\n")
