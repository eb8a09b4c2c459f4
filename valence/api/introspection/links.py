# SPDX-License-Identifier: Apache-2.0
"""Links in answers."""

from valence.api.introspection import port


def own(call, path):
    """Return the link of a thing to itself, at the port by which the request came."""
    http = call.http
    root = http.host_url.rstrip("/") if port.ALONE in http.environ else call.base_url + http.script_root
    return {"href": root + path, "rel": "self"}
