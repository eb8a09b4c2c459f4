# SPDX-License-Identifier: Apache-2.0
"""What can be changed through Redfish: sessions, power, properties of a system, subscriptions.

An action takes ``(service, body, *ids)`` and returns ``(status, path or None, headers)``: the answer's body
is the document at this path.
"""

import re

from valence.simulator import errors
from valence.simulator import power
from valence.simulator import redfish
from valence.simulator.documents import systems

SESSIONS = f"{redfish.ROOT}/SessionService/Sessions"
SUBSCRIPTIONS = f"{redfish.ROOT}/EventService/Subscriptions"
SYSTEM = f"{redfish.ROOT}/Systems/([^/]+)"

BOOT_CHOICES = {
    "BootSourceOverrideTarget": systems.BOOT_TARGETS,
    "BootSourceOverrideEnabled": systems.BOOT_ENABLED,
    "BootSourceOverrideMode": systems.BOOT_MODES,
}
WRITABLE = {
    "AssetTag": ("asset_tag", str),
    "LocationIndicatorActive": ("indicator", bool),
    "Boot": ("boot", dict),
}


def sign_in(service, body):
    session = service.sessions.create(body.get("UserName"), body.get("Password"))
    path = f"{SESSIONS}/{session.id}"
    return 201, path, {"X-Auth-Token": session.token, "Location": path}


def sign_out(service, body, session_id):
    service.sessions.delete(session_id)
    return 204, None, {}


def subscribe(service, body):
    path = f"{SUBSCRIPTIONS}/{service.subscriptions.create(body)}"
    return 201, path, {"Location": path}


def unsubscribe(service, body, subscription_id):
    service.subscriptions.delete(subscription_id)
    return 204, None, {}


def reset(service, body, system_id):
    reset_type = body.get("ResetType")
    if reset_type is None:
        raise errors.bad_request(
            "ActionParameterMissing", "The action ComputerSystem.Reset requires ResetType."
        )
    if reset_type not in power.RESET_TYPES:
        raise errors.bad_request(
            "ActionParameterValueNotInList", f"{reset_type!r} is no ResetType of this system."
        )
    try:
        service.power.reset(service.pod.systems[system_id], reset_type)
    except ValueError as error:
        raise errors.RedfishError(409, "ActionNotSupported", str(error)) from error
    return 204, None, {}


def patch_system(service, body, system_id):
    system = service.pod.systems[system_id]
    values = {}
    for name, value in body.items():
        field, kind = _writable(service, system_id, name)
        if not isinstance(value, kind):
            raise errors.bad_request("PropertyValueTypeError", f"{name} has a value of the wrong type.")
        values[field] = _boot(system, value) if field == "boot" else value
    service.pod.set_values(system_id, **values)
    return 200, f"{redfish.ROOT}/Systems/{system_id}", {}


def _writable(service, system_id, name):
    if name in WRITABLE:
        return WRITABLE[name]
    if name in systems.system(service.pod, system_id):
        raise errors.bad_request("PropertyNotWritable", f"The property {name} is read-only.")
    raise errors.bad_request("PropertyUnknown", f"The property {name} is not known.")


def _boot(system, wanted):
    for name, value in wanted.items():
        if name not in BOOT_CHOICES:
            raise errors.bad_request("PropertyNotWritable", f"The property Boot/{name} cannot be written.")
        if value not in BOOT_CHOICES[name]:
            raise errors.bad_request("PropertyValueNotInList", f"{value!r} is no {name}.")
    return {**system.boot, **wanted}


ACTIONS = tuple(
    (method, re.compile(path), action)
    for method, path, action in (
        ("POST", SESSIONS, sign_in),
        ("DELETE", f"{SESSIONS}/([^/]+)", sign_out),
        ("POST", SUBSCRIPTIONS, subscribe),
        ("DELETE", f"{SUBSCRIPTIONS}/([^/]+)", unsubscribe),
        ("POST", f"{SYSTEM}/Actions/ComputerSystem.Reset", reset),
        ("PATCH", SYSTEM, patch_system),
    )
)


def find(method, path):
    """Return the action for a request and the ids in its path, or (None, ())."""
    for name, rule, action in ACTIONS:
        match = rule.fullmatch(path) if name == method else None
        if match:
            return action, match.groups()
    return None, ()


def methods(path):
    """Return the methods that change something at ``path``."""
    return [name for name, rule, _ in ACTIONS if rule.fullmatch(path)]
