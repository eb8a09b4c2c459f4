# SPDX-License-Identifier: Apache-2.0
"""Requests as Freezer's clients send them: JSON with any content type, and searches in the body of a GET.

``of`` returns the tenant that a request is about: the project in its URL or, in version 1, the user's own.
"""

import json
import re

from oslo_utils import strutils

from valence.api.http import request_body
from valence.api.model import query
from valence.common import errors

LIMIT = 10
#: most conditions, and most fields, of one search: each costs work in the database or for every document
MOST_TERMS = 100
#: parameters of lists; every other one is a name to search by
PAGING = ("limit", "offset", "all_projects", "marker", "sort", "fields")


def document(call):
    """Return the object in the body of a request, None without a body or for null; raise BadRequest."""
    data = call.http.get_data(cache=False)
    if not data.strip():
        return None
    value = _loads(call, data)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise errors.BadRequest(reason="The body has to be an object.")
    for problem in request_body.problems(value, call.settings.max_json_depth):
        raise errors.BadRequest(reason=f"{problem['path']}: {problem['detail']}")
    return value


def _loads(call, data):
    if not request_body.has_at_most(data, call.settings.max_json_values):
        raise errors.BadRequest(reason=f"The body has more than {call.settings.max_json_values} values.")
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise errors.BadRequest(reason="The body is not JSON.") from None


def required(call):
    """Return the object in the body of a request; raise BadRequest if there is none."""
    found = document(call)
    if found is None:
        raise errors.BadRequest(reason="Missing request body")
    return found


def parameters(call):
    """Return the parameters of the URL by name; of a repeated one the last value counts."""
    return dict(query.pairs(call.raw_query))


def integer(given, name, default):
    """Return a parameter that is a whole number; without it, or if it is empty, the default."""
    text = given.get(name) or ""
    if not text:
        return default
    try:
        return query.integer(text)
    except ValueError:
        reason = f'The "{name}" parameter is invalid. The value must be an integer.'
        raise errors.BadRequest(reason=reason) from None


def boolean(given, name):
    """Return a parameter that is true or false, by default false."""
    text = given.get(name, "false").lower()
    if text not in (*strutils.TRUE_STRINGS, *strutils.FALSE_STRINGS):
        reason = f'The "{name}" parameter is invalid. The value of the parameter must be "true" or "false".'
        raise errors.BadRequest(reason=reason)
    return text in strutils.TRUE_STRINGS


def search(call, given):
    """Return the search of a list, as the fields of ``valence.backup.listing.Search``."""
    limit, offset = integer(given, "limit", LIMIT) or LIMIT, integer(given, "offset", 0)
    if limit < 0 or offset < 0:
        raise errors.BadRequest(reason="limit and offset must not be negative.")
    told = document(call) or {}
    found = {"limit": min(limit, call.settings.max_limit), "offset": offset}
    found |= {"match": _match(call, told), "match_not": _pairs(told, "match_not")}
    found |= {name: told.get(f"time_{name}") for name in ("after", "before")}
    found |= _extension(given)
    for names in (("match", "match_not", "query"), ("fields",)):
        if sum(len(found.get(name) or ()) for name in names) > MOST_TERMS:
            raise errors.BadRequest(
                reason=f"{', '.join(names)}: there may be {MOST_TERMS} of them, not more."
            )
    return found


def _extension(given):
    """Return the search in the URL, which Freezer does not have: some proxies drop the body of a GET."""
    found = {"query": [[name, value] for name, value in given.items() if name not in PAGING]}
    found["marker"] = given.get("marker")
    if given.get("sort"):
        name, _, direction = given["sort"].partition(":")
        found["sort"] = [name, direction == "desc"]
    return found | ({"fields": given["fields"].split(",")} if given.get("fields") else {})


def _match(call, told):
    """Return the pairs to match; the text of ``_all`` may be a JSON list of pairs, which replaces the others."""
    pairs = _pairs(told, "match")
    texts = [value for name, value in pairs if name == "_all"]
    if not texts:
        return pairs
    try:
        return _pairs({"match": _loads(call, texts[-1].encode())}, "match")
    except (ValueError, AttributeError, errors.BadRequest):
        return []


def _pairs(told, name):
    conditions = told.get(name) or []
    if not isinstance(conditions, list) or not all(isinstance(each, dict) for each in conditions):
        raise errors.BadRequest(reason=f"{name} has to be a list of objects.")
    return [[key, value] for each in conditions for key, value in each.items()]


_PROJECT = re.compile(r"[\w.-]{1,64}", re.ASCII)
#: project of users without one: without authentication there are no projects
NOBODYS = "default"


def v2(call, project_id, *, everywhere=False):
    """Return the tenant of the project in a URL."""
    if not _PROJECT.fullmatch(project_id):
        raise errors.NoSuchURL(path=call.http.path)
    return {"version": "v2", "project_id": project_id, "everywhere": everywhere, "trusts": _has_trusts(call)}


def v1(call):
    """Return the tenant of the client's user."""
    return {"version": "v1", "project_id": call.context.project_id or NOBODYS, "trusts": _has_trusts(call)}


def _has_trusts(call):
    return call.services.trusts.is_there


def of(call, project_id, *, everywhere=False):
    """Return the tenant of a request; version 1 has no project in its URLs."""
    return v1(call) if project_id is None else v2(call, project_id, everywhere=everywhere)
