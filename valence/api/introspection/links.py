# SPDX-License-Identifier: Apache-2.0
"""Links to places of the dialect, wherever it is mounted."""


def own(call, path):
    """Return the link of a thing to itself."""
    return {"href": call.base_url + call.http.script_root + path, "rel": "self"}
