# SPDX-License-Identifier: Apache-2.0
"""Compares a file with what a Valence has, and says what to do; nothing is changed here."""

import dataclasses
import enum
import typing
from collections import abc

from valence.client import collection as collections
from valence.client import errors
from valence.client import rows
from valence.client.desired_state import comparison
from valence.client.desired_state import document
from valence.db import types
from valence.db.models import node

if typing.TYPE_CHECKING:
    from valence.client import rack as racks

#: fields of a pod manager with which its password goes along: another user, or another place, has another one
_ACCESS = ("url", "username")
#: field of a node's entry -> the collection that it names a row of, and the field of a node that has its UUID
REFERENCES = {
    "system": ("systems", "resource_id"),
    "flavor": ("flavors", "flavor_id"),
    "pod_manager": ("pod_managers", "podm_id"),
}
FIXED = (
    "It is fixed when the {kind} is created. Correct the file, or delete the {kind} and apply the file again."
)

FAILED = "The node is in the state error."
REPAIR = "Retry its operation (operation retry), or delete the node and apply the file again."


class Action(enum.StrEnum):
    """What is to be done."""

    CREATE = "create"
    CHANGE = "change"
    #: it differs, and Valence cannot change it
    REFUSE = "refuse"


@dataclasses.dataclass(frozen=True)
class Difference:
    """A field that differs; ``actual`` is None for a new row."""

    field: str
    actual: typing.Any
    wanted: typing.Any


@dataclasses.dataclass
class Step:
    """What to do for one entry; ``values`` are those to send, with secrets, ``key`` identifies an existing row.

    ``why`` says why it is refused.
    """

    action: Action
    entry: document.Entry
    differences: list[Difference]
    values: dict[str, typing.Any] = dataclasses.field(default_factory=dict)
    key: str | None = None
    why: str = ""


def make(api: "racks.Rack", entries: abc.Sequence[document.Entry]) -> list[Step]:
    """Return the steps in their order; raise document.Invalid with all references that lead nowhere."""
    planner = _Planner(api, entries)
    steps = [step for entry in entries for step in planner.steps(entry)]
    if planner.problems:
        raise document.Invalid(planner.problems)
    return steps


class _Planner:
    """Plans for one file."""

    def __init__(self, api: "racks.Rack", entries: abc.Sequence[document.Entry]) -> None:
        self._api = api
        self.problems: list[str] = []
        self._keys: dict[tuple[str, str], str | None] = {}
        self._errors: dict[tuple[str, str], errors.RackError] = {}
        #: whether the file has a pod manager whose hardware nobody knows yet
        self._is_hardware_new = False
        self._new = {(entry.section.name, entry.name) for entry in entries}

    def steps(self, entry: document.Entry) -> abc.Iterator[Step]:
        """Yield the steps of one entry."""
        if entry.section.name == "quotas":
            yield from self._of_quota(entry)
            return
        found = self._found(entry)
        if entry.section.name == "nodes":
            self._check_references(entry)
        if len(found) > 1:
            uuids = ", ".join(row.id for row in found)
            why = f"Several {entry.section.name} have its name: {uuids}. Give them different names."
            yield Step(Action.REFUSE, entry, [], why=why)
        elif not found:
            yield self._creation(entry)
        else:
            yield from self._changes(entry, found[0])

    def _of_quota(self, entry: document.Entry) -> abc.Iterator[Step]:
        """Yield the change of a quota, which each project has; limits that the entry does not name stay."""
        actual = self._api.quotas.get(entry.name)["limits"]
        wanted = entry.values.get("limits") or {}
        changed = {name: limit for name, limit in wanted.items() if actual.get(name) != limit}
        if changed:
            differences = [Difference(name, actual.get(name), limit) for name, limit in changed.items()]
            yield Step(Action.CHANGE, entry, differences, changed, entry.name)

    def _found(self, entry: document.Entry) -> list[rows.Row]:
        """Return the rows with the name of an entry, without what is being removed."""
        collection = getattr(self._api, entry.section.name)
        found = collection.list(name=f"eq:{entry.name}", limit=5)
        return [row for row in found if row.get("goal") != "absent" and row.get("status") != "deleted"]

    def _creation(self, entry: document.Entry) -> Step:
        self._is_hardware_new = self._is_hardware_new or entry.section.name == "pod_managers"
        given = {name: value for name, value in entry.values.items() if value is not None}
        differences = [
            Difference(name, None, value if isinstance(value, str | bool | int | dict | list) else str(value))
            for name, value in given.items()
            if name != "name"
        ]
        values = self._with_secrets(entry, given)
        for name, field in entry.section.fields.items():
            # A user whose password is forgotten would be refused by the pod manager, again and again.
            if isinstance(field, types.Secret) and given.get("username") and name not in given:
                where = "Say where it is: {file: PATH} or {env: VARIABLE}."
                self.problems.append(
                    entry.problem(name, f"It is missing, and the {entry.section.kind} is new. {where}")
                )
        return Step(Action.CREATE, entry, differences, values)

    def _changes(self, entry: document.Entry, row: rows.Row) -> abc.Iterator[Step]:
        changed: list[Difference] = []
        fixed: list[Difference] = []
        for name, wanted in entry.values.items():
            field = entry.section.fields[name]
            if isinstance(field, types.Secret) or name == "name" or name in entry.section.once:
                continue
            if entry.section.name == "nodes" and name not in row:
                fixed += [] if wanted is None else self._of_node(name, wanted, row)
                continue
            value = field.initial() if wanted is None else wanted
            if not comparison.is_same(field, value, row.get(name)):
                kind = changed if field.write == "always" else fixed
                kind.append(Difference(name, row.get(name), value))
        if changed:
            values = {each.field: each.wanted for each in changed}
            if not values.keys().isdisjoint(_ACCESS):
                secrets = {
                    name: value for name, value in entry.values.items() if isinstance(value, document.Secret)
                }
                values |= self._with_secrets(entry, secrets)
            yield Step(Action.CHANGE, entry, changed, values, row.id)
        if fixed:
            yield Step(Action.REFUSE, entry, fixed, why=FIXED.format(kind=entry.section.kind))
        if entry.section.name == "nodes" and row.get("state") == node.ERROR:
            yield Step(Action.REFUSE, entry, [], why=f"{FAILED} {row.get('error') or ''} {REPAIR}")

    def _of_node(self, name: str, wanted: typing.Any, row: rows.Row) -> list[Difference]:
        """Return how a node differs in one field that it was requested with."""
        actual: typing.Any
        if name == "properties":
            actual = row["requirements"]
            is_same = comparison.is_same(types.JSON(), wanted, actual)
        elif name == "devices":
            actual = sorted(each["device_id"] for each in self._api.nodes.devices(row))
            is_same = actual == sorted(str(each).lower() for each in wanted)
        else:
            collection, field = REFERENCES[name]
            actual, key = row[field], self._key(collection, wanted)
            is_same = key is not None and key == actual
        return [] if is_same else [Difference(name, actual, wanted)]

    def _check_references(self, entry: document.Entry) -> None:
        """Note what a node refers to and what neither the file nor Valence has."""
        for name, (collection, _) in REFERENCES.items():
            wanted = entry.values.get(name)
            # The API takes what looks like a UUID for one, even if it is the name of a new row.
            is_new = (collection, wanted) in self._new and not collections.is_uuid(str(wanted))
            may_come = is_new or (name == "system" and self._is_hardware_new)
            if wanted is not None and not may_come:
                self._key(collection, wanted)
                if error := self._errors.get((collection, wanted)):
                    self.problems.append(entry.problem(name, str(error)))

    def _key(self, collection: str, wanted: str) -> str | None:
        """Return the UUID of what has a name, None if nothing has; ask for each name once."""
        place = (collection, wanted)
        if place not in self._keys:
            try:
                self._keys[place] = getattr(self._api, collection).find(wanted).id
            except (errors.NotFound, errors.Ambiguous) as error:
                self._keys[place], self._errors[place] = None, error
        return self._keys[place]

    def _with_secrets(
        self, entry: document.Entry, values: abc.Mapping[str, typing.Any]
    ) -> dict[str, typing.Any]:
        """Return values with the secrets that they refer to; note those that cannot be read."""
        result = dict(values)
        for name, value in values.items():
            if isinstance(value, document.Secret):
                try:
                    result[name] = value.read()
                except ValueError as error:
                    self.problems.append(entry.problem(name, str(error)))
        return result
