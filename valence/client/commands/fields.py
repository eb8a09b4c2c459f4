# SPDX-License-Identifier: Apache-2.0
"""Options of the command line made of the fields of models, so that no field is named twice."""

import argparse
import getpass
import json
import math
import pathlib
import sys
import typing

from valence.db import models
from valence.db import types


def add(parser: argparse.ArgumentParser, model: type[models.ModelBase], verb: str) -> None:
    """Add an option for each field that may be written by "create" or "update"; a new row's name is an argument."""
    for name, field in model.fields.items():
        if not _is_written(field, verb):
            continue
        option, is_new, text = f"--{name.replace('_', '-')}", verb == "create", _help(field)
        if name == "name" and is_new:
            parser.add_argument("name", help=text)
        elif isinstance(field, types.Secret):
            parser.add_argument(
                f"{option}-file",
                metavar="FILE",
                help=f"{text} Its first line is read; - is standard input.",
            )
            parser.add_argument(f"{option}-prompt", action="store_true", help=f"{text} It is asked for.")
        elif isinstance(field, types.Boolean):
            parser.add_argument(option, action=argparse.BooleanOptionalAction, help=text)
        else:
            parser.add_argument(
                option,
                required=is_new and field.required,
                type=_reader(field),
                choices=getattr(field, "choices", None),
                metavar=None if isinstance(field, types.Choice) else name.upper(),
                help=text,
            )


def add_flags(parser: argparse.ArgumentParser, model: type[models.ModelBase]) -> None:
    """Add a flag for each field that can be set back to its default."""
    for name, field in model.fields.items():
        if _is_written(field, "update") and not field.required:
            parser.add_argument(
                f"--{name.replace('_', '-')}", action="store_true", help=f"Unset: {_help(field)}"
            )


def values(parsed: argparse.Namespace, model: type[models.ModelBase]) -> dict[str, typing.Any]:
    """Return the given values by field."""
    found = {name: getattr(parsed, name, None) for name in model.fields}
    for name, field in model.fields.items():
        if isinstance(field, types.Secret):
            found[name] = secret(
                getattr(parsed, f"{name}_file", None), getattr(parsed, f"{name}_prompt", False), name
            )
    return {name: value for name, value in found.items() if value is not None}


def secret(file: str | None, is_prompted: bool, name: str) -> str | None:
    """Return a secret from a file, from standard input or from the terminal, None if it is not given."""
    if is_prompted:
        return getpass.getpass(f"{name}: ")
    if file is None:
        return None
    try:
        text = sys.stdin.read() if file == "-" else pathlib.Path(file).read_text()
    except (OSError, UnicodeDecodeError) as error:
        hint = "Name a file whose first line it is, or - for standard input."
        raise ValueError(f"The file of the {name} cannot be read: {error}. {hint}") from None
    return text.partition("\n")[0].removesuffix("\r")


def positive(text: str) -> int:
    """Return a number from 1 on."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on.")
    return int(text)


def seconds(text: str) -> float:
    """Return a number of seconds from 0 on."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not found >= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 on.")
    return found


def pair(text: str) -> tuple[str, str]:
    """Return the name and the value of ``name=value``."""
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not FIELD=VALUE.")
    return name, value


def document(text: str) -> typing.Any:
    """Return a JSON value, or that in the file after an @."""
    try:
        return json.loads(pathlib.Path(text[1:]).read_text() if text.startswith("@") else text)
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"It is not JSON, nor @FILE with JSON: {error}.") from None


def _is_written(field: types.Field, verb: str) -> bool:
    return field.write in ("always", verb)


def _help(field: types.Field) -> str:
    """Return what a field is for, as argparse takes it."""
    return field.doc.replace("%", "%%")


def _reader(field: types.Field) -> typing.Callable[[str], typing.Any]:
    if isinstance(field, types.JSON):
        return document
    return int if isinstance(field, types.Integer) else str
