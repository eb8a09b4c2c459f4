# SPDX-License-Identifier: Apache-2.0
"""Discovery: which versions there are, what version 1 holds, and the version that a client asks for."""

import re

from valence.api import description
from valence.api import render
from valence.common import errors

NAME = "OpenStack Valence API"
MINIMUM = MAXIMUM = "1.0"
HEADER = "OpenStack-API-Version"
MEDIA_TYPE = "application/vnd.openstack.valence.v1+json"
COLLECTIONS = ("pod_managers", "resources", "systems", "racks", "operations", "events", "notifications")

#: what clients call the service in the header: its own name, and the type under which the catalogue has it
SERVICES = ("valence", "rack")

_WANTED = re.compile(rf"\s*({'|'.join(SERVICES)})\s+(latest|\d+\.\d+)\s*", re.IGNORECASE)


@description.described(answers={200: description.reference("Versions")})
def root(call):
    """Show which versions there are."""
    return render.document(
        call, {"name": NAME, "description": "Controls racks behind pod managers.", "versions": [v1(call)]}
    )


@description.described(answers={200: {"type": "object"}})
def index(call):
    """Show what version 1 holds."""
    media_types = [{"base": "application/json", "type": MEDIA_TYPE}]
    collections = {name: [render.link(call, "self", f"/v1/{name}")] for name in COLLECTIONS}
    return render.document(call, v1(call) | {"media_types": media_types} | collections)


def v1(call):
    """Return what is told of version 1."""
    links = [render.link(call, "self", "/v1/"), render.link(call, "describedby", "/v1/openapi.json")]
    return {"id": "v1", "status": "CURRENT", "min_version": MINIMUM, "max_version": MAXIMUM, "links": links}


def check(http):
    """Raise NotAcceptable if the client asks for a version of Valence that there is not."""
    unknown = [version for _, version in _wanted(http) if version not in ("latest", MINIMUM)]
    if unknown:
        raise errors.NotAcceptable(accept=f"version {unknown[0]}; there is {MINIMUM}")


def answered(http):
    """Return the header of the answer: the version under each name that the client has for the service."""
    names = [name for name, _ in _wanted(http)] or SERVICES[:1]
    return ", ".join(f"{name} {MAXIMUM}" for name in dict.fromkeys(names))


def _wanted(http):
    """Return the name of the service and the version of each part of the header that is about Valence."""
    header = http.headers.get(HEADER)
    if header is None:
        return []
    matches = filter(None, map(_WANTED.fullmatch, header.split(",")))
    return [(match[1].lower(), match[2].lower()) for match in matches]
