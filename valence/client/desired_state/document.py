# SPDX-License-Identifier: Apache-2.0
"""Reads a file: checks all of it, and names the line of each problem."""

import dataclasses
import difflib
import os
import pathlib
import typing
from collections import abc

import yaml

from valence.client.desired_state import sections
from valence.db import types

#: largest file, in bytes
LARGEST = 10 * 2**20


@dataclasses.dataclass(frozen=True)
class Secret:
    """Where a secret is: ``kind`` is file or env."""

    kind: str
    place: str

    def read(self) -> str:
        """Return the secret, the first line of a file; raise ValueError with a sentence."""
        if self.kind == "env":
            if self.place not in os.environ:
                raise ValueError(f"The environment has no variable {self.place}; set it.")
            return os.environ[self.place]
        try:
            return pathlib.Path(self.place).read_text().partition("\n")[0].removesuffix("\r")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ValueError(f"The file {self.place} cannot be read: {reason}.") from None

    def __str__(self) -> str:
        return f"({self.kind} {self.place})"


@dataclasses.dataclass(frozen=True)
class Entry:
    """One entry of a section; ``place`` says where it is in the file, ``lines`` has those of its fields."""

    section: sections.Section
    values: abc.Mapping[str, typing.Any]
    place: str
    lines: abc.Mapping[str, int]

    @property
    def name(self) -> str:
        """Its name, or what else it is found by."""
        return str(self.values[self.section.key])

    def problem(self, field: str, text: str) -> str:
        """Return a problem of one field with its place."""
        line = self.lines.get(field, self.lines[""])
        return f"line {line}: {self.place}.{field}: {text}"


class Invalid(ValueError):
    """A file with problems; each is one line."""

    def __init__(self, problems: abc.Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


def read(text: str) -> list[Entry]:
    """Return the entries of a file in the order of their creation; raise Invalid with all problems."""
    reader = _Reader()
    entries = reader.read(text)
    if reader.problems:
        raise Invalid([problem for _, problem in sorted(reader.problems, key=lambda each: each[0])])
    return entries


class _Reader:
    """Reads one file and collects its problems with their lines."""

    def __init__(self) -> None:
        self.problems: list[tuple[int, str]] = []
        self._lines: dict[tuple[str | int, ...], int] = {}

    def read(self, text: str) -> list[Entry]:
        values = self._parsed(text)
        if values is None and not self.problems:
            return []
        if not isinstance(values, dict):
            if not self.problems:
                self._note((), f"The file must have sections: {', '.join(sections.SECTIONS)}.")
            return []
        for name in values:
            if name not in sections.SECTIONS:
                self._note((name,), _unknown("section", name, sections.SECTIONS))
        return [entry for section in sections.SECTIONS.values() for entry in self._section(section, values)]

    def _parsed(self, text: str) -> typing.Any:
        """Return the values of a YAML document, after the lines of all of them were noted."""
        if len(text) > LARGEST:
            self._note((), f"The file has more than {LARGEST >> 20} MiB.")
            return None
        loader = None
        try:
            loader = yaml.SafeLoader(text)
            node = loader.get_single_node()
            self._locate(node, (), set())
            return None if node is None else loader.construct_document(node)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            mark, position = getattr(error, "problem_mark", None), getattr(error, "position", 0)
            self._lines[()] = (mark.line if mark else text.count("\n", 0, position)) + 1
            reason = getattr(error, "problem", None) or getattr(error, "reason", None) or error
            self._note((), f"It is not YAML: {reason}.")
            return None
        finally:
            if loader:
                loader.dispose()

    def _locate(self, node: yaml.Node | None, path: tuple[str | int, ...], seen: set[int]) -> None:
        """Note the lines of a node and of what is in it; a key that comes twice is a problem."""
        if node is None or id(node) in seen:
            return
        seen.add(id(node))
        self._lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            known = set()
            for key, value in node.value:
                place = (*path, str(key.value))
                self._lines[place] = key.start_mark.line + 1
                if place in known:
                    self._note(place, "It comes twice; leave one out.")
                known.add(place)
                self._locate(value, place, seen)
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                self._locate(value, (*path, number), seen)

    def _section(
        self, section: sections.Section, document: abc.Mapping[str, typing.Any]
    ) -> abc.Iterator[Entry]:
        items = document.get(section.name)
        if items is None:
            return
        if not isinstance(items, list):
            self._note((section.name,), "It must be a list.")
            return
        names: dict[str, int] = {}
        for number, item in enumerate(items):
            path = (section.name, number)
            if not isinstance(item, dict):
                self._note(path, "It must be a mapping of fields to values.")
                continue
            self._check(section, item, path)
            key = section.key
            name, what = item.get(key), "name" if key == "name" else key.removesuffix("_id")
            if isinstance(name, str) and name in names:
                self._note((*path, key), f"Line {names[name]} has the {what} {name}, too.")
            elif isinstance(name, str):
                names[name] = self._line((*path, key))
            values = {
                key: _secret(value) if isinstance(section.fields.get(key), types.Secret) else value
                for key, value in item.items()
            }
            lines = {str(key): self._line((*path, str(key))) for key in item} | {"": self._line(path)}
            yield Entry(section, values, f"{section.name}[{number}]", lines)

    def _check(
        self, section: sections.Section, item: abc.Mapping[str, typing.Any], path: tuple[str | int, ...]
    ) -> None:
        for name in item:
            if name not in section.fields:
                self._note((*path, str(name)), _unknown("field", name, section.fields))
        for name, field in section.fields.items():
            value = item.get(name)
            if isinstance(field, types.Secret):
                text = _secret_fault(value) if name in item else None
            else:
                text = sections.fault(field, value)
            if text:
                self._note((*path, name), text)
        given = [name for name in section.ways if item.get(name) is not None]
        if len(given) > 1:
            self._note((*path, given[1]), f"It is given together with {given[0]}; give one of them.")
        way, others = section.alone
        for name in others if item.get(way) is not None else ():
            if item.get(name) is not None:
                self._note(
                    (*path, name),
                    f"It is given together with {way}, which is taken as it stands; leave it out.",
                )

    def _line(self, path: tuple[str | int, ...]) -> int:
        """Return the line of a path, or of what it is missing in."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def _note(self, path: tuple[str | int, ...], text: str) -> None:
        place = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in path).lstrip(".")
        line = self._line(path)
        self.problems.append((line, f"line {line}: {place}: {text}" if place else f"line {line}: {text}"))


def _unknown(kind: str, name: object, known: abc.Iterable[str]) -> str:
    """Return that a name is unknown, with what may be meant."""
    near = difflib.get_close_matches(str(name), known, 1)
    hint = f"Did you mean {near[0]}?" if near else f"Use one of {', '.join(known)}."
    return f"There is no such {kind}. {hint}"


def _secret(value: typing.Any) -> typing.Any:
    """Return where a secret is."""
    if not isinstance(value, dict) or len(value) != 1:
        return value
    ((kind, place),) = value.items()
    return Secret(str(kind), str(place))


def _secret_fault(value: typing.Any) -> str | None:
    if value is None:
        return None
    if (
        isinstance(value, dict)
        and len(value) == 1
        and next(iter(value)) in ("file", "env")
        and isinstance(next(iter(value.values())), str)
    ):
        return None
    return "It must say where the secret is: {file: PATH} or {env: VARIABLE}; never write the secret itself here."
