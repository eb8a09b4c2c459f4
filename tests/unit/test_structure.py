# SPDX-License-Identifier: Apache-2.0
"""The shape of the code: who may import whom, how long things may be, what has to stand beside what."""

import ast
import contextlib
import functools
import gc
import importlib.metadata
import pathlib
import re
import sys
import tomllib
import typing

from tests import base

ROOT = pathlib.Path(__file__).parents[2]
CODE = ROOT / "valence"
TESTS = ROOT / "tests"

MOST_MODULES = 12
MOST_LINES_OF_A_FILE = 450
MOST_LINES_OF_A_FUNCTION = 60

#: package -> what of valence its modules may import, besides the package itself
DIRECTIONS = {
    "valence.api": [
        "valence.bus",
        "valence.common",
        "valence.composition.requirements",
        "valence.conductor.client",
        "valence.db.models",
        "valence.db.types",
    ],
    "valence.backup": ["valence.common", "valence.db.models", "valence.db.store", "valence.db.types"],
    "valence.bus": ["valence.common"],
    # Clients run where no server is installed; nothing of the server imports them.
    "valence.client": ["valence.db.models", "valence.db.types"],
    "valence.cmd": ["valence"],
    "valence.composition": ["valence.common", "valence.db.models", "valence.db.store", "valence.db.types"],
    "valence.common": [],
    # Drivers, of stores and of pod managers, are loaded by entry point.
    "valence.conductor": [
        "valence.backup",
        "valence.bus",
        "valence.common",
        "valence.composition",
        "valence.db.models",
        "valence.db.store",
        "valence.db.types",
        "valence.introspection",
        "valence.podmanagers.base",
        "valence.podmanagers.composers",
        "valence.podmanagers.offers",
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
    "httptools": ["common/web/http_connection.py"],
    "openstack": ["client/", "conductor/nodes/ironic/bare_metal.py", "introspection/storages/swift.py"],
    "oslo_db": ["db/"],
    "oslo_messaging": [
        "bus/inspection.py",
        "bus/local_driver.py",
        "bus/messaging.py",
        "bus/notifications.py",
        "bus/rpc_client.py",
        "bus/rpc_server.py",
        "bus/transport_url.py",
    ],
    "sqlalchemy": ["db/"],
    "sushy": ["podmanagers/"],
}

#: modules, or folders of them, whose public functions, methods and fields have types; mypy reads the same ones strictly
TYPED = (
    "api/http/descriptions.py",
    "api/http/handler.py",
    "api/http/request_body.py",
    "api/model/",
    "bus/",
    "client/",
    "common/",
    "composition/",
    "conductor/client.py",
    "db/",
    "podmanagers/base.py",
)
#: alembic gives the functions of migrations their form
UNTYPED = ("db/migrations/",)
#: classes whose fields are what a class body annotates
RECORDS = {"NamedTuple", "TypedDict", "dataclass"}

#: tests of the project as a whole, not of one module
OF_THE_WHOLE = [
    "test_boards.py",
    "test_mutation.py",
    "test_packaging.py",
    "test_reference.py",
    "test_run.py",
    "test_samples.py",
    "test_structure.py",
]
#: a module that decides more often than this has a test: a table, a composition or a delegation needs none
MOST_DECISIONS_WITHOUT_TEST = 2
#: modules, or folders of them, without a test of their own name -> the tests that run them
TESTED_ELSEWHERE = {
    "api/": "functional/test_api.py",
    "cmd/all_in_one.py": "functional",
    "cmd/doctor/": "unit/cmd/test_doctor.py",
    "cmd/process.py": "functional/test_observation.py",
    "composition/candidates.py": "unit/composition/test_selection.py",
    "composition/claims.py": "contract/test_claims.py",
    "composition/combining.py": "unit/composition/test_selection.py",
    "conductor/client.py": "unit/conductor/service/test_service.py",
    "conductor/endpoints/devices.py": "unit/api/v1/test_devices.py",
    "conductor/endpoints/flavors.py": "unit/api/v1/test_flavors.py",
    "conductor/hardware_events/attachments.py": "unit/conductor/hardware_events/test_subscriptions.py",
    "conductor/inventory/devices.py": "contract/test_devices.py",
    "conductor/work/operations.py": "unit/conductor/work/contact/test_job.py",
    "db/changesets.py": "contract",
    "db/etcd/": "contract",
    "db/sql/": "contract",
    "db/values.py": "contract",
    "introspection/storages/database.py": "contract/test_storages.py",
    "introspection/storages/file.py": "contract/test_storages.py",
    "introspection/storages/swift.py": "contract/test_storages.py",
    "podmanagers/redfish/crawl/facts.py": "unit/podmanagers/redfish/test_offers.py",
    "podmanagers/redfish/crawl/measures.py": "unit/podmanagers/redfish/test_offers.py",
    "simulator/actions.py": "unit/simulator/test_service.py",
    "simulator/composition/": "unit/simulator/composition",
    "simulator/documents/": "unit/simulator/test_resources.py",
    "simulator/options.py": "unit/cmd/test_simulator.py",
    "simulator/resources.py": "unit/simulator/test_service.py",
}


@functools.cache
def modules():
    """Return the parsed modules of valence by path, as posix text relative to valence/."""
    paths = sorted(CODE.rglob("*.py"))
    with without_collection():
        return {path.relative_to(CODE).as_posix(): ast.parse(path.read_text()) for path in paths}


@contextlib.contextmanager
def without_collection():
    """Pause the collection of garbage: to look for it among a million nodes takes four times as long as to parse."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def name_of(path):
    """Return the dotted name of the module in a file, ``db/types.py`` -> ``valence.db.types``."""
    return ".".join(["valence", *pathlib.PurePosixPath(path).with_suffix("").parts]).removesuffix(".__init__")


@functools.cache
def module_names():
    """Return the dotted names of all modules of valence."""
    return frozenset(map(name_of, modules()))


class Facts(typing.NamedTuple):
    """What several tests have to know of a file: the tree of each file of the project is too large to be kept."""

    docstring: str | None
    imports: frozenset
    attributes: frozenset


@functools.cache
def facts(path):
    """Return the facts of a Python file."""
    with without_collection():
        tree = ast.parse(path.read_text())
        nodes = list(ast.walk(tree))
    attributes = frozenset(node.attr for node in nodes if isinstance(node, ast.Attribute))
    return Facts(ast.get_docstring(tree), frozenset(imports(nodes)), attributes)


def imports(nodes):
    """Yield the dotted name of everything that the nodes of a module import."""
    names = module_names()
    for node in nodes:
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
        for path in modules():
            name = name_of(path)
            package = next((package for package in DIRECTIONS if is_inside(name, [package])), None)
            allowed = [*EVERYWHERE, package, *DIRECTIONS.get(package, [])]
            wanted = [other for other in facts(CODE / path).imports if is_inside(other, ["valence"])]
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
        for path in modules():
            libraries = {name.partition(".")[0] for name in facts(CODE / path).imports} & set(HOMES)
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
        names = {name.partition(".")[0] for name in facts(path).imports} - known
        names = {
            name for name in names if not declared & {normal(one) for one in distributions.get(name, [])}
        }
        if names:
            missing[path.relative_to(ROOT).as_posix()] = names
    return missing


class RoomTest(base.TestCase):
    def test_a_folder_can_be_taken_in_at_a_glance(self):
        folders = {path.parent for path in CODE.rglob("*.py") if "versions" not in path.parts}
        numbers = {folder: len([*folder.glob("[!_]*.py")]) for folder in folders}
        wrong = {folder.relative_to(CODE).as_posix(): number for folder, number in numbers.items()}
        self.assertEqual({}, {name: number for name, number in wrong.items() if number > MOST_MODULES})


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


def is_public(name):
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def public_definitions(body, prefix=""):
    """Yield the name and node of public classes and functions, those in public classes too."""
    for node in body:
        if isinstance(node, ast.If):  # such as ``if typing.TYPE_CHECKING``
            yield from public_definitions([*node.body, *node.orelse], prefix)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and is_public(node.name):
            yield f"{prefix}{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node.body, f"{prefix}{node.name}.")


def untyped(tree):
    """Yield what a module lacks of types: names of parameters, results and fields of records."""
    for name, node in public_definitions(tree.body):
        if isinstance(node, ast.ClassDef):
            yield from (f"{name}.{field}" for field in untyped_fields(node))
            continue
        parameters = [*node.args.posonlyargs, *node.args.args]
        if "." in name and not any(ast.unparse(each) == "staticmethod" for each in node.decorator_list):
            parameters = parameters[1:]
        parameters += [*node.args.kwonlyargs, *filter(None, (node.args.vararg, node.args.kwarg))]
        yield from (f"{name}({each.arg})" for each in parameters if each.annotation is None)
        if node.returns is None:
            yield f"{name}()"


def untyped_fields(node):
    """Yield the public names in the body of a named tuple, a typed dict or a data class that have no types."""
    made_of = " ".join(ast.unparse(each) for each in (*node.bases, *node.decorator_list))
    if not RECORDS & set(re.findall(r"\w+", made_of)):
        return
    for each in node.body:
        if isinstance(each, ast.Assign):
            yield from (ast.unparse(target) for target in each.targets if is_public(ast.unparse(target)))


class TypeTest(base.TestCase):
    def test_public_signatures_have_types(self):
        typed = {
            path: tree
            for path, tree in modules().items()
            if path.startswith(TYPED) and not path.startswith(UNTYPED)
        }
        self.assertTrue(all(any(path.startswith(each) for path in typed) for each in TYPED))
        self.assertEqual([], [f"{path}: {name}" for path, tree in typed.items() for name in untyped(tree)])

    def test_the_same_modules_are_checked_by_mypy(self):
        options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["overrides"]
        strict = {name for each in options if each.get("disallow_untyped_defs") for name in each["module"]}
        self.assertEqual({name_of(path) + ".*" * path.endswith("/") for path in TYPED}, strict)

    def test_what_lacks_types_is_found(self):
        tree = ast.parse(
            "def free(one, *rest: int, two: str = '', **others) -> None: ...\n"
            "def _private(one): ...\n"
            "class Pair(typing.NamedTuple):\n"
            "    left: int\n"
            "    right = 2\n"
            "    def swap(self): ...\n"
            "@dataclasses.dataclass(frozen=True)\n"
            "class Record:\n"
            "    number = 1\n"
            "class Plain:\n"
            "    constant = 1\n"
            "    def __init__(self, value) -> None: ...\n"
            "    @staticmethod\n"
            "    def make(value) -> None: ...\n"
        )
        found = ["free(one)", "free(others)", "Pair.right", "Pair.swap()", "Record.number"]
        self.assertEqual([*found, "Plain.__init__(value)", "Plain.make(value)"], list(untyped(tree)))


class MirrorTest(base.TestCase):
    def test_every_unit_test_mirrors_a_module(self):
        unit = TESTS / "unit"
        orphans = []
        for path in unit.rglob("test_*.py"):
            place = path.relative_to(unit)
            twin = CODE / place.with_name(place.name.removeprefix("test_"))
            whole = CODE / f"{place.parent}.py"  # one of several tests of that module
            if place.as_posix() not in OF_THE_WHOLE and not (
                twin.exists() or twin.with_suffix("").is_dir() or whole.exists()
            ):
                orphans.append(place.as_posix())
        self.assertEqual([], orphans)

    def test_every_module_that_decides_has_a_test(self):
        decisive = [path for path, tree in modules().items() if decisions(tree) > MOST_DECISIONS_WITHOUT_TEST]
        self.assertEqual([], [path for path in decisive if not has_test(path)])

    def test_tests_neither_pretend_nor_skip(self):
        wrong = []
        for path in TESTS.rglob("*.py"):
            names = {part for name in facts(path).imports for part in name.split(".")}
            names |= facts(path).attributes
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
    several = TESTS / "unit" / place.with_suffix("")
    return (
        own.exists()
        or any(several.glob("test_*.py"))
        or any(path.startswith(start) for start in TESTED_ELSEWHERE)
    )


class TextTest(base.TestCase):
    def test_python_files_start_with_their_licence_and_say_what_they_are(self):
        wrong = []
        for path in (ROOT / "setup.py", *CODE.rglob("*.py"), *TESTS.rglob("*.py")):
            licence = "# SPDX-License-Identifier: Apache-2.0\n"
            if not path.read_text().startswith(licence) or not facts(path).docstring:
                wrong.append(path.relative_to(ROOT).as_posix())
        self.assertEqual([], wrong)

    def test_nothing_refers_to_a_place_outside_of_the_project(self):
        outside = re.compile(rb"\.\./" + b"shared|(?<!\\w)/" + b"work/")
        folders = [
            ROOT / name for name in (".ci", "devstack", "doc", "etc", "releasenotes", "tests", "valence")
        ]
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        files += [path for path in ROOT.iterdir() if path.is_file()]
        files = [
            path for path in files if path.suffix != ".pyc" and "build" not in path.relative_to(ROOT).parts
        ]
        self.assertEqual([], [str(path) for path in files if outside.search(path.read_bytes())])
