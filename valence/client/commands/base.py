# SPDX-License-Identifier: Apache-2.0
"""What the commands have in common: lists, rows, waiting for operations, and options made of the fields of models."""

import abc
import argparse
import collections.abc
import contextlib
import difflib
import json
import logging
import re
import shutil
import typing

from cliff import columns
from cliff import command
from cliff import lister
from cliff import show

from valence.client import commands
from valence.client import terminal
from valence.client.commands import fields
from valence.db import models

if typing.TYPE_CHECKING:
    from valence.client import collection
    from valence.client import rack
    from valence.client import rows

LOG = logging.getLogger(__name__)
#: the columns and the values of one row, and those of a list
Shown = tuple[tuple[str, ...], tuple[typing.Any, ...]]
Listed = tuple[tuple[str, ...], collections.abc.Iterable[tuple[typing.Any, ...]]]


#: what to do where keystoneauth1 cannot sign in, or finds no Valence in the catalogue
SIGN_IN = "Check --os-auth-type with its options, clouds.yaml and the OS_* variables, or name Valence by --endpoint."
#: how alike a misspelt option and the one that is meant are
ALIKE = 0.75
#: columns of a terminal that the usual tables fit
WIDE = 120
#: arguments that no option has, in an error of argparse
_MISSING = "the following arguments are required: "
_UNKNOWN = re.compile(r"unrecognized arguments: (\S+)")


class Document(columns.FormattableColumn[typing.Any]):
    """A value that is a JSON object or array: compact JSON in a table, itself in JSON and YAML."""

    def human_readable(self) -> str:
        return terminal.escaped(json.dumps(self._value, ensure_ascii=False))


class Text(columns.FormattableColumn[str]):
    """Text with characters that a terminal must not get: escaped in a table, so that its columns fit; else itself."""

    def human_readable(self) -> str:
        return terminal.escaped(self._value)


#: device type -> the unit of its size
UNITS = {
    "Compute": "cores",
    "System": "cores",
    "Memory": "MiB",
    "Storage": "GiB",
    "Network": "Mbps",
    "Accelerator": "pieces",
}


class Size(columns.FormattableColumn[typing.Any]):
    """The size of a device: with its unit in a table, the number alone elsewhere."""

    def __init__(self, size: typing.Any, device_type: typing.Any) -> None:
        super().__init__(size)
        self._unit = UNITS.get(device_type, "")

    def human_readable(self) -> str:
        return f"{self._value} {self._unit}".strip()


class Command(command.Command):
    """A command of clients; ``subject`` names the collection it is about, ``example`` is what its help shows."""

    subject: str
    example = ""
    #: what commands begin with: ``valence``, or ``openstack rack``
    program = "valence"

    @property
    def rack(self) -> "rack.Rack":
        """The client."""
        client: rack.Rack = self.app.client_manager.rack  # type: ignore[attr-defined]
        return client

    @property
    def rows(self) -> "collection.Collection":
        """The collection that the command is about."""
        found: collection.Collection = getattr(self.rack, self.subject)
        return found

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        self.program = program(prog_name)
        parser.epilog = f"Example: {prog_name} {self.example}".rstrip()
        self.add_arguments(parser)
        return brief(parser)

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the arguments of the command."""

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; give a hint with errors of keystoneauth1, which have none."""
        from keystoneauth1 import exceptions  # noqa: PLC0415  --help needs no requests

        from valence.client import errors  # noqa: PLC0415

        terminal.guard(self.app)  # a program of others, such as openstack, has not done it
        try:
            return super().run(parsed_args)
        except errors.RackError:
            raise
        except exceptions.ClientException as error:
            raise errors.RackError(errors.cause(error), hint=SIGN_IN) from error


class List(Command, lister.Lister):
    """A command that lists rows of ``model``, with the fields ``columns`` unless others are wanted.

    ``empty`` is what a terminal shows where there are no rows: the commands that make some, after ``{program}``.
    ``narrow`` are the columns of a table on a terminal that is too narrow for all of them: cliff would break the UUIDs.
    """

    model: type[models.ModelBase]
    columns: tuple[str, ...]
    narrow: tuple[str, ...] = ()
    empty = ""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--long", action="store_true", help="Show all fields.")
        parser.add_argument("--sort", metavar="FIELD[:asc|desc],…", help="Order of the rows, by the server.")
        parser.add_argument("--limit", type=fields.positive, metavar="N", help="Most rows to show.")
        parser.add_argument("--marker", metavar="ID", help="Begin after this row.")
        add_property(parser, "VALUE may begin with in:, neq:, gt:, gte:, lt: or lte:.")

    def query(self, parsed: argparse.Namespace) -> dict[str, typing.Any]:
        """Return the parameters of the request."""
        names = {"sort": parsed.sort, "limit": parsed.limit, "marker": parsed.marker}
        return names | {"filters": parsed.property}

    def take_action(self, parsed: argparse.Namespace) -> Listed:
        wanted = tuple(parsed.columns) or (() if parsed.long else self._usual(parsed))
        found = list(self.rows.list(**self.query(parsed), fields=",".join(wanted) or None))
        if not found and self.app.stderr.isatty():
            self.app.stderr.write(self._nothing(parsed))
        names = wanted or tuple(
            dict.fromkeys([*self.model.public_fields(), *(name for row in found for name in row)])
        )
        return names, (tuple(self.cell(row, name) for name in names) for row in found)

    def _usual(self, parsed: argparse.Namespace) -> tuple[str, ...]:
        """Return the columns where the user wants none in particular."""
        return self.narrow if self.narrow and is_narrow(self.app.stdout, parsed) else self.columns

    def cell(self, row: "rows.Row", name: str) -> typing.Any:
        """Return the value of a column."""
        return shown(row.get(name))

    def _nothing(self, parsed: argparse.Namespace) -> str:
        """Return what is said where there are no rows."""
        if parsed.property or parsed.marker:
            return "Nothing here is so; without --property and --marker the list is whole.\n"
        kind = self.subject.replace("_", " ")
        return f"There are no {kind}. {self.empty.format(program=self.program)}".strip() + "\n"


class One(Command, show.ShowOne):
    """A command that shows one row."""

    def shown(self, row: collections.abc.Mapping[str, typing.Any], **more: typing.Any) -> Shown:
        """Return a row as cliff shows it, with ``more`` fields that are not None."""
        values = dict(row) | {name: value for name, value in more.items() if value is not None}
        return tuple(values), tuple(map(shown, values.values()))


class Show(One):
    """A command that shows a row by its name or UUID."""

    has_detail = False

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add_name(parser, self.subject)
        if self.has_detail:
            parser.add_argument("--detail", action="store_true", help="Show its live Redfish document, too.")

    def take_action(self, parsed: argparse.Namespace) -> Shown:
        options = {"detail": True} if self.has_detail and parsed.detail else {}
        return self.shown(self.rows.find(parsed.name, **options))


class Create(One):
    """A command that creates a row of ``model``."""

    model: type[models.ModelBase]

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        fields.add(parser, self.model, "create")
        add_key(parser)

    def take_action(self, parsed: argparse.Namespace) -> Shown:
        values = fields.values(parsed, self.model)
        return self.shown(self.rows.create(idempotency_key=parsed.idempotency_key, **values))


class Set(Command):
    """A command that changes fields of a row of ``model``."""

    model: type[models.ModelBase]

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add_name(parser, self.subject, "target")
        fields.add(parser, self.model, "update")
        add_if_match(parser)

    def take_action(self, parsed: argparse.Namespace) -> None:
        values = fields.values(parsed, self.model)
        if not values:
            raise ValueError("Nothing to set: name at least one field.")
        # By its identifier alone: the values do not depend on what was read, and conductors change rows, too.
        self.rows.update(self.rows.find(parsed.target).id, if_match=parsed.if_match, **values)


class Unset(Command):
    """A command that sets fields of a row of ``model`` back to their defaults."""

    model: type[models.ModelBase]

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add_name(parser, self.subject, "target")
        fields.add_flags(parser, self.model)
        add_if_match(parser)

    def take_action(self, parsed: argparse.Namespace) -> None:
        names = [name for name in self.model.fields if getattr(parsed, name, False)]
        if not names:
            raise ValueError("Nothing to unset: name at least one field.")
        self.rows.update(self.rows.find(parsed.target).id, if_match=parsed.if_match, **dict.fromkeys(names))


class Wait(Command):
    """A command that may wait for an operation."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--wait", action="store_true", help="Wait until the operation has ended.")
        add_timeout(parser)

    def end_of(self, operation: "rows.Row | str", parsed: argparse.Namespace) -> "rows.Row":
        """Return an operation that has succeeded, with its steps on a terminal meanwhile; raise OperationFailed."""
        with steps(self.app.stderr) as told:
            return self.rack.wait_for_operation(operation, timeout=parsed.timeout, progress=told)


class Operate(Wait, One):
    """A command that starts an operation and shows it."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add_name(parser, self.subject)
        super().add_arguments(parser)

    @abc.abstractmethod
    def start(self, parsed: argparse.Namespace) -> "rows.Row":
        """Start the operation and return it."""

    def take_action(self, parsed: argparse.Namespace) -> Shown:
        operation = self.start(parsed)
        return self.shown(self.end_of(operation, parsed) if parsed.wait else operation)


class Delete(Wait):
    """A command that removes rows."""

    has_force = False

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        kind = self.subject.removesuffix("s").replace("_", " ")
        parser.add_argument(
            "names", nargs="+", metavar="name", help=f"Name or UUID of the {kind}. Repeatable."
        )
        if self.has_force:
            parser.add_argument("--force", action="store_true", help="Do it even while work runs on it.")
        super().add_arguments(parser)

    def take_action(self, parsed: argparse.Namespace) -> int:
        from valence.client import errors  # noqa: PLC0415  --help needs no requests

        failures = 0
        for name in parsed.names:
            try:
                operation = self.delete(self.rows.find(name), parsed)
                if operation is not None and parsed.wait:
                    self.end_of(operation, parsed)
            except errors.RackError as error:
                LOG.error("%s: %s", name, error)
                failures += 1
        return 1 if failures else 0

    def delete(self, row: "rows.Row", parsed: argparse.Namespace) -> "rows.Row | None":
        """Remove a row; return the operation that does it, None if it is done."""
        return self.rows.delete(row, force=self.has_force and parsed.force)


def brief(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Return a parser that tells of wrong arguments in one line, without all of its options."""

    def error(message: str) -> typing.NoReturn:
        message = _with_choices(parser, message)
        unknown = _UNKNOWN.match(message)
        near = []
        if unknown:
            near = difflib.get_close_matches(unknown[1], parser._option_string_actions, 1, ALIKE)
        hint = f"Did you mean {near[0]}? " if near else ""
        text = message if message.endswith(".") else f"{message}."
        parser.exit(2, f"{parser.prog}: {text} {hint}Its options: {parser.prog} --help\n")

    parser.error = error  # type: ignore[method-assign]
    return parser


def _with_choices(parser: argparse.ArgumentParser, message: str) -> str:
    """Return an error about missing arguments with what they may be."""
    _, sign, names = message.partition(_MISSING)
    missing = names.split(", ") if sign else []
    known = [
        f"{action.dest} is one of {', '.join(action.choices)}"
        for action in parser._actions
        if action.choices and action.dest in missing
    ]
    return "; ".join([message, *known])


def program(prog_name: str) -> str:
    """Return what stands before a command: ``valence``, or ``openstack rack``."""
    words = prog_name.split()
    begin = next(
        (words[:-count] for count in (3, 2, 1) if " ".join(words[-count:]) in commands.COMMANDS), words[:1]
    )
    # There the commands about racks begin with the word once.
    return " ".join([*begin, "rack"] if begin == ["openstack"] else begin)


def is_narrow(stream: typing.Any, parsed: argparse.Namespace) -> bool:
    """Return whether a table is printed on a terminal that is too narrow for many columns."""
    return parsed.formatter == "table" and stream.isatty() and shutil.get_terminal_size().columns < WIDE


def listed(
    parsed: argparse.Namespace,
    columns: tuple[str, ...],
    rows: collections.abc.Sequence[collections.abc.Mapping[str, typing.Any]],
) -> Listed:
    """Return rows as cliff shows them: with the fields ``columns``, the wanted ones, or with --long all of them."""
    every = dict.fromkeys([*columns, *(name for row in rows for name in row)])
    names = tuple(parsed.columns) or (tuple(every) if parsed.long else columns)
    unknown = [name for name in names if name not in every]
    if rows and unknown:
        raise ValueError(f"There is no column {', '.join(unknown)}. There are: {', '.join(every)}.")
    return names, (tuple(shown(row.get(name)) for name in names) for row in rows)


def shown(value: typing.Any) -> typing.Any:
    """Return a value as a column."""
    if isinstance(value, str) and terminal.escaped(value) != value:
        return Text(value)
    return Document(value) if isinstance(value, dict | list) else value


def add_name(parser: argparse.ArgumentParser, collection: str, dest: str = "name") -> None:
    """Add the argument that names one row of a collection."""
    kind = collection.removesuffix("s").replace("_", " ")
    parser.add_argument(dest, metavar="name", help=f"Name or UUID of the {kind}.")


def add_property(parser: argparse.ArgumentParser, more: str = "") -> None:
    """Add the option that selects rows by the value of a field."""
    parser.add_argument(
        "--property",
        action="append",
        type=fields.pair,
        default=[],
        metavar="FIELD=VALUE",
        help=" ".join(["Show only rows with this value.", *([more] if more else []), "Repeatable."]),
    )


def add_key(parser: argparse.ArgumentParser) -> None:
    """Add the option by which a command is repeated."""
    parser.add_argument(
        "--idempotency-key",
        metavar="KEY",
        help="Repeat the command that had this key, so that it is done once; its error names the key.",
    )


def add_if_match(parser: argparse.ArgumentParser) -> None:
    """Add the option by which a change is refused if somebody else made one."""
    parser.add_argument(
        "--if-match",
        metavar="REVISION",
        help="Change nothing unless it still has this revision, as show prints it, or this ETag.",
    )


def add_timeout(parser: argparse.ArgumentParser) -> None:
    """Add the option that ends a wait."""
    parser.add_argument(
        "--timeout",
        type=fields.seconds,
        metavar="SECONDS",
        help="Longest time to wait; the operation goes on after it.",
    )


def operation_line(operation: "rows.Row") -> str:
    """Return what is shown of an operation that is waited for: its steps."""
    names = [f"{each['name']} {each['state']}" for each in operation["steps"]]
    return f"{operation['operation_kind']}: {', '.join(names) or operation['state']}"


@contextlib.contextmanager
def steps(
    stream: typing.Any, line: collections.abc.Callable[["rows.Row"], str] = operation_line
) -> collections.abc.Iterator[collections.abc.Callable[["rows.Row"], None]]:
    """Give a function that shows the ``line`` of what is waited for on a terminal, and nothing elsewhere."""
    if not stream.isatty():
        yield lambda row: None
        return
    from rich import console  # noqa: PLC0415  only waiting needs it
    from rich import progress  # noqa: PLC0415

    screen = console.Console(file=terminal.raw(stream))  # it moves the cursor
    parts = (
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}", markup=False),
        progress.TimeElapsedColumn(),
    )
    with progress.Progress(*parts, console=screen) as bar:
        task = bar.add_task("")
        yield lambda row: bar.update(task, description=terminal.escaped(line(row)))
