# SPDX-License-Identifier: Apache-2.0
"""A real Keystone on SQLite, from PyPI, in a virtual environment of its own."""

import json
import os
import pathlib
import urllib.error
import urllib.request

from tests import environment
from tests.servers import server

REQUIREMENTS = pathlib.Path(__file__).parents[1] / "data" / "keystone" / "requirements.txt"
PASSWORD = "secret"
REPOSITORIES = ("fernet_tokens", "fernet_receipts", "credential")
DATABASE = """\
[database]
connection = sqlite:///{folder}/keystone.db
[cache]
enabled = true
backend = dogpile.cache.memory
[identity]
password_hash_rounds = 4
"""
REPOSITORY = """\
[{name}]
key_repository = {folder}/{name}
"""
# Commands of keystone-manage, forked one after the other: the import takes most of the CPU time of each.
MANAGE = """\
import json, os, sys
from keystone.cmd import manage
for command in json.loads(sys.argv.pop()):
    if not (pid := os.fork()):
        sys.argv = ["keystone-manage", *command]
        sys.exit(manage.main())
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        sys.exit(status)
"""
# Keystone parses the arguments of the process that imports it, so that these must be gone by then.
SERVE = """\
import sys
from werkzeug import serving
from keystone.server import wsgi
port = int(sys.argv.pop())
serving.run_simple("127.0.0.1", port, wsgi.initialize_public_application(), threaded=True)
"""


def install():
    """Return the folder of the commands; the first call installs them."""
    return environment.install("keystone", REQUIREMENTS)


class Keystone(server.Server):
    """Has the user ``admin`` with PASSWORD, an administrator, and the catalog that ``keystone-manage`` makes."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/v3"

    def prepare(self):
        texts = [DATABASE.format(folder=self.folder)]
        for name in REPOSITORIES:
            (self.folder / name).mkdir(mode=0o700)
            texts.append(REPOSITORY.format(name=name, folder=self.folder))
        self._file.write_text("".join(texts))
        own = ("--keystone-user", self.run_as(), "--keystone-group", self.run_as())
        bootstrap = (
            *("bootstrap", "--bootstrap-password", PASSWORD, "--bootstrap-region-id", "RegionOne"),
            *("--bootstrap-public-url", self.url, "--bootstrap-internal-url", self.url),
        )
        self._manage(("db_sync",), ("fernet_setup", *own), bootstrap)

    def spawn(self):
        variables = os.environ | {"OS_KEYSTONE_CONFIG_FILES": str(self._file)}
        self.spawn_process(install() / "python", "-W", "ignore", "-c", SERVE, self.port, env=variables)

    def is_ready(self):
        try:
            return urllib.request.urlopen(self.url, timeout=5).status == 200
        except (urllib.error.URLError, OSError):
            return False

    @property
    def _file(self):
        return self.folder / "keystone.conf"

    def _manage(self, *commands):
        lines = [("--config-file", str(self._file), *command) for command in commands]
        self.execute(install() / "python", "-W", "ignore", "-c", MANAGE, json.dumps(lines))
