# SPDX-License-Identifier: Apache-2.0
"""Request bodies: strict JSON (RFC 8259) without values that a store could not keep, and their Idempotency-Key.

Bounds are checked before the body is parsed. A conductor executes a POST once for each Idempotency-Key; the API sends
it digests of the key and of the request, never the key.
"""

import collections
import contextlib
import hashlib
import hmac
import json
import math
import re
import typing

from valence.bus import wire
from valence.common import errors
from valence.common import packing

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
#: most problems that are reported for one body
MOST_PROBLEMS = 50
#: characters of a number that are parsed; more do not fit into 64 bits anyway
LONGEST_NUMBER = 25

#: ``{"path", "detail", "hint"}``
Problem = dict[str, str]
#: detail and hint of a value
Fault = tuple[str, str]


class Repeated(dict[str, typing.Any]):
    """A JSON object in which ``names`` occur more than once."""

    names: tuple[str, ...] = ()


class Limits(typing.NamedTuple):
    """Bounds of a body: the depth of its nesting, and the number of its values."""

    depth: int = 32
    values: int = 20_000


USUAL = Limits()


def read(http: typing.Any, media_types: tuple[str, ...] = (JSON,), limits: Limits = USUAL) -> typing.Any:
    """Return the document in a request's body; the error says where the body is not JSON."""
    _check_media_type(http, media_types)
    return loads(_data(http), limits)


def loads(data: bytes, limits: Limits) -> typing.Any:
    """Return the document in ``data``; raise BadRequest, or ValidationFailed if it exceeds ``limits``."""
    if not has_at_most(data, limits.values):
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


def refuse(http: typing.Any) -> None:
    """Raise BadRequest if a request that takes no body has one other than empty, ``{}`` or ``null``."""
    if _data(http).strip() not in (b"", b"{}", b"null"):
        raise errors.BadRequest(reason="This request takes no body.")


def problems(document: typing.Any, max_depth: int) -> list[Problem]:
    """Return the problems of values in ``document`` that no schema allows: path, detail and hint of each."""
    found: list[Problem] = []
    waiting = [("$", document, 1)]
    while waiting and len(found) < MOST_PROBLEMS:
        path, value, depth = waiting.pop()
        if depth > max_depth:
            raise _too_deep()
        found += [{"path": path, "detail": detail, "hint": hint} for detail, hint in _faults(value)]
        waiting += [(inner, child, depth + 1) for inner, child in _children(path, value)]
    return found


def _check_media_type(http: typing.Any, media_types: tuple[str, ...]) -> None:
    parameters = http.mimetype_params
    if http.mimetype not in media_types or parameters.get("charset", "utf-8").lower() not in (
        "utf-8",
        "us-ascii",
    ):
        allowed = ", ".join(media_types)
        raise errors.UnsupportedMediaType(content_type=http.content_type or "", allowed=allowed)


def _data(http: typing.Any) -> bytes:
    """Return the body; raise TooLarge. Werkzeug truncates a chunked body that is too large without an error."""
    data: bytes = http.get_data(cache=False)
    if http.content_length is None and len(data) >= (http.max_content_length or math.inf):
        raise errors.TooLarge(what="body", limit=f"{http.max_content_length} bytes")
    return data


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise errors.BadRequest(reason=f"The body is not UTF-8 at byte {error.start}.") from None


def _object(pairs: list[tuple[str, typing.Any]]) -> dict[str, typing.Any]:
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    repeated = Repeated(plain)
    counts = collections.Counter(name for name, _ in pairs)
    repeated.names = tuple(name for name, count in counts.items() if count > 1)
    return repeated


def _integer(text: str) -> int:
    return int(text[:LONGEST_NUMBER])


def _children(path: str, value: typing.Any) -> list[tuple[str, typing.Any]]:
    if isinstance(value, dict):
        return [(f"{path}.{name}", child) for name, child in value.items()]
    if isinstance(value, list):
        return [(f"{path}[{index}]", child) for index, child in enumerate(value)]
    return []


def _faults(value: typing.Any) -> list[Fault]:
    if isinstance(value, str):
        return _text_faults(value)
    if isinstance(value, dict):
        return _name_faults(value)
    if isinstance(value, float) and not math.isfinite(value):
        return [("The number is not finite.", "JSON has no NaN and no Infinity.")]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return [("The number does not fit into 64 bits.", "Send a smaller number.")]
    return []


def _name_faults(value: dict[str, typing.Any]) -> list[Fault]:
    twice = [
        (f"The name {name!r} is given twice.", "Give every name once.")
        for name in getattr(value, "names", ())
    ]
    return twice + [fault for name in value for fault in _text_faults(name)]


def _text_faults(text: str) -> list[Fault]:
    if "\0" in text:
        return [("The text contains the character NUL.", "Leave it out; databases cannot keep it.")]
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return [("The text contains half of a surrogate pair.", "Send both halves, or the character itself.")]
    return []


def _too_deep() -> errors.ValidationFailed:
    detail = "The body is nested too deeply."
    return errors.ValidationFailed(problems=[{"path": "$", "detail": detail, "hint": "Nest less."}])


HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def of(
    call: typing.Any, document: typing.Any = None, *, project: str | None = None
) -> wire.Idempotency | None:
    """Return the digests by which a conductor recognizes a repeated request, or None without Idempotency-Key.

    The digest of the request is keyed with the client's key, which is not stored: a body may contain a password.
    ``project`` is the one whose things the URL names, where those of several projects may have the same name.
    """
    key = call.http.headers.get(HEADER)
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise errors.BadRequest(reason=f"{HEADER} must have 1 to 255 printable characters without spaces.")
    text = json.dumps(document, sort_keys=True).encode()
    place = [call.context.actor, call.http.path.rstrip("/"), key, *([project] if project else [])]
    request = hmac.new(key.encode(), text, hashlib.sha256).hexdigest()
    return {"key": hashlib.sha256(json.dumps(place).encode()).hexdigest(), "request": request}


@contextlib.contextmanager
def told(call: typing.Any) -> typing.Iterator[None]:
    """Raise an IdempotencyMismatch of the ``with`` block again, with the key that the client sent."""
    try:
        yield
    except errors.IdempotencyMismatch:
        raise errors.IdempotencyMismatch(key=call.http.headers[HEADER]) from None


def has_at_most(data: bytes, max_values: int) -> bool:
    """Return whether ``data``, if it is JSON, has at most ``max_values`` values; an empty list may count twice."""
    return _count(data) < max_values or _count(packing.STRING.sub(b"", data)) < max_values


def _count(data: bytes) -> int:
    """Return how many values begin in ``data`` after the first one, those in texts too."""
    return data.count(b",") + data.count(b"[") + data.count(b"{")
