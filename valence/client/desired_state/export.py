# SPDX-License-Identifier: Apache-2.0
"""Writes what a Valence has as a file that ``valence apply`` reads."""

import collections
import typing
from collections import abc

import yaml

from valence.client import rows
from valence.client import terminal
from valence.client.desired_state import sections
from valence.db import types

if typing.TYPE_CHECKING:
    from valence.client import rack as racks

HEADER = """\
# Written by valence export. Passwords are not in it: before you apply it elsewhere, add to each pod manager
#   password: {file: PATH}
# or {env: VARIABLE}.
"""


class Exported(typing.NamedTuple):
    """The text of a file, and what it does not have, as sentences."""

    text: str
    omissions: list[str]


def write(
    api: "racks.Rack",
    names: abc.Collection[str] = tuple(sections.SECTIONS),
    *,
    is_ascii: bool = False,
) -> Exported:
    """Return the file of a Valence, with the sections ``names``; with ``is_ascii`` it escapes other characters."""
    exporter = _Exporter(api)
    found = {name: exporter.section(section) for name, section in sections.SECTIONS.items() if name in names}
    body = yaml.safe_dump(found, sort_keys=False, allow_unicode=not is_ascii, width=110)
    if terminal.escaped(body) != body:
        # YAML prints marks of direction as they are, which a terminal must not get.
        body = yaml.safe_dump(found, sort_keys=False, width=110)
    return Exported(HEADER + body, exporter.omissions)


class _Exporter:
    """Exports one Valence."""

    def __init__(self, api: "racks.Rack") -> None:
        self._api = api
        self.omissions: list[str] = []
        #: names of the flavors by UUID, once they were needed
        self._flavors: dict[str, str] | None = None

    def section(self, section: sections.Section) -> list[dict[str, typing.Any]]:
        """Return the entries of a section, by name or what else they are found by."""
        found = [
            row
            for row in getattr(self._api, section.name).list(sort=f"{section.key}:asc")
            if row.get("goal") != "absent" and row.get("status") != "deleted"
        ]
        counts = collections.Counter(row[section.key] for row in found)
        for name, count in counts.items():
            if count > 1:
                self.omissions.append(
                    f"{count} {section.name} have the name {name}, and a file finds them by name. Rename them."
                )
        entries = (self._entry(section, row) for row in found if counts[row[section.key]] == 1)
        return [entry for entry in entries if entry is not None]

    def _entry(self, section: sections.Section, row: rows.Row) -> dict[str, typing.Any] | None:
        """Return the entry of a row; None, and an omission, for a node whose machine cannot be described."""
        values = {
            name: row[name]
            for name, field in section.fields.items()
            if name in row
            and not isinstance(field, types.Secret)
            and (field.required or row[name] != field.initial())
        }
        if section.name != "nodes":
            return values
        if selection := self._of_node(row):
            return values | selection
        self.omissions.append(
            f"The node {row.name} has no devices, flavor or requirements that say which machine it is. "
            "Write its entry yourself."
        )
        return None

    def _of_node(self, row: rows.Row) -> dict[str, typing.Any]:
        """Return what selects the machine of a node; where its devices came from is not required of the next ones."""
        if self._flavors is None:
            found = self._api.flavors.list(fields="uuid,name")
            self._flavors = {flavor.id: flavor.name for flavor in found}
        if row["flavor_id"] in self._flavors:
            return {"flavor": self._flavors[row["flavor_id"]]}
        if row["requirements"]:
            return {"properties": row["requirements"]}
        if row["kind"] == "system" and row["resource_id"]:
            return {"system": row["resource_id"]}
        # Without any selection, a file requests any free machine, which this node may not be.
        devices = (
            []
            if row["kind"] == "system"
            else sorted(each["device_id"] for each in self._api.nodes.devices(row))
        )
        return {"devices": devices} if devices else {}
