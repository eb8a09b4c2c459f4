# SPDX-License-Identifier: Apache-2.0
"""The real Freezer, in an environment of its own: it needs versions that Valence is not tested with."""

import os
import pathlib
import subprocess

import fixtures

from tests import deployment
from tests import environment
from tests import identity
from tests import process
from tests import programs
from tests import stores

REQUIREMENTS = pathlib.Path(__file__).parent / "data" / "freezer" / "requirements.txt"
PROJECT = "6f1d0a8e2c5b4d7f9a3e1c0b8d6f4a2e"
PEOPLE = (
    identity.User("alice", PROJECT, ("member",)),
    identity.User("bob", "other-project", ("member",)),
    identity.User("root", "admin-project", ("admin",)),
    identity.User("valence", "service", ("service",)),
)


def install():
    """Return the folder of Freezer's commands; the first call installs them."""
    return environment.install("freezer", REQUIREMENTS)


class Command(process.Process):
    """A command of Freezer that runs on, with an environment of its own."""

    def __init__(self, program, *arguments, folder, environment):
        super().__init__(program, *arguments, folder=folder)
        variables = [f"{name}={value}" for name, value in environment.items()]
        self.command = ["env", *variables, str(install() / program), *map(str, arguments)]


class Site(fixtures.Fixture):
    """Valence with a Keystone that knows alice, a member, and root, an administrator; ``url`` is the backup API."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def _setUp(self):
        self.identity = self.useFixture(identity.Identity(*PEOPLE))
        file = self.folder / "valence.conf"
        signed_in = self.identity.environment("valence")
        options = {name.removeprefix("OS_").lower(): value for name, value in signed_in.items()}
        del options["identity_api_version"]
        lines = [f"{name} = {value}" for name, value in options.items()]
        lines += [f"www_authenticate_uri = {self.identity.url}"]
        lines += [f"[database]\nconnection = {url}" for url in (stores.new_database(),) if url]
        file.write_text("\n".join([*HEAD, *lines, ""]))
        self.valence = self.useFixture(deployment.AllInOne(self.folder, "--config-file", file))
        self.url = f"{self.valence.client.url}/backup"
        self.identity.catalog["backup"] = self.url

    def environment(self, name):
        """Return the variables by which a user works with Freezer's commands."""
        path = os.pathsep.join(map(str, (*programs.folders(install()), os.environ["PATH"])))
        home = {"PATH": path, "HOME": str(self.folder), "OS_BACKUP_URL": self.url}
        return self.identity.environment(name) | home

    def run(self, program, *arguments, user="alice", expected=0, environment=None):
        """Run a command of Freezer to its end and return what it printed."""
        done = subprocess.run(
            [programs.find(install() / program), *map(str, arguments)],
            env=self.environment(user) | (environment or {}),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode != expected:
            raise AssertionError(f"{program} {arguments}: {done.returncode}\n{done.stdout[-8000:]}")
        return done.stdout


HEAD = ("[DEFAULT]", "auth_strategy = keystone", "[keystone_authtoken]", "auth_type = password")
