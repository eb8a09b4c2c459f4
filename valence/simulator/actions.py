# SPDX-License-Identifier: Apache-2.0
"""What can be changed through Redfish: sessions, power, properties of a system, subscriptions.

An action takes ``(service, body, *ids)`` and returns ``(status, path or None, headers)``: the answer's body
is the document at this path.

What a reset does to the power of a system, step by step.
"""

import re

from valence.simulator import redfish
from valence.simulator.composition import actions as composition
from valence.simulator.composition import allocation
from valence.simulator.composition import manifest
from valence.simulator.documents import composed
from valence.simulator.documents import systems
from valence.simulator.storage import erasing

OFF = ("PoweringOff", "Off")
ON = ("PoweringOn", "On")
RESTART = ("PoweringOff", "PoweringOn", "On")
CYCLE = (*OFF, *ON)

STEPS = {
    "On": ON,
    "ForceOn": ON,
    "ForceOff": OFF,
    "GracefulShutdown": OFF,
    "GracefulRestart": RESTART,
    "ForceRestart": RESTART,
    "PowerCycle": CYCLE,
    "PushPowerButton": None,  # depends on the state
    "Nmi": (),
}
RESET_TYPES = tuple(STEPS)
STATES = ("On", "Off")


class Power:
    """Changes the power of the systems of ``pod`` within ``seconds``.

    ``call_later(seconds, function, *arguments)`` is how time passes.
    """

    def __init__(self, pod, seconds, call_later):
        self._pod = pod
        self._seconds = seconds
        self._call_later = call_later

    def reset(self, system, reset_type):
        """Begin a reset (a ``ResetType`` of ComputerSystem); ValueError where the state does not allow it."""
        steps = STEPS[reset_type]
        if steps is None:
            steps = OFF if system.power == "On" else ON
        if steps in (RESTART, CYCLE) and system.power == "Off":
            raise ValueError(f"{reset_type} needs a system that is on")
        if not steps or (steps in (ON, OFF) and system.power == steps[-1]):
            return
        self._begin(system, steps)

    def set(self, system, state):
        """Set the power at once, and end any change under way."""
        if state not in STATES:
            raise ValueError(f"power is one of {', '.join(STATES)}")
        self._begin(system, (state,))

    def _begin(self, system, steps):
        system.power_changes += 1  # a change under way sees that it was overtaken
        self._step(system, system.power_changes, steps, self._seconds / max(1, len(steps) - 1))

    def _step(self, system, change, steps, pause):
        if system.power_changes != change or self._pod.systems.get(system.id) is not system:
            return
        self._enter(system, steps[0])
        if len(steps) > 1:
            self._call_later(pause, self._step, system, change, steps[1:], pause)

    def _enter(self, system, state):
        if state == "On" and system.boot["BootSourceOverrideEnabled"] == "Once":
            system.boot = {
                **system.boot,
                "BootSourceOverrideEnabled": "Disabled",
                "BootSourceOverrideTarget": "None",
            }
        system.power = state
        self._pod.changed(system)


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
        raise redfish.bad_request(
            "ActionParameterMissing", "The action ComputerSystem.Reset requires ResetType."
        )
    if reset_type not in RESET_TYPES:
        raise redfish.bad_request(
            "ActionParameterValueNotInList", f"{reset_type!r} is no ResetType of this system."
        )
    service.resets[system_id, reset_type] += 1
    if "ignores_reset" in service.pod.compositions.quirks:
        return 204, None, {}
    try:
        service.power.reset(service.pod.systems[system_id], reset_type)
    except ValueError as error:
        raise redfish.RedfishError(409, "ActionNotSupported", str(error)) from error
    return 204, None, {}


def patch_system(service, body, system_id):
    system = service.pod.systems[system_id]
    values, links = {}, body.pop("Links", None)
    for name, value in body.items():
        field, kind = _writable(service, system_id, name)
        if not isinstance(value, kind):
            raise redfish.bad_request("PropertyValueTypeError", f"{name} has a value of the wrong type.")
        values[field] = _boot(system, value) if field == "boot" else value
    answer = 200, f"{redfish.ROOT}/Systems/{system_id}", {}
    if links is not None:
        answer = composition.patch_blocks(service, links, system_id)
    if values:
        service.pod.set_values(system_id, **values)
    return answer


def _writable(service, system_id, name):
    if name in WRITABLE:
        return WRITABLE[name]
    if name == "HostName" and service.pod.systems[system_id].is_composed:
        return "host_name", str
    if name in composed.system(service.pod, system_id):
        raise redfish.bad_request("PropertyNotWritable", f"The property {name} is read-only.")
    raise redfish.bad_request("PropertyUnknown", f"The property {name} is not known.")


def _boot(system, wanted):
    for name, value in wanted.items():
        if name not in BOOT_CHOICES:
            raise redfish.bad_request("PropertyNotWritable", f"The property Boot/{name} cannot be written.")
        if value not in BOOT_CHOICES[name]:
            raise redfish.bad_request("PropertyValueNotInList", f"{value!r} is no {name}.")
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
        *composition.TABLE,
        *manifest.TABLE,
        *allocation.TABLE,
        *erasing.TABLE,
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
