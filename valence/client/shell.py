# SPDX-License-Identifier: Apache-2.0
"""``valence``: the commands as a program of their own, which needs no configuration beside the demo."""

import difflib
import functools
import importlib.metadata
import io
import itertools
import logging
import sys
import typing
from collections import abc

from cliff import app
from cliff import commandmanager

from valence import client
from valence import version
from valence.client import commands
from valence.client import session
from valence.client import terminal
from valence.client.commands import base

if typing.TYPE_CHECKING:
    from valence.client import rack

NAME = "valence"
#: loggers of what clients are made of: they tell of the way, not of the result
QUIET = (
    "keystoneauth",
    "openstack",
    "os_client_config",
    "stevedore",
    "urllib3",
    "requests",
    "cliff",
    "asyncio",
)


class Commands(commandmanager.CommandManager):
    """The commands of the table, loaded when they run; no other package adds to them."""

    def load_commands(self, namespace: str) -> None:
        for name in commands.COMMANDS:
            self.commands[name] = importlib.metadata.EntryPoint(name, commands.entry_point(name), namespace)


class ClientManager:
    """What commands get their client from, as in ``openstack``."""

    def __init__(self, connect: abc.Callable[[], "rack.Rack"]) -> None:
        self._connect = connect

    @functools.cached_property
    def rack(self) -> "rack.Rack":
        """The client."""
        return self._connect()


class Shell(app.App):
    """The program."""

    def __init__(self, argv: abc.Sequence[str] = (), **streams: typing.Any) -> None:
        self._argv = argv
        description = f"Command line of Valence. Without options it speaks with the demo at {client.URL}."
        super().__init__(
            description, version.version_string(), Commands("valence.cli"), deferred_help=True, **streams
        )
        terminal.guard(self)

    def build_option_parser(self, *arguments: typing.Any, **keywords: typing.Any) -> typing.Any:
        parser = super().build_option_parser(*arguments, **keywords)
        parser.prog = NAME
        session.add_arguments(base.brief(parser), self._argv)
        return parser

    def configure_logging(self) -> None:
        super().configure_logging()
        is_verbose = self.options.verbose_level > 1 or self.options.debug
        for name in QUIET:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        logging.getLogger("keystoneauth").setLevel(logging.DEBUG if is_verbose else logging.ERROR)

    def run_subcommand(self, argv: list[str]) -> int:
        try:
            self.command_manager.find_command(argv)
        except ValueError:
            self.stderr.write(f"{NAME}: {self._unknown(argv)} All commands: {NAME} --help\n")
            return 2
        return super().run_subcommand(argv)

    def _unknown(self, argv: list[str]) -> str:
        """Return what is wrong with words that are no command."""
        if argv[0].startswith("-"):
            return f"There is no option {argv[0]} before a command."
        words = " ".join(itertools.takewhile(lambda word: not word.startswith("-"), argv))
        if below := [name for name in commands.COMMANDS if name.startswith(f"{words} ")]:
            return f"{words} alone is no command; there are: {', '.join(below)}."
        # Those of the same thing, first those that do the same to it: pod list is pod manager list.
        first, last = words.split()[0], words.split()[-1]
        same = [name for name in commands.COMMANDS if first in name.split()]
        near = [name for name in same if name.endswith(f" {last}")]
        near = near or difflib.get_close_matches(words, commands.COMMANDS)
        near = near or same or self.get_fuzzy_matches(argv[0])
        return f"There is no command {words}. Did you mean: {', '.join(near)}?"

    def initialize_app(self, argv: list[str]) -> None:
        self.client_manager = ClientManager(lambda: session.connect(self.options))


def main(argv: abc.Sequence[str] | None = None, **streams: typing.Any) -> int:
    """Run a command and return its exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    stdout = streams.get("stdout") or sys.stdout
    if isinstance(stdout, io.TextIOWrapper) and stdout.errors == "strict":
        # A name that the terminal's encoding does not have shall not end the command.
        stdout.reconfigure(errors="backslashreplace")
    shell = Shell(given, **streams)
    shell.NAME = NAME
    return shell.run(given or ["help"])
