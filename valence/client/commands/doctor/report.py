# SPDX-License-Identifier: Apache-2.0
"""What the doctor found: findings by severity, and documents for the archive of a bug report."""

import shlex
import typing

from valence.client.commands.doctor import checks


class Finding(typing.NamedTuple):
    """A fault: what was found, why that is one or how it came, and the command that mends it."""

    severity: str
    check: str
    found: str
    reason: str
    command: str


class Report:
    """Findings, and ``documents`` by file name; ``secrets`` are texts that must not be in an archive."""

    def __init__(self) -> None:
        self._findings: dict[tuple[str, str], Finding] = {}
        self.documents: dict[str, typing.Any] = {}
        self.secrets: set[str] = set()
        #: what was checked, in words
        self.checked: list[str] = []

    def add(
        self, check: str, found: str, reason: str = "", *, severity: str | None = None, **names: typing.Any
    ) -> None:
        """Add what a check of ``CHECKS`` found; ``names`` are those in its command. A repetition is ignored."""
        known = checks.CHECKS[check]
        quoted = {
            name: value if name == "command" else shlex.quote(str(value)) for name, value in names.items()
        }
        command = known.command.format(**quoted)
        finding = Finding(severity or known.severity, check, found, reason, command)
        self._findings.setdefault((check, found), finding)

    def has(self, check: str) -> bool:
        """Return whether a check found something."""
        return any(name == check for name, _ in self._findings)

    @property
    def findings(self) -> list[Finding]:
        """The findings, the worst first."""
        order = [*checks.SEVERITIES]
        return sorted(self._findings.values(), key=lambda each: order.index(each.severity))

    @property
    def exit_code(self) -> int:
        """2 with an error, 1 with a warning, else 0."""
        return max((checks.SEVERITIES[each.severity] for each in self.findings), default=0)
