# SPDX-License-Identifier: Apache-2.0
"""Versions of the dialect: which there are, and the one that a client asks for."""

import re

from valence.api.introspection import links
from valence.common import errors

MINIMUM, MAXIMUM = (1, 0), (1, 18)
#: the version from which on a created rule is answered by 201
RULE_CREATED = (1, 6)
PREFIX = "X-OpenStack-Ironic-Inspector-API"
HEADER = f"{PREFIX}-Version"
RESOURCES = ("continue", "introspection", "rules")

_VERSION = re.compile(r"(\d{1,5})\.(\d{1,5})", re.ASCII)


def asked(http):
    """Return the version that a request asks for, the newest if it says nothing; raise BadRequest, NotAcceptable."""
    given = http.headers.get(HEADER, "latest").strip()
    if given.lower() == "latest":
        return MAXIMUM
    match = _VERSION.fullmatch(given)
    if match is None:
        raise errors.BadRequest(reason=f"The header {HEADER} must be like 1.18, or latest.")
    version = int(match[1]), int(match[2])
    if not MINIMUM <= version <= MAXIMUM:
        supported = f"{text(MINIMUM)} to {text(MAXIMUM)}"
        raise errors.NotAcceptable(accept=f"API version {given}; supported are {supported}")
    return version


def headers():
    """Return the headers that tell, on every answer, which versions there are."""
    return {f"{PREFIX}-Minimum-Version": text(MINIMUM), f"{PREFIX}-Maximum-Version": text(MAXIMUM)}


def text(version):
    """Return a version as clients write it."""
    return ".".join(map(str, version))


def root(call):
    """Show which versions there are."""
    version = {"id": text(MAXIMUM), "links": [links.own(call, "/v1")], "status": "CURRENT"}
    return {"versions": [version]}


def index(call, version):
    """Show what a version holds."""
    if version != "v1":
        raise errors.NotFound(kind="version", key=version)
    return {"resources": [{"links": [links.own(call, f"/v1/{name}")], "name": name} for name in RESOURCES]}
