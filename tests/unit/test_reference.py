# SPDX-License-Identifier: Apache-2.0
"""The generated pages of the documentation have everything that they are about."""

import fnmatch
import functools
import inspect
import pathlib
import re
import runpy

from tests import base
from valence.api import routes
from valence.client import commands
from valence.client import errors
from valence.client import rack

ROOT = pathlib.Path(__file__).parents[2]
SOURCE = ROOT / "doc" / "source"
CODE = re.compile(
    r'\bcode(?:, title)? = "(valence\.[a-z_]+)"|status, code, title = \d+, "(valence\.[a-z_]+)"'
)
#: statuses of errors: of the classes of errors, and of requests that the server of HTTP refuses
STATUS = re.compile(r"\bstatus, code, title = (\d{3})|\b(?:refusal\(|status ?= ?)(\d{3})\b")
#: what pages name in double backquotes: modules, with or without their folder, and what stands in these folders
PATH = re.compile(r"``([\w./-]*\w\.py|(?:valence|tests|doc/source|etc|devstack)/[\w./-]*)``")
#: folders that a named path may start from
FOLDERS = (ROOT, ROOT / "valence", ROOT / "tests")
#: what the process of the documentation knows
GENERATED = runpy.run_path(str(SOURCE / "_ext" / "generated_reference.py"))
LIBRARY = runpy.run_path(str(SOURCE / "_ext" / "library_reference.py"))


class LibraryTest(base.TestCase):
    """The page about the Python library."""

    def setUp(self):
        super().setUp()
        self.page = (SOURCE / "user" / "sdk.rst").read_text()
        (found,) = re.findall(r"library-reference:: ((?:.*\n)+)", self.page)
        self.shown = [LIBRARY["load"](place) for place in found.split()]

    def test_every_collection_is_described(self):
        """And so is everything that classes have for their users."""
        properties = [
            each for each in vars(rack.Rack).values() if isinstance(each, functools.cached_property)
        ]
        kinds = {each.func.__annotations__["return"] for each in properties}
        self.assertGreater(len(kinds), 5)
        self.assertEqual(set(), {rack.Rack, *kinds} - set(self.shown))
        for kind in filter(inspect.isclass, self.shown):
            self.assertEqual([], [name for name, text in LIBRARY["members"](kind) if len(text) < 10], kind)

    def test_every_error_is_in_the_table(self):
        kinds = {
            name for name, each in vars(errors).items() if is_error(each) and each is not errors.RackError
        }
        rows = set(re.findall(r"^(\w+) {2,}\w", self.page.partition("\nError ")[2], re.MULTILINE))
        self.assertGreater(len(kinds), 10)
        self.assertEqual(set(), kinds - rows)


def is_error(thing):
    """Tell whether something is a class of the client's errors."""
    return inspect.isclass(thing) and issubclass(thing, errors.RackError)


class ReferenceTest(base.TestCase):
    def test_every_error_code_is_explained(self):
        texts = [path.read_text() for path in (ROOT / "valence").rglob("*.py")]
        written = {first or second for text in texts for first, second in CODE.findall(text)}
        self.assertGreater(len(written), 50)
        self.assertEqual(written, {code for code, _ in GENERATED["error_codes"]()})

    def test_every_status_of_an_error_is_in_the_table(self):
        code = [path.read_text() for path in (ROOT / "valence" / "common").rglob("*.py")]
        used = {one or other for text in code for one, other in STATUS.findall(text)}
        table = (SOURCE / "user" / "conventions.rst").read_text()
        self.assertLess({"404", "408", "429", "505"}, used)
        self.assertEqual([], sorted(used - set(re.findall(r"^``(\d{3})`` {2,}\w", table, re.MULTILINE))))

    def test_every_operation_is_on_the_page(self):
        text = (SOURCE / "reference" / "index.rst").read_text()
        tags = {tag for line in re.findall(r"api-reference:: (.*)", text) for tag in line.split()}
        self.assertEqual(len(routes.DESCRIBED), len(GENERATED["operations"](tags)))

    def test_every_folder_of_the_code_is_in_the_tree_with_its_purpose(self):
        folders = {path.parent for path in (ROOT / "valence").rglob("*.py") if "versions" not in path.parts}
        shown = GENERATED["packages"]()
        self.assertEqual(len(folders), len(shown))
        self.assertEqual([], [name for _, name, about in shown if len(about) < 15])
        self.assertIn(".. package-tree::", (SOURCE / "contributor" / "tree.rst").read_text())

    def test_every_path_that_a_page_names_exists(self):
        pages = [ROOT / "README.rst", *SOURCE.rglob("*.rst")]
        named = [(page, path) for page in pages for path in PATH.findall(page.read_text())]
        self.assertGreater(len(named), 30)
        modules = {path.name for path in (ROOT / "valence").rglob("*.py")}
        missing = [
            f"{page.relative_to(ROOT)}: {path}"
            for page, path in named
            if not any((folder / path).exists() for folder in FOLDERS) and path not in modules
        ]
        self.assertEqual([], missing)

    def test_every_command_of_clients_is_on_a_page(self):
        texts = [path.read_text() for path in (SOURCE / "cli").glob("*.rst")]
        shown = {each.strip() for text in texts for each in re.findall(r":command: (.*)", text)}
        missing = [
            name for name in commands.COMMANDS if not any(fnmatch.fnmatch(name, each) for each in shown)
        ]
        self.assertEqual([], missing)

    def test_every_command_has_a_manual_page(self):
        script = re.findall(
            r"^    (valence[a-z-]*) = valence\.", (ROOT / "setup.cfg").read_text(), re.MULTILINE
        )
        pages = {path.stem for path in (SOURCE / "man").glob("valence*.rst")}
        self.assertEqual(set(script), pages)
        self.assertEqual(pages, set(runpy.run_path(str(SOURCE / "conf.py"))["COMMANDS"]))
        self.assertIn("--help", GENERATED["help_text"]("valence-status"))
