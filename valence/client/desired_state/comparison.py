# SPDX-License-Identifier: Apache-2.0
"""Whether a value of a file is the one that the API shows: the API stores URLs and requirements in a normal form."""

import typing
import urllib.parse

from valence.db import types

_PORTS = {"http": 80, "https": 443}
#: path of a service root, which a pod manager's URL may leave out
_ROOT = "/redfish/v1"
#: members of requirements that the API adds where they are missing
_ADDED = {"count": 1}


def is_same(field: types.Field, wanted: typing.Any, actual: typing.Any) -> bool:
    """Tell whether the API would store ``wanted`` as ``actual``."""
    if isinstance(field, types.JSON):
        return _matches(wanted or {}, actual or {})
    if isinstance(field, types.Text) and field.format == "uri" and isinstance(actual, str):
        return _url(wanted) == _url(actual)
    return bool(wanted == actual)


def _matches(wanted: typing.Any, actual: typing.Any) -> bool:
    """Compare a requirement with its normal form: one item may be a list, a number text, and case does not matter."""
    if isinstance(actual, list):
        items = wanted if isinstance(wanted, list) else [wanted]
        return len(items) == len(actual) and all(map(_matches, items, actual))
    if isinstance(actual, dict):
        if not isinstance(wanted, dict):
            return False
        given = {name: value for name, value in wanted.items() if value not in (None, {}, [], "")}
        added = {name: value for name, value in _ADDED.items() if name in actual}
        given = added | given
        return given.keys() == actual.keys() and all(_matches(given[name], actual[name]) for name in actual)
    if isinstance(actual, int):
        return str(wanted).strip().removesuffix(".0") == str(actual)
    return str(wanted).strip().lower() == str(actual).lower()


def _url(text: str) -> tuple[typing.Any, ...]:
    """Return what of a URL makes a difference."""
    try:
        parts = urllib.parse.urlsplit(text)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return (text,)  # which the API refuses with a reason
    path = parts.path.rstrip("/").removesuffix(_ROOT).removesuffix("/redfish")
    return parts.scheme, parts.hostname, port, path
