# SPDX-License-Identifier: Apache-2.0
"""Refusals in the form of the Redfish specification (DSP0266): an error with extended information."""


class RedfishError(Exception):
    """A refusal with the HTTP ``status``, a message ``key`` of the Base registry and a ``text``."""

    def __init__(self, status, key, text, **headers):
        super().__init__(text)
        self.status = status
        self.key = f"Base.1.18.{key}"
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
