# SPDX-License-Identifier: Apache-2.0
"""Writes what a Valence has as a file that ``valence apply`` reads."""

import collections
import typing
from collections import abc

import yaml

from valence.client import rows
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


def write(api: "racks.Rack", names: abc.Collection[str] = tuple(sections.SECTIONS)) -> Exported:
    """Return the file of a Valence, with the sections ``names``."""
    exporter = _Exporter(api)
    found = {name: exporter.section(section) for name, section in sections.SECTIONS.items() if name in names}
    body = yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=110)
    return Exported(HEADER + body, exporter.omissions)


class _Exporter:
    """Exports one Valence."""

    def __init__(self, api: "racks.Rack") -> None:
        self._api = api
        self.omissions: list[str] = []
        #: names of the flavors by UUID, once they were needed
        self._flavors: dict[str, str] | None = None

    def section(self, section: sections.Section) -> list[dict[str, typing.Any]]:
        """Return the entries of a section, by name."""
        found = [
            row
            for row in getattr(self._api, section.name).list(sort="name:asc")
            if row.get("goal") != "absent" and row.get("status") != "deleted"
        ]
        counts = collections.Counter(row.name for row in found)
        for name, count in counts.items():
            if count > 1:
                self.omissions.append(
                    f"{count} {section.name} have the name {name}, and a file finds them by name. Rename them."
                )
        return [self._entry(section, row) for row in found if counts[row.name] == 1]

    def _entry(self, section: sections.Section, row: rows.Row) -> dict[str, typing.Any]:
        values = {
            name: row[name]
            for name, field in section.fields.items()
            if name in row
            and not isinstance(field, types.Secret)
            and (field.required or row[name] != field.initial())
        }
        return values | (self._of_node(row) if section.name == "nodes" else {})

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
        return {}
