# SPDX-License-Identifier: Apache-2.0
"""The shapes that Redfish resources and errors share (DSP0266)."""

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


class RedfishError(Exception):
    """A refusal with the HTTP ``status``, a message ``key`` and a ``text``.

    The key is one of the Base registry, or one with its registry, such as ``Composition.1.1.NoResourceMatch``.
    """

    def __init__(self, status, key, text, **headers):
        super().__init__(text)
        self.status = status
        self.key = key if "." in key else f"Base.1.18.{key}"
        self.text = text
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    @property
    def document(self):
        detail = {
            "@odata.type": "#Message.v1_2_1.Message",
            "MessageId": self.key,
            "Message": self.text,
            "MessageSeverity": "Critical",
        }
        return {"error": {"code": self.key, "message": self.text, "@Message.ExtendedInfo": [detail]}}


def missing(path):
    return RedfishError(404, "ResourceMissingAtURI", f"There is no resource at {path}.")


def bad_request(key, text):
    return RedfishError(400, key, text)
