# SPDX-License-Identifier: Apache-2.0
"""Commands for files that say what a Valence shall have."""

import argparse
import json
import logging
import pathlib
import sys
import typing

from valence.client.commands import base

if typing.TYPE_CHECKING:
    from valence.client import rows
    from valence.client.desired_state import plan

LOG = logging.getLogger(__name__)
#: what a step is shown with
_MARKS = {"create": "+", "change": "~", "refuse": "!"}


class Apply(base.Command):
    """Create and change what a file says, by name; nothing is deleted"""

    example = "--file site.yaml --dry-run"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "-f",
            "--file",
            required=True,
            metavar="FILE",
            help="YAML file with pod_managers, flavors, quotas and nodes; - is standard input.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Only show what differs; change nothing.")
        parser.add_argument(
            "--json", action="store_true", help="Print what differs as JSON, a line for each step."
        )
        base.add_timeout(parser)

    def take_action(self, parsed: argparse.Namespace) -> int:
        from valence.client.desired_state import document  # noqa: PLC0415  --help needs no YAML
        from valence.client.desired_state import execution  # noqa: PLC0415
        from valence.client.desired_state import plan  # noqa: PLC0415

        try:
            steps = plan.make(self.rack, document.read(_text(parsed.file)))
        except document.Invalid as error:
            for problem in error.problems:
                LOG.error("%s: %s", parsed.file, problem)
            return 1
        if not parsed.json:
            self.app.stdout.writelines(map(_shown, steps))
        if parsed.dry_run:
            failures = {
                number: step.why for number, step in enumerate(steps) if step.action is plan.Action.REFUSE
            }
        else:
            self.app.stdout.flush()
            failures = execution.run(self.rack, steps, lambda operation: self._end_of(operation, parsed))
        if parsed.json:
            self.app.stdout.writelines(
                _document(step, failures.get(number)) for number, step in enumerate(steps)
            )
        for number, why in failures.items():
            LOG.error("%s %s: %s", steps[number].entry.section.kind, steps[number].entry.name, why)
        return 1 if failures else 0

    def _end_of(self, operation: str, parsed: argparse.Namespace) -> "rows.Row":
        with base.steps(self.app.stderr) as told:
            return self.rack.wait_for_operation(operation, timeout=parsed.timeout, progress=told)


class Export(base.Command):
    """Print pod managers, flavors, quotas and nodes as a file for apply, without passwords"""

    example = "--only flavors"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        from valence.client.desired_state import sections  # noqa: PLC0415  a command that is not run needs none

        parser.add_argument(
            "--only",
            action="append",
            choices=tuple(sections.SECTIONS),
            help="Print only this section. Repeatable.",
        )

    def take_action(self, parsed: argparse.Namespace) -> int:
        from valence.client.desired_state import export  # noqa: PLC0415  --help needs no YAML

        encoding = (getattr(self.app.stdout, "encoding", None) or "utf-8").lower()
        wanted = {"names": parsed.only} if parsed.only else {}
        exported = export.write(self.rack, is_ascii=not encoding.startswith("utf"), **wanted)
        self.app.stdout.write(exported.text)
        for omission in exported.omissions:
            LOG.error("%s", omission)
        return 1 if exported.omissions else 0


def _text(file: str) -> str:
    if file == "-":
        return sys.stdin.read()
    try:
        return pathlib.Path(file).read_text()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ValueError(f"The file {file} cannot be read: {reason}. Name a YAML file.") from None


def _shown(step: "plan.Step") -> str:
    """Return a step as text: what it is about, then a line for each field that differs."""
    lines = [f"{_MARKS[step.action]} {step.entry.section.kind} {step.entry.name}"]
    for each in step.differences:
        wanted = _value(each.wanted)
        is_new = step.action == "create"
        lines.append(f"    {each.field}: {wanted if is_new else f'{_value(each.actual)} -> {wanted}'}")
    return "\n".join([*lines, ""])


def _value(value: typing.Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _document(step: "plan.Step", error: str | None) -> str:
    """Return a step as a line of JSON; ``error`` says why it was not done."""
    values = {
        "action": str(step.action),
        "kind": step.entry.section.kind,
        "name": step.entry.name,
        "differences": [
            {"field": each.field, "actual": each.actual, "wanted": each.wanted} for each in step.differences
        ],
        "error": error,
    }
    return json.dumps(values) + "\n"
