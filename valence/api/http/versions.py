# SPDX-License-Identifier: Apache-2.0
"""Discovery: the versions of Valence's own dialect, and the collections of version 1."""

from valence.api.http import descriptions
from valence.api.http import handler
from valence.api.http.handler import VERSION
from valence.api.http.handler import VERSIONS

NAME = "OpenStack Valence API"
MEDIA_TYPE = "application/vnd.openstack.valence.v1+json"
COLLECTIONS = (
    "pod_managers",
    "resources",
    "systems",
    "racks",
    "devices",
    "storages",
    "flavors",
    "quotas",
    "nodes",
    "operations",
    "events",
    "notifications",
)


@descriptions.described(answers={200: descriptions.reference("Versions")})
def root(call):
    """Show which versions there are."""
    return handler.document(
        call, {"name": NAME, "description": "Controls racks behind pod managers.", "versions": [v1(call)]}
    )


@descriptions.described(answers={200: {"type": "object"}})
def index(call):
    """Show what version 1 holds."""
    media_types = [{"base": "application/json", "type": MEDIA_TYPE}]
    collections = {name: [handler.link(call, "self", f"/v1/{name}")] for name in COLLECTIONS}
    return handler.document(call, v1(call) | {"media_types": media_types} | collections)


def v1(call):
    """Return the entry of version 1."""
    links = [handler.link(call, "self", "/v1/"), handler.link(call, "describedby", "/v1/openapi.json")]
    return {
        "id": "v1",
        "status": "CURRENT",
        "min_version": VERSIONS[0],
        "max_version": VERSION,
        "links": links,
    }
