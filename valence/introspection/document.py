# SPDX-License-Identifier: Apache-2.0
"""Introspection documents: JSON objects that a ramdisk sends, whatever it put into them."""

import base64
import binascii
import hashlib
import json

from valence.common import errors
from valence.common import nesting


def parse(data, max_depth=None):
    """Return the object that ``data``, bytes of JSON nested at most ``max_depth`` deep, holds; raise BadRequest."""
    if max_depth and not nesting.is_shallow(data, max_depth):
        raise errors.BadRequest(
            reason=f"The document is no JSON, or is nested more than {max_depth} levels deep."
        )
    try:
        found = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", None) or "it holds what JSON has not, or not so large"
        raise errors.BadRequest(reason=f"The document is not JSON: {reason}.") from None
    if not isinstance(found, dict):
        kind = type(found).__name__
        raise errors.BadRequest(reason=f"The document must be a JSON object, and is a {kind}.")
    return found


def dump(document):
    """Return a document as bytes of JSON, ASCII, that every database keeps; raise BadRequest."""
    try:
        return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    except ValueError:
        raise errors.BadRequest(reason="The document holds a number that JSON has not.") from None


def digest(data):
    """Return the SHA-256 of a content."""
    return hashlib.sha256(data).hexdigest()


def decode_logs(logs):
    """Return the bytes of what a ramdisk sends as ``logs``: base64 of an archive, else the text as it is."""
    if not isinstance(logs, str):
        return dump(logs)
    try:
        return base64.b64decode(logs, validate=True)
    except (binascii.Error, ValueError):
        return logs.encode(errors="replace")


def mapping(value):
    """Return ``value`` if it is an object, else an empty one: ramdisks send null for what they do not know."""
    return value if isinstance(value, dict) else {}


def mappings(value):
    """Return the objects of a list; nothing if it is none."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def text(value):
    """Return ``value`` if it is a text that says something, else None."""
    return value if isinstance(value, str) and value.strip() else None


def number(value):
    """Return ``value`` if it is a number, or a text of one, as an integer, else None."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return int(value)
    except (ValueError, OverflowError):
        return None


def _refuse(name):
    raise ValueError(f"{name} is no JSON")
