# SPDX-License-Identifier: Apache-2.0
"""What pip installs into empty virtual environments: the client alone, and a server with an extra."""

import pathlib
import shutil
import subprocess
import sys
import venv
from importlib import metadata

import fixtures
from packaging import requirements

from tests import base
from tests import environment
from tests import live

ROOT = pathlib.Path(__file__).parents[2]
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
CONSTRAINTS = ("--constraint", str(ROOT / "constraints.txt"))


def run(*command):
    """Return what a command did; it has ten minutes, for a slow package index."""
    return subprocess.run(list(map(str, command)), text=True, capture_output=True, timeout=600)


def wants(requirement, extra):
    """Tell whether an installation with one extra needs a requirement."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


class InstallationTest(base.TestCase):
    time_limit = 900

    def setUp(self):
        super().setUp()
        # So that neither the settings of this process nor a clouds.yaml reach the commands.
        self.useFixture(fixtures.EnvironmentVariable("PYTHONPATH"))
        self.useFixture(fixtures.EnvironmentVariable("HOME", str(self.make_folder())))

    def source(self):
        """Return a copy of the source, as in an archive: a build writes into its folder."""
        folder = self.make_folder() / "valence"
        without = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "doc", "tests", "*.egg-info")
        shutil.copytree(ROOT, folder, ignore=without)
        self.useFixture(fixtures.EnvironmentVariable("PBR_VERSION", "1.0.0"))
        return folder

    def make(self, *arguments):
        """Run a command that has to succeed; return what it printed."""
        done = run(*arguments)
        self.assertEqual(0, done.returncode, f"{arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def test_a_client_and_then_a_server(self):
        wheels, home = self.make_folder(), self.make_folder() / "environment"
        self.make(*PIP, "wheel", "--no-deps", "--wheel-dir", wheels, self.source())
        (wheel,) = wheels.iterdir()
        venv.create(home)

        # Nobody uses them long: compiling the modules would take half of the time.
        self.make(*PIP, "--python", home / "bin/python", "install", "--no-compile", *CONSTRAINTS, wheel)
        packages = environment.packages(home)
        have = environment.names(metadata.distributions(path=[str(packages)]))
        self.assertEqual(set(), environment.OF_SERVERS & have)
        self.assert_client_works(home / "bin")

        # As pip would: downloads of what is here already would take as long as all the rest.
        (mine,) = metadata.distributions(name="valence", path=[str(packages)])
        required = [each for each in map(requirements.Requirement, mine.requires) if wants(each, "server")]
        environment.link(packages, environment.needed(required))
        folder = self.make_folder()
        file = folder / "valence.conf"
        file.write_text(f"[database]\nconnection = sqlite:///{folder}/valence.db\n")
        self.make(home / "bin/valence-manage", "--config-file", file, "db", "upgrade")
        for name in ("all-in-one", "api", "conductor", "status"):
            self.make(home / f"bin/valence-{name}", "--help")

    def assert_client_works(self, folder):
        site = self.useFixture(live.Site(systems=2))
        site.register()
        listed = self.make(
            *(folder / "valence", "--endpoint", site.client.url, "pod", "manager", "list"),
            *("-f", "value", "-c", "name"),
        )
        self.assertEqual("pod\n", listed)
        doctor = self.make(
            *(folder / "valence", "--endpoint", site.client.url, "doctor", "--config-file", "valence.conf"),
            *("-f", "value", "-c", "severity", "-c", "check"),
        )
        self.assertEqual("note host.packages\n", doctor)
        library = "from valence import client; print(next(client.connect({!r}).pod_managers()).name)"
        self.assertEqual("pod\n", self.make(folder / "python", "-c", library.format(site.client.url)))
        # It reads a file of the package.
        self.make(folder / "valence", "api", "explain", "valence.not_found")
        refused = run(folder / "valence-api", "--help")
        self.assertEqual((1, 1), (refused.returncode, refused.stderr.count("\n")), refused.stderr)
        self.assertIn("pip install 'valence[server]'", refused.stderr)
