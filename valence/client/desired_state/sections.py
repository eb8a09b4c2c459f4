# SPDX-License-Identifier: Apache-2.0
"""What a file may say: its sections, and the fields of their entries, which are those of the models."""

import dataclasses
import json
import re
import typing
import uuid
from collections import abc

from valence.db import models
from valence.db import types
from valence.db.models import flavor
from valence.db.models import node
from valence.db.models import quota


@dataclasses.dataclass(frozen=True)
class Section:
    """One section: ``name`` in the file and in the client, and the fields that an entry may have.

    ``ways`` are fields of which an entry has at most one. ``once`` are those that the creation alone uses, and that are
    not compared afterwards. ``alone`` is a way, and the fields that an entry with it cannot have. ``key`` is the field
    that an entry is found by.
    """

    name: str
    fields: abc.Mapping[str, types.Field]
    ways: tuple[str, ...] = ()
    once: tuple[str, ...] = ()
    alone: tuple[str, tuple[str, ...]] = ("", ())
    key: str = "name"

    @property
    def kind(self) -> str:
        """What an entry is about, such as ``pod manager``."""
        return self.name.removesuffix("s").replace("_", " ")


def _written(model: type[models.ModelBase], *verbs: str) -> dict[str, types.Field]:
    return {name: field for name, field in model.fields.items() if field.write in ("always", *verbs)}


class Limits(types.JSON):
    """Limits by resource; null is the limit of the site."""


def _optional(doc: str) -> types.Text:
    return types.Text(doc, min=1, default=None)


#: what selects the machine of a node: at most one of them, and any machine without them
_WAYS: dict[str, types.Field] = {
    "system": _optional("Name or UUID of the system that is adopted as it stands."),
    "flavor": _optional("Name or UUID of the flavor that it is made by."),
    "properties": types.JSON("What it needs.", default=None),
    "devices": types.JSON("UUIDs of exactly these devices.", json_type="array", default=None),
}
_ONCE: dict[str, types.Field] = {
    "zone": types.UUID("Zone that its devices come from.", default=None),
    "policy": types.Choice("How devices are chosen.", flavor.POLICIES, default=None),
    "boot": types.Choice("Where it boots from the first time.", node.BOOT_TARGETS, default=None),
    "power": types.Choice("What to do with its power once it is there.", node.POWER_ACTIONS, default=None),
}
_PLACE = {"pod_manager": _optional("Name or UUID of the pod manager that its devices come from.")}

#: the sections in the order in which their entries are created
SECTIONS = {
    section.name: section
    for section in (
        Section("pod_managers", _written(models.PodManager, "create")),
        Section("flavors", _written(models.Flavor, "create")),
        Section(
            "quotas",
            {"project_id": models.Quota.fields["project_id"], "limits": Limits("Its limits.")},
            key="project_id",
        ),
        Section(
            "nodes",
            _written(models.Node, "create") | _WAYS | _PLACE | _ONCE,
            ways=tuple(_WAYS),
            once=tuple(_ONCE),
            alone=("system", (*_PLACE, *_ONCE)),
        ),
    )
}

#: a URL with user information, even if a slash in the password hides the end of it
_SCHEME = "[a-z][a-z0-9+.-]*://"
_CREDENTIALS = re.compile(
    rf"(?:{_SCHEME}|(?!{_SCHEME}))(?:[^/?#]*@|[^/?#\[\]@:]*:(?!\d+(?:[/?#]|$)).*@)", re.IGNORECASE
)


def fault(field: types.Field, value: object) -> str | None:
    """Return what is wrong with a value of a field, as a sentence with what to do; None if nothing is."""
    if value is None:
        return "It is missing." if field.required else None
    return next((check(field, value) for kind, check in _FAULTS if isinstance(field, kind)), None)


def _choice_fault(field: types.Choice, value: object) -> str | None:
    if value in field.choices:
        return None
    text = f"It must be one of {', '.join(field.choices)}."
    return f"YAML reads it as true or false; put it in quotes. {text}" if isinstance(value, bool) else text


def _json_fault(field: types.JSON, value: object) -> str | None:
    kind, name = (list, "a list") if field.json_type == "array" else (dict, "a mapping")
    if not isinstance(value, kind):
        return f"It must be {name}."
    if value == []:
        return "It must not be empty; leave it out, or name a device."
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        return (
            f"It has a value that JSON cannot have; put dates and the like in quotes. The reason is: {error}."
        )
    return None


def _limits_fault(_field: Limits, value: object) -> str | None:
    if not isinstance(value, dict):
        return "It must be a mapping of resources to limits."
    if unknown := [str(name) for name in value if name not in quota.RESOURCES]:
        return f"It has {', '.join(unknown)}. Use {', '.join(quota.RESOURCES)}."
    for name, limit in value.items():
        is_whole = isinstance(limit, int) and not isinstance(limit, bool)
        if limit is not None and not (is_whole and limit >= quota.NO_LIMIT):
            return f"{name} must be a whole number, -1 for no limit, or null for the limit of the site."
    return None


def _text_fault(field: types.Text, value: object) -> str | None:
    if not isinstance(value, str):
        return "It must be text; put it in quotes."
    try:
        value.encode()
    except UnicodeEncodeError:
        return "It has a character that is none, a half of a surrogate pair; remove it."
    if not field.min <= len(value) <= field.max:
        return f"It must have {field.min} to {field.max} characters; it has {len(value)}."
    if field.format == "uuid":
        try:
            uuid.UUID(value)
        except ValueError:
            return "It must be a UUID."
    if field.format == "uri" and _CREDENTIALS.match(value):
        return "It contains credentials; give them in the fields username and password."
    return None


#: kind of a field -> what returns the fault of a value; the first that fits
_FAULTS: tuple[tuple[type[types.Field], abc.Callable[[typing.Any, object], str | None]], ...] = (
    (types.Choice, _choice_fault),
    (types.Text, _text_fault),
    (Limits, _limits_fault),
    (types.JSON, _json_fault),
    (types.Boolean, lambda _, value: None if isinstance(value, bool) else "It must be true or false."),
)
