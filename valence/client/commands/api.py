# SPDX-License-Identifier: Apache-2.0
"""The command that explains error codes, from a copy of the catalogue of errors: no server is needed for it."""

import argparse
import difflib
import importlib.resources
import json
import typing

from valence.client.commands import base

PREFIX = "valence."
#: file of this package with status, title, message and hint of each code, written from the errors of the server
CATALOGUE = "error_codes.json"


class ExplainCode(base.One):
    """Explain the code of an error: what happened, and what to do"""

    example = "valence.revision_mismatch"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("code", help=f"Code of an error; the {PREFIX} in front may be left out.")

    def take_action(self, parsed: argparse.Namespace) -> base.Shown:
        known, name = catalogue(), parsed.code.removeprefix(PREFIX)
        if PREFIX + name not in known:
            raise ValueError(f"There is no error code {parsed.code}. {_hint(name, [*known])}")
        return self.shown({"code": PREFIX + name} | known[PREFIX + name])


def catalogue() -> dict[str, dict[str, typing.Any]]:
    """Return status, title, message and hint of each code; <…> stands for what an error fills in."""
    text = importlib.resources.files(__package__).joinpath(CATALOGUE).read_text()
    found: dict[str, dict[str, typing.Any]] = json.loads(text)
    return found


def _hint(name: str, codes: list[str]) -> str:
    near = difflib.get_close_matches(name, [code.removeprefix(PREFIX) for code in codes], n=1)
    if near:
        return f"Did you mean {PREFIX}{near[0]}?"
    return f"The codes are: {', '.join(codes)}."
