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

_WANTED = re.compile(r"\s*valence\s+(latest|\d+\.\d+)\s*", re.IGNORECASE)


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
    header = http.headers.get(HEADER)
    if header is None:
        return
    wanted = [match[1].lower() for match in map(_WANTED.fullmatch, header.split(",")) if match]
    unknown = [version for version in wanted if version not in ("latest", MINIMUM)]
    if unknown:
        raise errors.NotAcceptable(accept=f"version {unknown[0]}; there is {MINIMUM}")
