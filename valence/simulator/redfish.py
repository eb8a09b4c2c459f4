# SPDX-License-Identifier: Apache-2.0
"""The few shapes that all Redfish documents share."""

ROOT = "/redfish/v1"
#: where events come as a stream
STREAM = f"{ROOT}/EventService/SSE"
ENABLED = {"State": "Enabled", "Health": "OK"}
MANUFACTURER = "Example Racks"


def link(*segments):
    """Return a reference to the resource at these segments below the service root."""
    return {"@odata.id": "/".join((ROOT, *segments))}


def links(ids, *segments):
    return [link(*segments, member) for member in ids]


def numbered(count):
    """Return the ids "1" to ``count``."""
    return tuple(str(number) for number in range(1, count + 1))


def system_status(system):
    """Return the Status of a system: it is enabled while it is on."""
    state = "Disabled" if system.power == "Off" else "Enabled"
    return {"State": state, "Health": system.health, "HealthRollup": system.health}
