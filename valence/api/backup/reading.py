# SPDX-License-Identifier: Apache-2.0
"""Requests as Freezer's clients send them: JSON whatever the headers call it, and searches in the body of a GET."""

import json

from valence.api import body
from valence.api import query
from valence.common import errors
from valence.common import nesting

LIMIT = 10
#: conditions of one search, and fields that it asks for: each costs the database, or each document, something
MOST_TERMS = 100
#: parameters of lists; every other one is a name to search by
PAGING = ("limit", "offset", "all_projects", "marker", "sort", "fields")
_TRUE, _FALSE = ("true", "t", "yes", "y", "on", "1"), ("false", "f", "no", "n", "off", "0")


def document(call):
    """Return the object in the body of a request, None without a body; raise BadRequest."""
    data = call.http.get_data(cache=False)
    if not data.strip():
        return None
    value = _loads(call, data)
    if not isinstance(value, dict):
        raise errors.BadRequest(reason="The body has to be an object.")
    for problem in body.problems(value, call.settings.max_json_depth):
        raise errors.BadRequest(reason=f"{problem['path']}: {problem['detail']}")
    return value


def _loads(call, data):
    if not nesting.has_at_most(data, call.settings.max_json_values):
        raise errors.BadRequest(reason=f"The body has more than {call.settings.max_json_values} values.")
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise errors.BadRequest(reason="The body is not JSON.") from None


def required(call):
    """Return the object in the body of a request that has to have one."""
    found = document(call)
    if found is None:
        raise errors.BadRequest(reason="Missing request body")
    return found


def parameters(call):
    """Return the parameters of the URL; the last of each name counts."""
    return dict(query.pairs(call.raw_query))


def integer(given, name, default):
    """Return a parameter that is a whole number; none, or an empty one, is the default."""
    text = given.get(name) or ""
    if not text:
        return default
    try:
        return query.integer(text)
    except ValueError:
        reason = f'The "{name}" parameter is invalid. The value must be an integer.'
        raise errors.BadRequest(reason=reason) from None


def boolean(given, name):
    """Return a parameter that is true or false; none is false."""
    text = given.get(name, "false").lower()
    if text not in (*_TRUE, *_FALSE):
        reason = f'The "{name}" parameter is invalid. The value of the parameter must be "true" or "false".'
        raise errors.BadRequest(reason=reason)
    return text in _TRUE


def search(call, given):
    """Return the search of a list, as the fields of ``valence.backup.search.Search``."""
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
    """Return what the parameters of the URL ask for that Freezer has no words for; proxies drop bodies of a GET."""
    found = {"query": [[name, value] for name, value in given.items() if name not in PAGING]}
    found["marker"] = given.get("marker")
    if given.get("sort"):
        name, _, direction = given["sort"].partition(":")
        found["sort"] = [name, direction == "desc"]
    return found | ({"fields": given["fields"].split(",")} if given.get("fields") else {})


def _match(call, told):
    """Return the pairs to match; ``_all`` holds the text of a list that stands for all, or nothing of use."""
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
