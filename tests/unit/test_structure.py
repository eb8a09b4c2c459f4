# SPDX-License-Identifier: Apache-2.0
"""The shape of the code: who may import whom, how long things may be, what has to stand beside what."""

import ast
import functools
import importlib.metadata
import pathlib
import re
import sys

from tests import base

ROOT = pathlib.Path(__file__).parents[2]
CODE = ROOT / "valence"
TESTS = ROOT / "tests"

MOST_LINES_OF_A_FILE = 450
MOST_LINES_OF_A_FUNCTION = 60

#: package -> what of valence its modules may import, besides the package itself
DIRECTIONS = {
    "valence.api": [
        "valence.common",
        "valence.conductor.client",
        "valence.conductor.introspection_client",
        "valence.db.models",
        "valence.db.types",
    ],
    "valence.backup": ["valence.common", "valence.db.models", "valence.db.store", "valence.db.types"],
    "valence.cmd": ["valence"],
    "valence.common": [],
    # Drivers, of stores and of pod managers, are loaded by entry point.
    "valence.conductor": [
        "valence.backup",
        "valence.common",
        "valence.db.models",
        "valence.db.store",
        "valence.db.types",
        "valence.introspection",
        "valence.podmanagers.base",
    ],
    "valence.db": ["valence.common"],
    "valence.introspection": ["valence.common", "valence.db.models", "valence.db.store", "valence.db.types"],
    "valence.podmanagers": ["valence.common", "valence.db.models", "valence.db.store", "valence.db.types"],
    "valence.simulator": ["valence.common.errors"],
    "valence.wsgi": ["valence"],
}
#: anybody may ask for these
EVERYWHERE = ["valence.version"]

#: library -> the only files, or folders, that may import it
HOMES = {
    "alembic": ["db/"],
    "etcd": ["db/etcd/v2/"],
    "etcd3gw": ["db/etcd/v3/"],
    "eventlet": [],
    "flask": ["api/", "wsgi/"],
    "httptools": ["common/web_connection.py"],
    "oslo_db": ["db/"],
    "oslo_messaging": [
        "common/local_driver.py",
        "common/messaging.py",
        "common/notifications.py",
        "common/rabbit_connection.py",
        "common/rpc_client.py",
        "common/rpc_server.py",
    ],
    "sqlalchemy": ["db/"],
    "sushy": ["podmanagers/"],
}

#: tests of the project as a whole, not of one module
OF_THE_WHOLE = ["test_boards.py", "test_samples.py", "test_structure.py"]
#: a module that decides more often than this has a test: a table, a composition or a delegation needs none
MOST_DECISIONS_WITHOUT_TEST = 2
#: modules, or folders of them, without a test of their own name -> the tests that run them
TESTED_ELSEWHERE = {
    "api/": "functional/test_api.py",
    "cmd/all_in_one.py": "functional",
    "cmd/process.py": "functional/test_observation.py",
    "conductor/attachments.py": "unit/conductor/test_subscriptions.py",
    "conductor/changes.py": "unit/conductor/test_sync.py",
    "conductor/operations.py": "unit/conductor/test_job.py",
    "db/changes.py": "contract",
    "db/etcd/": "contract",
    "db/questions.py": "contract",
    "db/sql/": "contract",
    "db/sqlalchemy_driver.py": "contract",
    "db/values.py": "contract",
    "introspection/database_storage.py": "contract/test_storages.py",
    "introspection/file_storage.py": "contract/test_storages.py",
    "introspection/swift_storage.py": "contract/test_storages.py",
    "simulator/actions.py": "unit/simulator/test_service.py",
    "simulator/documents/": "unit/simulator/test_resources.py",
    "simulator/options.py": "unit/cmd/test_simulator.py",
    "simulator/queries.py": "unit/simulator/test_answers.py",
    "simulator/tree.py": "unit/simulator/test_service.py",
}


@functools.cache
def modules():
    """Return the parsed modules of valence by path, as posix text relative to valence/."""
    return {
        path.relative_to(CODE).as_posix(): ast.parse(path.read_text()) for path in sorted(CODE.rglob("*.py"))
    }


def name_of(path):
    """Return the dotted name of the module in a file, ``db/types.py`` -> ``valence.db.types``."""
    return ".".join(["valence", *pathlib.PurePosixPath(path).with_suffix("").parts]).removesuffix(".__init__")


def imports(tree):
    """Yield the dotted name of everything that a module imports, wherever in it."""
    names = {name_of(path) for path in modules()}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in names else node.module


def is_inside(name, packages):
    """Tell whether a dotted name is one of the packages or inside one."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def functions(tree):
    """Yield every function of a module, methods and inner ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def lines(node):
    return node.end_lineno - node.lineno + 1


class ImportTest(base.TestCase):
    def test_modules_import_only_in_the_agreed_directions(self):
        wrong = []
        for path, tree in modules().items():
            name = name_of(path)
            package = next((package for package in DIRECTIONS if is_inside(name, [package])), None)
            allowed = [*EVERYWHERE, package, *DIRECTIONS.get(package, [])]
            wanted = [other for other in imports(tree) if is_inside(other, ["valence"])]
            wrong += [
                f"{name} imports {other}" for other in wanted if not is_inside(other, filter(None, allowed))
            ]
        self.assertEqual([], wrong)

    def test_every_package_has_a_direction(self):
        packages = {
            name_of(path) for path in modules() if path.count("/") == 1 and path.endswith("__init__.py")
        }
        self.assertEqual(packages, set(DIRECTIONS))

    def test_a_library_is_imported_only_where_it_lives(self):
        wrong = []
        for path, tree in modules().items():
            libraries = {name.partition(".")[0] for name in imports(tree)} & set(HOMES)
            wrong += [
                f"{path} imports {name}" for name in libraries if not path.startswith(tuple(HOMES[name]))
            ]
        self.assertEqual([], wrong)

    def test_every_imported_library_is_a_declared_requirement(self):
        runtime = requirements("requirements.txt")
        self.assertEqual({}, undeclared(CODE, runtime))
        self.assertEqual({}, undeclared(TESTS, runtime | requirements("test-requirements.txt")))


def requirements(name):
    """Return the names of the distributions in a requirements file."""
    rows = (ROOT / name).read_text().splitlines()
    return {normal(re.match(r"[\w.-]+", row)[0]) for row in rows if row and not row.startswith("#")}


def normal(name):
    """Return the spelling of a distribution's name that PyPI compares."""
    return re.sub(r"[-_.]+", "-", name).lower()


def undeclared(folder, declared):
    """Return what the modules of a folder import from distributions that are not declared, by module."""
    distributions = importlib.metadata.packages_distributions()
    known = {*sys.stdlib_module_names, "tests", "valence"}
    missing = {}
    for path in folder.rglob("*.py"):
        names = {name.partition(".")[0] for name in imports(ast.parse(path.read_text()))} - known
        names = {
            name for name in names if not declared & {normal(one) for one in distributions.get(name, [])}
        }
        if names:
            missing[path.relative_to(ROOT).as_posix()] = names
    return missing


class LengthTest(base.TestCase):
    def test_files_are_short(self):
        counts = {path: len((CODE / path).read_text().splitlines()) for path in modules()}
        written = {path: count for path, count in counts.items() if not path.startswith("db/migrations/")}
        self.assertEqual({}, {path: count for path, count in written.items() if count > MOST_LINES_OF_A_FILE})

    def test_functions_are_short(self):
        long = [
            f"{path}: {function.name} has {lines(function)} lines"
            for path, tree in modules().items()
            if not path.startswith("db/migrations/")
            for function in functions(tree)
            if lines(function) > MOST_LINES_OF_A_FUNCTION
        ]
        self.assertEqual([], long)


class MirrorTest(base.TestCase):
    def test_every_unit_test_mirrors_a_module(self):
        unit = TESTS / "unit"
        orphans = []
        for path in unit.rglob("test_*.py"):
            place = path.relative_to(unit)
            twin = CODE / place.with_name(place.name.removeprefix("test_"))
            if (
                place.as_posix() not in OF_THE_WHOLE
                and not twin.exists()
                and not twin.with_suffix("").is_dir()
            ):
                orphans.append(place.as_posix())
        self.assertEqual([], orphans)

    def test_every_module_that_decides_has_a_test(self):
        decisive = [path for path, tree in modules().items() if decisions(tree) > MOST_DECISIONS_WITHOUT_TEST]
        self.assertEqual([], [path for path in decisive if not has_test(path)])

    def test_tests_neither_pretend_nor_skip(self):
        wrong = []
        for path in TESTS.rglob("*.py"):
            tree = ast.parse(path.read_text())
            names = {part for name in imports(tree) for part in name.split(".")}
            names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
            wrong += [
                f"{path.name} uses {name}"
                for name in names & {"mock", "skip", "skipIf", "skipTest", "skipUnless"}
            ]
        self.assertEqual([], wrong)

    def test_modules_tested_elsewhere_exist_and_so_do_their_tests(self):
        for module, test in TESTED_ELSEWHERE.items():
            self.assertTrue((CODE / module).exists(), module)
            self.assertTrue((TESTS / test).exists(), test)


def decisions(tree):
    """Return how often a module decides what to do next."""
    kinds = (ast.If, ast.IfExp, ast.Match, ast.Try, ast.While)
    return sum(isinstance(node, kinds) for node in ast.walk(tree))


def has_test(path):
    """Tell whether a module has a test of its own name or one elsewhere."""
    place = pathlib.PurePosixPath(path)
    if place.name == "__init__.py":
        place = place.parent.with_suffix(".py")
    own = TESTS / "unit" / place.with_name(f"test_{place.name}")
    return own.exists() or any(path.startswith(start) for start in TESTED_ELSEWHERE)


class TextTest(base.TestCase):
    def test_python_files_start_with_their_licence_and_say_what_they_are(self):
        wrong = []
        for path in (ROOT / "setup.py", *CODE.rglob("*.py"), *TESTS.rglob("*.py")):
            text = path.read_text()
            if not text.startswith("# SPDX-License-Identifier: Apache-2.0\n") or not ast.get_docstring(
                ast.parse(text)
            ):
                wrong.append(path.relative_to(ROOT).as_posix())
        self.assertEqual([], wrong)

    def test_nothing_refers_to_a_place_outside_of_the_project(self):
        outside = re.compile(rb"\.\./" + b"shared|/" + b"work/")
        folders = [
            ROOT / name for name in (".ci", "devstack", "doc", "etc", "releasenotes", "tests", "valence")
        ]
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        files += [path for path in ROOT.iterdir() if path.is_file()]
        files = [
            path for path in files if path.suffix != ".pyc" and "build" not in path.relative_to(ROOT).parts
        ]
        self.assertEqual([], [str(path) for path in files if outside.search(path.read_bytes())])
