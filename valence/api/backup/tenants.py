# SPDX-License-Identifier: Apache-2.0
"""Whose things a request is about: the project in its URL, or in version 1 the user who asks."""

import re

from valence.common import errors

_PROJECT = re.compile(r"[\w.-]{1,64}", re.ASCII)
#: project of users who have none: without authentication there are no projects
NOBODYS = "default"


def v2(call, project_id, *, everywhere=False):
    """Return the tenant that the project of a URL is."""
    if not _PROJECT.fullmatch(project_id):
        raise errors.NoSuchURL(path=call.http.path)
    return {"version": "v2", "project_id": project_id, "everywhere": everywhere, "trusts": _has_trusts(call)}


def v1(call):
    """Return the tenant that the user is who asks."""
    return {"version": "v1", "project_id": call.context.project_id or NOBODYS, "trusts": _has_trusts(call)}


def _has_trusts(call):
    return call.services.trusts.is_there


def of(call, project_id, *, everywhere=False):
    """Return the tenant of a request; version 1 has no project in its URLs."""
    return v1(call) if project_id is None else v2(call, project_id, everywhere=everywhere)
