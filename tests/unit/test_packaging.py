# SPDX-License-Identifier: Apache-2.0
"""What the package says it needs: lower bounds, extras, tested versions, and what is imported without extras."""

import pathlib
import re
import subprocess
import sys
import tomllib

from packaging import requirements
from packaging import utils
from packaging import version

from tests import base
from tests import environment
from valence.common.configuration import extras

ROOT = pathlib.Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT, SETUPTOOLS = PYPROJECT["project"], PYPROJECT["tool"]["setuptools"]
COMMANDS = ("all_in_one", "api", "conductor", "manage", "migrate_data", "simulator", "status")
#: what takes most of a start, and what nobody needs who asks for --help
HEAVY = {"alembic", "aiohttp", "flask", "oslo_messaging", "sqlalchemy", "sushy"}
#: imports the module arguments name, none of the packages that extras bring being there; prints what it imported
ALONE = f"""
import sys
sys.modules |= dict.fromkeys({sorted(extras.PACKAGES)!r})
for name in sys.argv[1:]:
    __import__(name)
print(*(name for name, module in sys.modules.items() if module))
"""


def read(file):
    """Return the requirements of a file by their normalized names."""
    lines = (ROOT / file).read_text().splitlines()
    found = [requirements.Requirement(line) for line in lines if line and not line.startswith("#")]
    return {utils.canonicalize_name(each.name): each for each in found}


def pinned(file):
    """Return the versions of a file of constraints, or of a lock, by the normalized names of packages."""
    found = re.findall(r"^([\w.-]+)={2,3}([\w.!+-]+)", (ROOT / file).read_text(), re.MULTILINE)
    return {utils.canonicalize_name(name): version.Version(number) for name, number in found}


class BoundsTest(base.TestCase):
    def assert_admitted(self, file, versions):
        for name, requirement in read(file).items():
            if name in versions:
                self.assertIn(versions[name], requirement.specifier, f"{file}: {requirement}")

    def test_openstack_can_install_it(self):
        constraints = pinned("tests/data/openstack/upper-constraints.txt")
        self.assertGreater(len(constraints), 400)
        for file in ("requirements.txt", "test-requirements.txt"):
            self.assert_admitted(file, constraints)

    def test_the_tested_versions_are_allowed(self):
        constraints = pinned("constraints.txt")
        for file in ("requirements.txt", "test-requirements.txt"):
            self.assertLessEqual(read(file).keys(), constraints.keys())
            self.assert_admitted(file, constraints)

    def test_the_oldest_versions_are_constraints(self):
        """Which pip refuses with extras."""
        (program,) = re.findall(r'sed -n "(.*)" requirements.txt', (ROOT / "Makefile").read_text())
        made = subprocess.check_output(["sed", "-n", program, "requirements.txt"], text=True, cwd=ROOT)
        oldest = [
            f"{each.name}=={next(iter(each.specifier)).version}" for each in read("requirements.txt").values()
        ]
        self.assertEqual(oldest, made.splitlines())

    def test_the_lock_holds_the_tested_versions(self):
        lock, constraints = pinned("requirements.lock"), pinned("constraints.txt")
        self.assertLessEqual(read("requirements.txt").keys(), lock.keys())
        # What only a newer Python needs is not installed here.
        here = {name: number for name, number in lock.items() if name in constraints}
        self.assertEqual(set(), here.items() - constraints.items(), "run 'make lock'")

    def test_pip_finds_every_package_and_its_hash_in_the_lock(self):
        """With --require-hashes, pip refuses a package that no line pins, and a line without a hash."""
        text = (ROOT / "requirements.lock").read_text()
        entries = re.findall(
            r"^([\w.-]+)==[^\n]*\\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.MULTILINE
        )
        hashed = {utils.canonicalize_name(name) for name, _ in entries}
        self.assertEqual(pinned("requirements.lock").keys(), hashed)
        self.assertEqual(
            set(), environment.needed(read("requirements.txt").values()) - hashed, "run 'make lock'"
        )


class FilesTest(base.TestCase):
    def test_every_folder_of_code_is_a_package(self):
        """A build from an archive of the source, without git, has the files of packages alone."""
        folders = {file.parent for file in (ROOT / "valence").rglob("*.py")}
        self.assertEqual([], [str(each) for each in folders if not (each / "__init__.py").exists()])

    def test_every_other_file_is_installed_too(self):
        patterns = SETUPTOOLS["package-data"]["*"]
        others = [
            path
            for path in (ROOT / "valence").rglob("*.*")
            if path.is_file() and path.suffix not in (".py", ".pyc")
        ]
        self.assertNotEqual([], others)
        self.assertEqual([], [str(each) for each in others if not any(map(each.match, patterns))])


class ExtrasTest(base.TestCase):
    def test_the_package_and_its_extras_are_all_requirements(self):
        named = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
        here = {each for group in named for each in group if not each.startswith("valence[")}
        self.assertEqual({str(each) for each in read("requirements.txt").values()}, here)

    def test_every_extra_brings_the_server(self):
        """So that it is an installation of what has the configuration, not of a client."""
        for name, needs in PROJECT["optional-dependencies"].items():
            extras_named = {extra for each in needs for extra in requirements.Requirement(each).extras}
            self.assertTrue(name == "server" or "server" in extras_named, name)

    def test_a_client_needs_nothing_of_the_server(self):
        client = environment.needed(map(requirements.Requirement, PROJECT["dependencies"]))
        server = environment.needed(map(requirements.Requirement, PROJECT["optional-dependencies"]["server"]))
        self.assertEqual(set(), environment.OF_SERVERS & client)
        self.assertEqual(set(), environment.OF_SERVERS - server)

    def test_all_has_every_extra(self):
        every = PROJECT["optional-dependencies"]
        named = requirements.Requirement(every["all"][0]).extras
        self.assertEqual(every.keys() - {"all"}, named)

    def test_errors_name_extras_that_bring_the_package(self):
        for package, names in extras.PACKAGES.values():
            for extra in names:
                brought = [requirements.Requirement(each) for each in PROJECT["optional-dependencies"][extra]]
                self.assertIn(package, [each.name for each in brought])


class ImportTest(base.TestCase):
    def imported(self, *names):
        """Import modules in a process of their own, without the packages of extras; return all that it imported."""
        done = subprocess.run(
            [sys.executable, "-c", ALONE, *names], cwd=ROOT, text=True, capture_output=True, timeout=60
        )
        self.assertEqual(0, done.returncode, done.stderr)
        return set(done.stdout.split())

    def test_everything_starts_without_extras(self):
        self.imported("valence.api.http.app", "valence.conductor.service", "valence.db.sql.driver")

    def test_a_conductor_does_not_load_what_only_upgrades_need(self):
        imported = self.imported("valence.conductor.service", "valence.db.sql.driver")
        self.assertEqual(set(), {"alembic"} & imported)

    def test_help_waits_for_nothing_heavy(self):
        self.assertEqual(set(), HEAVY & self.imported(*(f"valence.cmd.{name}" for name in COMMANDS)))
