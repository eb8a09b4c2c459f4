# SPDX-License-Identifier: Apache-2.0
"""Bodies of ``POST /v1/nodes/{node}/action``: exactly one action on the machine of a node.

``attach`` names a device or gives requirements, in the form that new nodes have too; ``detach`` names a device. Both
take the name ``resource_id`` of the first release, ``uuid`` of its documentation, and ``device_id``. ``erase`` may name
one in the same way. ``Reset`` and ``Boot`` are ``power`` and ``boot`` in the form of the first release, with the words
of Redfish.
"""

import typing

from valence.api.http import request_body
from valence.api.model import schemas
from valence.common import errors
from valence.composition import requirements
from valence.db import models
from valence.db import types
from valence.db.models.node import BOOT_ENABLED
from valence.db.models.node import BOOT_MODES
from valence.db.models.node import BOOT_TARGETS
from valence.db.models.node import POWER_ACTIONS

#: fields that name a device
NAMES = ("device_id", "resource_id", "uuid")
#: parts of requirements that can be added to a machine
PARTS = tuple(part for part in requirements.PARTS if part not in requirements.BASE)
_MEMBERS = (*NAMES, "power_off")
#: actions on devices, and those that have to name one, or what satisfies requirements
_OF_DEVICES, _NAMING = ("attach", "detach", "erase"), ("attach", "detach")


class _Action(models.ModelBase):
    """Exactly one action on the machine of a node."""

    path = "actions"
    fields = {
        "power": types.Choice(
            "What to do with the power; a machine may offer fewer.",
            POWER_ACTIONS,
            default=None,
        ),
    }


BOOT = {
    "type": "object",
    "description": "What the machine boots from: target, enabled and mode.",
    "properties": {
        "target": {
            "type": "string",
            "enum": list(BOOT_TARGETS),
            "description": "Where it boots from; none removes what was chosen before.",
        },
        "enabled": {
            "type": "string",
            "enum": list(BOOT_ENABLED),
            "description": "Whether for the next start alone, by default, or for all.",
        },
        "mode": {
            "type": ["string", "null"],
            "enum": [*BOOT_MODES, None],
            "description": "Firmware interface; null leaves it as it is.",
        },
    },
    "required": ["target"],
    "additionalProperties": False,
}
_NAMED = {
    name: {"type": "string", "format": "uuid", "description": "The device, one of GET /v1/devices."}
    for name in NAMES
}
_DEVICE = {
    **_NAMED,
    "power_off": {"type": "boolean", "description": "Switch the machine off first; it stays off."},
}
_PARTS = {name: schema for name, schema in requirements.schema()["properties"].items() if name in PARTS}
#: words of Redfish that are more than ours without the underscores
_WORDS = {"disk": "Hdd", "sd_card": "SDCard"}


def _redfish(names: typing.Iterable[str]) -> dict[str, str]:
    """Return the words of Redfish for names of ours, and the name of each."""
    return {_WORDS.get(name) or name.title().replace("_", ""): name for name in names}


#: ResetType, BootSourceOverrideTarget and BootSourceOverrideEnabled of Redfish -> what is said here
_RESETS, _TARGETS, _ENABLED = map(_redfish, (POWER_ACTIONS, BOOT_TARGETS, BOOT_ENABLED))
RESET = {
    "type": "object",
    "description": "The same as power, in the form of the first release.",
    "properties": {
        "Type": {"type": "string", "enum": list(_RESETS), "description": "ResetType of Redfish."},
    },
    "required": ["Type"],
    "additionalProperties": False,
}
ORIGINAL_BOOT = {
    "type": "object",
    "description": "The same as boot, in the form of the first release.",
    "properties": {
        "Target": {"type": "string", "enum": list(_TARGETS), "description": "Where it boots from."},
        "Enabled": {
            "type": "string",
            "enum": list(_ENABLED),
            "description": "Whether for the next start alone, by default, or for all.",
        },
    },
    "required": ["Target"],
    "additionalProperties": False,
}
ATTACH = {
    "type": "object",
    "description": "What the machine gets: one device by its uuid, or what satisfies requirements.",
    "properties": _DEVICE,
    "additionalProperties": False,
}
DETACH = ATTACH | {
    "description": "The device that the machine loses, by its uuid.",
    "properties": _DEVICE
    | {
        "erase": {
            "type": "boolean",
            "description": "Erase a storage device before it is free, also where the site's default is not to.",
        }
    },
}
ERASE = ATTACH | {
    "description": "The storage device whose drives are erased; all of them if none is named. The machine stays off.",
    "properties": _NAMED,
}

#: reads bodies without the requirements in them, which are read by themselves
_ACTION = schemas.Validator(
    _Action,
    "create",
    {
        "boot": BOOT,
        "attach": ATTACH,
        "detach": DETACH,
        "erase": ERASE,
        "Reset": RESET,
        "Boot": ORIGINAL_BOOT,
    },
)
SCHEMA = _ACTION.schema | {
    "properties": _ACTION.schema["properties"]
    | {"attach": ATTACH | {"properties": _DEVICE | _PARTS}, "detach": DETACH, "erase": ERASE}
}


def wanted(document: typing.Any, max_depth: int) -> dict[str, typing.Any]:
    """Return the one action of a body, with the defaults of what it leaves out.

    Raise ValidationFailed with all problems.
    """
    problems: list[errors.Problem] = []
    rest, parts = _separated(document)
    needed = _collect(lambda: requirements.normal(parts, "$.attach", parts=PARTS), problems)
    values = _collect(lambda: _ACTION.values(rest, max_depth), problems)
    given = {name: value for name, value in values.items() if value is not None}
    if problems := problems or _choices(given, needed):
        raise errors.ValidationFailed(problems=problems[: request_body.MOST_PROBLEMS])
    ((name, value),) = given.items()
    name, value = _translated(name, value)
    if name == "boot":
        value = boot(value)
    if name in _OF_DEVICES:
        value = {key: each.lower() if key in NAMES else each for key, each in value.items()} | needed
    return {name: value}


def boot(given: dict[str, typing.Any]) -> dict[str, typing.Any]:
    """Return what a machine boots from, with the defaults of what a body leaves out."""
    chosen = {"enabled": "once", "mode": None} | given
    return chosen | ({"enabled": "disabled"} if chosen["target"] == "none" else {})


def _translated(name: str, value: typing.Any) -> tuple[str, typing.Any]:
    """Return an action with its value; ``Reset`` and ``Boot`` in the words that are used here."""
    if name == "Reset":
        return "power", _RESETS[value["Type"]]
    if name == "Boot":
        enabled = {"enabled": _ENABLED[value["Enabled"]]} if "Enabled" in value else {}
        return "boot", {"target": _TARGETS[value["Target"]]} | enabled
    return name, value


def names_device(action: dict[str, typing.Any]) -> bool:
    """Return whether an action adds a device that the client chose."""
    return any(name in action.get("attach", {}) for name in NAMES)


def _separated(document: typing.Any) -> tuple[typing.Any, dict[str, typing.Any]]:
    """Return a body without the requirements in it, and those."""
    attach = document.get("attach") if isinstance(document, dict) else None
    if not isinstance(attach, dict):
        return document, {}
    parts = {name: value for name, value in attach.items() if name not in _MEMBERS}
    return document | {"attach": {name: attach[name] for name in _MEMBERS if name in attach}}, parts


def _collect(
    read: typing.Callable[[], dict[str, typing.Any]], problems: list[errors.Problem]
) -> dict[str, typing.Any]:
    """Return what is read; where it is wrong, add its problems and return nothing."""
    try:
        return read()
    except errors.ValidationFailed as error:
        problems.extend(error.problems)
        return {}


def _choices(given: dict[str, typing.Any], needed: dict[str, typing.Any]) -> list[errors.Problem]:
    """Return what is wrong with the number of actions, and of the ways to say what one of them is about."""
    if len(given) != 1:
        hint = f"Give exactly one of: {', '.join(sorted(_ACTION.schema['properties']))}."
        return [{"path": "$", "detail": f"It has {len(given)} actions, not one.", "hint": hint}]
    ((action, value),) = given.items()
    if action not in _OF_DEVICES:
        return []
    has = [name for name in NAMES if name in value]
    has += ["requirements"] if action == "attach" and needed else []
    if len(has) == 1 or (not has and action not in _NAMING):
        return []
    ways = (*NAMES, *(["requirements"] if action == "attach" else []))
    detail = f"It gives {' and '.join(has)}." if has else "It names no device."
    return [{"path": f"$.{action}", "detail": detail, "hint": f"Give exactly one of: {', '.join(ways)}."}]
