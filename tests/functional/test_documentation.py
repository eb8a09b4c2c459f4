# SPDX-License-Identifier: Apache-2.0
"""What the documentation shows is what happens: its commands are run, and what they print is compared."""

import pathlib
import re
import shutil
import subprocess
import sys

import requests
import testscenarios

from tests import base
from tests import console
from tests import freezer
from tests import servers
from tests.contract import databases
from tests.servers import keystone
from tests.servers import ports
from tests.ui import case

ROOT = pathlib.Path(__file__).parents[2]
BIN = pathlib.Path(sys.executable).parent
REQUIREMENTS = ("requirements.txt", "test-requirements.txt")
EXAMPLES = ROOT / "doc/source/examples"
RABBITMQCTL = """\
import sys
sys.path.insert(0, "{root}")
from tests import servers
print(servers.RabbitMQ.attach('{broker}').ctl(*sys.argv[1:]), end="")
"""
#: stops the processes of one configuration file
SYSTEMCTL = """\
test "$1" = stop && pkill -TERM -f "$2 --config-file {file}"
while pgrep -f "$2 --config-file {file}"; do sleep 0.1; done > /dev/null
"""
#: starts everything in one process where a page restarts the API
START = """\
#!/bin/sh
exec valence-all-in-one --config-file {folder}/valence.conf --port {port} --state-dir {folder}/state
"""
#: what a reader has done, and seen, before a page
STARTED = (
    console.Step(0, "make run", "Valence serves"),
    console.Step(
        0,
        "until curl -s '127.0.0.1:8181/v1/pod_managers?name=demo' | jq -e '.pod_managers[0].last_synced_at'; "
        "do sleep 0.1; done > /dev/null",
        "",
    ),
)


def new_token(identity):
    """Return a token of the administrator."""
    user = {"name": "admin", "domain": {"id": "default"}, "password": keystone.PASSWORD}
    auth = {
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": {"project": {"name": "admin", "domain": {"id": "default"}}},
    }
    response = requests.post(f"{identity}/auth/tokens", json={"auth": auth}, timeout=60)
    return response.headers["X-Subject-Token"]


def revoke(identity, token):
    """End a token before its time."""
    headers = {"X-Auth-Token": token, "X-Subject-Token": token}
    requests.delete(f"{identity}/auth/tokens", headers=headers, timeout=60).raise_for_status()


class TourTest(base.TestCase):
    """Pages that begin with a Valence that ``make run`` started."""

    time_limit = 600

    def read(self, page, *before, path=()):
        """Run the commands of a page, as a reader would in a fresh clone."""
        steps = [*before, *console.steps((ROOT / page).read_text())]
        self.assertNotEqual([*before], steps)
        folder = self.make_folder()
        instead = {
            r"^make run$": f"valence-all-in-one --demo --port 8181 --state-dir {folder}/state",
            r"\.venv/bin/": "",
            r"\b8181\b": str(ports.free_port()),
            r"\b8001\b": str(ports.free_port()),
            r"\b8282\b": str(ports.free_port()),
        }
        shell = self.useFixture(console.Console(folder, instead, path=[BIN, *path]))
        # Where a reader's Valence is without saying so.
        shell.run(console.Step(0, "export VALENCE_ENDPOINT=http://127.0.0.1:8181", ""))
        for step in steps:
            shell.run(step)

    def test_five_minutes_of_the_readme(self):
        self.read("README.rst")

    def test_installation(self):
        self.read("doc/source/install/index.rst")

    def test_reference(self):
        self.read("doc/source/reference/index.rst", *STARTED)

    def test_conventions(self):
        self.read("doc/source/user/conventions.rst", *STARTED)

    def test_pod_managers(self):
        self.read("doc/source/user/pod_managers.rst", *STARTED)

    def test_resources(self):
        self.read("doc/source/user/resources.rst", *STARTED)

    def test_composition(self):
        self.read("doc/source/user/composition.rst", *STARTED)

    def test_nodes(self):
        self.read("doc/source/user/nodes.rst", *STARTED)

    def test_operations(self):
        self.read("doc/source/user/operations.rst", *STARTED)

    def test_events(self):
        self.read("doc/source/user/events.rst", *STARTED)

    def test_introspection(self):
        self.read("doc/source/user/introspection.rst", *STARTED)

    def test_backup(self):
        self.read("doc/source/user/backup.rst", *STARTED, path=[freezer.install()])

    def test_watching(self):
        self.read("doc/source/admin/watch.rst", *STARTED)

    def test_hardware_events(self):
        self.read("doc/source/admin/hardware_events.rst", *STARTED)

    def test_simulator(self):
        self.read("doc/source/user/simulator.rst")


class AgentsTest(base.TestCase):
    """The page about Freezer's agents, on a machine of its own, with a Keystone."""

    time_limit = 600

    def test_freezer_agents(self):
        folder = self.make_folder()
        site = self.useFixture(freezer.Site(folder))
        instead = {
            "http://keystone:5000/v3": site.identity.url,
            "http://valence:8181/backup": site.url,
            r"PROJECT_NAME=demo\b": f"PROJECT_NAME={freezer.PROJECT}",
        }
        shell = self.useFixture(console.Console(folder, instead, path=[freezer.install()]))
        shell.run(console.Step(0, "export HOME=$PWD", ""))
        for step in console.steps((ROOT / "doc/source/user/freezer_agents.rst").read_text()):
            shell.run(step)


class KeystoneTest(base.TestCase):
    """The page about Keystone, with a real one, and a Valence that the page configures and starts."""

    time_limit = 600

    def test_keystone(self):
        folder = self.make_folder()
        identity = self.useFixture(keystone.Keystone())
        port = ports.free_port()
        (folder / "valence.conf").write_text("[DEFAULT]\nauth_strategy = noauth\n")
        systemctl = folder / "systemctl"
        systemctl.write_text(START.format(folder=folder, port=port))
        systemctl.chmod(0o755)
        instead = {
            "http://keystone:5000/v3": identity.url,
            "http://valence:8181": f"http://127.0.0.1:{port}",
            "/etc/valence": str(folder),
            "127.0.0.1:11211": f"127.0.0.1:{ports.free_port()}",
        }
        shell = self.useFixture(console.Console(folder, instead, path=[folder, BIN]))
        shell.run(console.Step(0, "export HOME=$PWD", ""))
        for step in console.steps((ROOT / "doc/source/admin/keystone.rst").read_text()):
            shell.run(step)
        self.sign_in(f"http://127.0.0.1:{port}/ui/#/pod_managers", identity.url)

    def sign_in(self, url, identity):
        """Sign in on the screen by password; after the token is revoked the page asks again, and a token will do."""
        page = self.useFixture(case.Browser()).browser.new_page()
        page.set_default_timeout(case.PATIENCE)
        page.goto(url)
        values = {"User": "admin", "Password": "wrong", "Project": "admin"}
        for name, value in values.items():
            page.get_by_label(name, exact=True).fill(value)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("alert").get_by_text("refuses these names and this password").wait_for()
        page.get_by_label("Password").fill(keystone.PASSWORD)
        with page.expect_response("**/ui/token") as answer:
            page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", level=1, name="Pod managers").wait_for()
        page.get_by_role("button", name="Register a pod manager").wait_for()
        revoke(identity, answer.value.json()["token"])
        page.get_by_role("link", name="Nodes", exact=True).click()
        page.get_by_role("heading", level=1, name="Sign in").wait_for()
        page.get_by_role("button", name="Use a token").click()
        page.get_by_label("Token").fill(new_token(identity))
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", level=1, name="Nodes").wait_for()
        page.get_by_text("There are no nodes.").wait_for()


class DeploymentTest(base.TestCase):
    """Pages for operators, one after the other, on a real broker and database."""

    time_limit = 240

    def setUp(self):
        super().setUp()
        self.folder = self.make_folder()
        self.instead = {
            r"/opt/valence/bin/|\.venv/bin/": "",
            "/etc/valence": f"{self.folder}/etc",
            "/var/lib/valence": f"{self.folder}/state",
            "doc/source/examples": f"{self.folder}/examples",
            r"\b5672\b": str(servers.rabbitmq().port),
            r"\b3306\b": str(servers.mariadb().port),
            r"\b5432\b": str(servers.postgresql().port),
            r"\b8181\b": str(ports.free_port()),
        }
        self.shell = self.useFixture(
            console.Console(self.folder, self.instead, path=[self.folder / "bin", BIN])
        )
        for name in ("bin", "etc", "state", "examples"):
            (self.folder / name).mkdir()
        self.write_programs()
        for example in EXAMPLES.glob("*.*"):
            (self.folder / "examples" / example.name).write_text(self.shell.actual(example.read_text()))

    def write_programs(self):
        """Let the programs of the servers, by their usual names, reach the servers of the tests."""
        broker = servers.rabbitmq()
        self.write_program(
            "rabbitmqctl", sys.executable, RABBITMQCTL.format(root=ROOT, broker=broker.describe())
        )
        for name in ("mariadb", "mariadb-dump"):
            place = f"--host=127.0.0.1 --port={servers.mariadb().port} --user=root"
            self.write_program(name, "/bin/sh", f'exec /usr/bin/{name} {place} "$@"')
        place = f"--host=127.0.0.1 --port={servers.postgresql().port} --username=postgres"
        self.write_program("psql", "/bin/sh", f'exec /usr/bin/psql {place} "$@"')
        self.write_program("systemctl", "/bin/sh", SYSTEMCTL.format(file=f"{self.folder}/etc/valence.conf"))

    def write_program(self, name, interpreter, text):
        file = self.folder / "bin" / name
        file.write_text(f"#!{interpreter}\n{text}\n")
        file.chmod(0o755)

    def test_deployment_notifications_and_maintenance(self):
        for page in ("admin/deploy.rst", "notifications.rst", "admin/maintain.rst", "admin/stores.rst"):
            for step in console.steps((ROOT / "doc/source" / page).read_text()):
                self.shell.run(step)


class GuideTest(testscenarios.WithScenarios, base.TestCase):
    """The guide for database development, on every kind of database."""

    scenarios = databases.SCENARIOS
    time_limit = 120

    def test_a_model_is_added(self):
        folder = self.make_folder()
        for name in ("valence", "doc/source/examples"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        _, server, _ = databases.DATABASES[self.driver]
        instead = {r"\.venv/bin/": "", r"sqlite:///example\.db": server().new_database()}
        shell = self.useFixture(console.Console(folder, instead, path=[BIN]))
        shell.run(console.Step(0, "export PYTHONPATH=$PWD", ""))
        for step in console.steps((ROOT / "doc/source/contributor/db.rst").read_text()):
            shell.run(step)


class BuildTest(base.TestCase):
    def test_the_documentation_is_built_without_a_warning(self):
        folder = self.make_folder()
        options = ["-W", "-q", "-b", "html", "-d", f"{folder}/doctrees"]
        command = [BIN / "sphinx-build", *options, ROOT / "doc/source", f"{folder}/html"]
        done = subprocess.run(command, text=True, capture_output=True)
        self.assertEqual(0, done.returncode, done.stderr)

    def test_every_dependency_has_its_reason(self):
        reasons = (ROOT / "doc/source/contributor/dependencies.rst").read_text().lower()
        rows = [row for name in REQUIREMENTS for row in (ROOT / name).read_text().splitlines()]
        names = {re.match(r"[\w.-]+", row)[0].lower() for row in rows if row and not row.startswith("#")}
        self.assertEqual(set(), {name for name in names if f"**{name}**" not in reasons})

    def test_the_readme_is_plain_restructured_text(self):
        command = [sys.executable, "-m", "docutils", "--strict", "--writer=null", ROOT / "README.rst"]
        done = subprocess.run(command, text=True, capture_output=True)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
