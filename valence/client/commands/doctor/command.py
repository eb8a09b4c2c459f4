# SPDX-License-Identifier: Apache-2.0
"""``valence doctor``: what is wrong with a site, and how to mend it."""

import argparse
import contextlib
import importlib.metadata
import logging
import os
import typing
from collections import abc

from cliff import lister

from valence.client.commands import base

if typing.TYPE_CHECKING:
    from valence.client.commands.doctor import report as reports

LOG = logging.getLogger(__name__)
#: exit code where the archive could not be written
FAILED = 2
#: entry points of the checks of a host, and what installs the packages that they need
HOST, PACKAGE = "valence.doctor", "valence[server]"
EPILOG = """\
On a host with a configuration file of Valence, this checks configuration, keys, files, database, broker and what the
database has. With --endpoint or a cloud, and on other hosts, it checks the API and what it shows; with --config-file
as well, both.

valence doctor                                                this host, or the demo where it has no configuration
valence doctor --config-file /etc/valence/valence.conf        a host with this configuration
valence --os-cloud mine doctor -f json                        an API, from any host
valence doctor --bundle report.tar.gz                         an archive for the report of a bug

Exit code: 0 without errors and warnings, 1 with warnings, 2 with errors.
"""


class Doctor(base.Command, lister.Lister):
    """Look for faults of a site, and show the commands that mend them"""

    subject, example = "conductors", "-f json"
    columns = ("severity", "check", "found", "reason", "command")
    exit_code = 0

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.epilog = f"{parser.epilog}\n\n{EPILOG}"
        return parser

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--config-file",
            action="append",
            default=[],
            metavar="FILE",
            help="Configuration file of this host; by default those of the services. Repeatable.",
        )
        parser.add_argument(
            "--config-dir",
            action="append",
            default=[],
            metavar="FOLDER",
            help="Folder of configuration files, whose names end in .conf. Repeatable.",
        )
        parser.add_argument(
            "--bundle",
            metavar="FILE",
            help="Write an archive (tar.gz) for the report of a bug: findings, versions, configuration, conductors, "
            "and the last operations and events, without secrets.",
        )

    def take_action(self, parsed: argparse.Namespace) -> base.Listed:
        from valence.client.commands.doctor import bundle  # noqa: PLC0415  other commands need none of these
        from valence.client.commands.doctor import report as reports  # noqa: PLC0415

        report = reports.Report()
        is_named = self._names_api()
        if not is_named or parsed.config_file or parsed.config_dir:
            _examine_host(report, parsed)
        if is_named or not report.checked:
            self._examine_api(report, parsed)
        if parsed.bundle:
            report.secrets |= self._secrets()
            try:
                bundle.write(parsed.bundle, report)
            except OSError as error:
                LOG.error(
                    "The archive %s cannot be written: %s. Choose another file.",
                    parsed.bundle,
                    error.strerror,
                )
                self.exit_code = FAILED
        self._summarize(report)
        self.exit_code = max(self.exit_code, report.exit_code)
        return self.columns, [tuple(getattr(each, name) for name in self.columns) for each in report.findings]

    def run(self, parsed: argparse.Namespace) -> int:
        super().run(parsed)
        return self.exit_code

    def _names_api(self) -> bool:
        """Return whether an API is named; ``openstack`` always names a cloud."""
        options: typing.Any = self.app.options
        if not hasattr(options, "os_cloud"):
            return True
        return bool(options.endpoint or options.os_cloud or options.os_auth_type)

    def _examine_api(self, report: "reports.Report", parsed: argparse.Namespace) -> None:
        from valence.client import errors  # noqa: PLC0415  --help needs no requests
        from valence.client.commands.doctor import api  # noqa: PLC0415

        try:
            client = self.rack
        except (
            Exception
        ) as error:  # openstacksdk and plug-ins have errors of their own; the findings are kept
            reason = errors.masked(" ".join(str(error).split())) or type(error).__name__
            report.add("api.credentials", "No session could be made.", reason)
            return
        api.examine(report, client, recent=bool(parsed.bundle))

    def _secrets(self) -> set[str]:
        """Return the secrets of this command line and its environment."""
        options = vars(self.app.options)
        values = [
            value
            for name, value in options.items()
            if "password" in name or "token" in name or "secret" in name
        ]
        values += [value for name, value in os.environ.items() if name.startswith("OS_") and "PASS" in name]
        return {value for value in values if isinstance(value, str) and len(value) > 3}

    def _summarize(self, report: "reports.Report") -> None:
        stream = self.app.stderr
        if stream.isatty():
            number = len(report.findings)
            stream.write(f"Checked: {'; '.join(report.checked) or 'nothing'}. Findings: {number}.\n")


def _examine_host(report: "reports.Report", parsed: argparse.Namespace) -> None:
    """Run the checks of this host, if the packages of the server are here."""
    try:
        with _silence():
            for point in importlib.metadata.entry_points(group=HOST):
                point.load()(report, parsed.config_file, parsed.config_dir, recent=bool(parsed.bundle))
    # The package of the server's commands ends a program that imports it where the server is not installed.
    except (ModuleNotFoundError, SystemExit) as error:
        if parsed.config_file or parsed.config_dir or os.path.exists("/etc/valence"):
            found = "This host was not checked: the packages of the server are not installed."
            report.add("host.packages", found, str(error), package=PACKAGE)


@contextlib.contextmanager
def _silence() -> abc.Iterator[None]:
    """Log nothing: a broker that is away, say, is a finding, and the libraries log it as well."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
