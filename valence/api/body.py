# SPDX-License-Identifier: Apache-2.0
"""Request bodies: strict JSON (RFC 8259), and no value that some store could not keep."""

import collections
import json
import math
import typing

from valence.common import errors
from valence.common import nesting

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"

#: problems that are told of one body
MOST_PROBLEMS = 50
#: longest number, in characters, that is worth reading
LONGEST_NUMBER = 25


class Repeated(dict):
    """An object of which a name was given twice."""

    names: tuple = ()


class Limits(typing.NamedTuple):
    """What a body may cost: how deep it is nested, and how many values it has."""

    depth: int = 32
    values: int = 20_000


USUAL = Limits()


def read(http: typing.Any, media_types: tuple = (JSON,), limits: Limits = USUAL) -> typing.Any:
    """Return the document of the request's body; raise an error that says where it is not JSON."""
    _check_media_type(http, media_types)
    return loads(_data(http), limits)


def loads(data: bytes, limits: Limits) -> typing.Any:
    """Return the document that ``data`` holds; raise BadRequest, before it is parsed if that would cost too much."""
    if not nesting.has_at_most(data, limits.values):
        detail = f"The body has more than {limits.values} values."
        raise errors.ValidationFailed(
            problems=[{"path": "$", "detail": detail, "hint": "Send less at a time."}]
        )
    text = _decode(data)
    try:
        return json.loads(text, object_pairs_hook=_object, parse_int=_integer)
    except json.JSONDecodeError as error:
        reason = f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        raise errors.BadRequest(reason=reason) from None
    except RecursionError:
        raise _too_deep() from None


def refuse(http):
    """Raise an error if a request that needs no body has one that says something."""
    if _data(http).strip() not in (b"", b"{}", b"null"):
        raise errors.BadRequest(reason="This request takes no body.")


def problems(document, max_depth):
    """Return what is wrong with the values of ``document``, whatever it is meant for."""
    found = []
    waiting = [("$", document, 1)]
    while waiting and len(found) < MOST_PROBLEMS:
        path, value, depth = waiting.pop()
        if depth > max_depth:
            raise _too_deep()
        found += [{"path": path, "detail": detail, "hint": hint} for detail, hint in _faults(value)]
        waiting += [(inner, child, depth + 1) for inner, child in _children(path, value)]
    return found


def _check_media_type(http, media_types):
    parameters = http.mimetype_params
    if http.mimetype not in media_types or parameters.get("charset", "utf-8").lower() not in (
        "utf-8",
        "us-ascii",
    ):
        allowed = ", ".join(media_types)
        raise errors.UnsupportedMediaType(content_type=http.content_type or "", allowed=allowed)


def _data(http):
    """Return the body; werkzeug cuts one off, quietly, that comes in chunks and is too large."""
    data = http.get_data(cache=False)
    if http.content_length is None and len(data) >= (http.max_content_length or math.inf):
        raise errors.TooLarge(what="body", limit=f"{http.max_content_length} bytes")
    return data


def _decode(data):
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise errors.BadRequest(reason=f"The body is not UTF-8 at byte {error.start}.") from None


def _object(pairs):
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    repeated = Repeated(plain)
    counts = collections.Counter(name for name, _ in pairs)
    repeated.names = tuple(name for name, count in counts.items() if count > 1)
    return repeated


def _integer(text):
    return int(text[:LONGEST_NUMBER])


def _children(path, value):
    if isinstance(value, dict):
        return [(f"{path}.{name}", child) for name, child in value.items()]
    if isinstance(value, list):
        return [(f"{path}[{index}]", child) for index, child in enumerate(value)]
    return []


def _faults(value):
    if isinstance(value, str):
        return _text_faults(value)
    if isinstance(value, dict):
        return _name_faults(value)
    if isinstance(value, float) and not math.isfinite(value):
        return [("The number is not finite.", "JSON has no NaN and no Infinity.")]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return [("The number does not fit into 64 bits.", "Send a smaller number.")]
    return []


def _name_faults(value):
    twice = [
        (f"The name {name!r} is given twice.", "Give every name once.")
        for name in getattr(value, "names", ())
    ]
    return twice + [fault for name in value for fault in _text_faults(name)]


def _text_faults(text):
    if "\0" in text:
        return [("The text contains the character NUL.", "Leave it out; databases cannot keep it.")]
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return [("The text contains half of a surrogate pair.", "Send both halves, or the character itself.")]
    return []


def _too_deep():
    detail = "The body is nested too deeply."
    return errors.ValidationFailed(problems=[{"path": "$", "detail": detail, "hint": "Nest less."}])
