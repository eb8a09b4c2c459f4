# SPDX-License-Identifier: Apache-2.0
"""The command line in the test's process: what it prints, its exit code, and an API that answers what a test says."""

import io
import json
import logging
import threading
import typing

import fixtures

from tests.unit.client import server
from valence.client import shell


class Printed(typing.NamedTuple):
    """What a command ended with."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """The document that was printed."""
        return json.loads(self.out)


class QuietServers(fixtures.Fixture):
    """Lets only the thread of the test log: servers in the same process shall not print with the commands."""

    def _setUp(self):
        mine, call_handlers = threading.get_ident(), logging.Logger.callHandlers

        def call_mine(logger, record):
            if record.thread == mine:
                call_handlers(logger, record)

        self.useFixture(fixtures.MonkeyPatch("logging.Logger.callHandlers", call_mine))


class Terminal(io.StringIO):
    """What a command prints to, as if somebody looked at it."""

    def isatty(self):
        return True


class Console(fixtures.Fixture):
    """Runs commands; ``answers`` are those of the API, without any the commands find one themselves."""

    #: what commands print to
    stream = io.StringIO

    def __init__(self, *answers):
        super().__init__()
        self.server = server.Server(*answers) if answers else None

    def _setUp(self):
        root = logging.getLogger()
        self.addCleanup(setattr, root, "handlers", root.handlers[:])
        self.addCleanup(root.setLevel, root.level)
        for name in shell.QUIET:
            logger = logging.getLogger(name)
            self.addCleanup(logger.setLevel, logger.level)
        for name in ("OS_CLOUD", "OS_AUTH_TYPE", "OS_AUTH_PLUGIN", "OS_AUTH_URL", "VALENCE_ENDPOINT"):
            self.useFixture(fixtures.EnvironmentVariable(name))
        if self.server:
            self.useFixture(fixtures.MonkeyPatch("valence.client.session.connect", self._connect))

    def _connect(self, options):
        return self.server.client()

    def run(self, *argv):
        """Run a command and return what it Printed."""
        root, out, err = logging.getLogger(), self.stream(), self.stream()
        before = root.handlers[:]
        out_stream, err_stream = (
            fixtures.MonkeyPatch("sys.stdout", out),
            fixtures.MonkeyPatch("sys.stderr", err),
        )
        with out_stream, err_stream:
            try:
                code = shell.main(argv, stdout=out, stderr=err)
            except SystemExit as error:
                code = error.code
            finally:
                root.handlers = before
        return Printed(code, out.getvalue(), err.getvalue())
