# SPDX-License-Identifier: Apache-2.0
"""Query parameters of the dialect; those that it does not know are ignored, as its clients expect."""

from valence.api import formats
from valence.api import query
from valence.common import errors
from valence.db.models import introspection

TRUE, FALSE = ("1", "t", "true", "on", "y", "yes"), ("0", "f", "false", "off", "n", "no")

#: who can be asked to look into a machine
SOURCES = ("ramdisk", "redfish")


def of(call):
    """Return the parameters of a request; of one that is given twice the last counts."""
    return dict(query.pairs(call.raw_query))


def boolean(given, name, default):
    """Return a truth value."""
    text = given.get(name)
    if text is None:
        return default
    if text.strip().lower() not in (*TRUE, *FALSE):
        raise errors.BadRequest(reason=f"The value {text!r} of {name} is neither true nor false.")
    return text.strip().lower() in TRUE


def limit(given, most):
    """Return the size of a page; 0 and nothing are the largest."""
    text = given.get("limit", "0")
    try:
        number = query.integer(text)
    except ValueError as error:
        raise errors.BadRequest(reason=f"limit: {error}") from None
    if not 0 <= number <= most:
        raise errors.BadRequest(reason=f"The limit must be between 0 and {most}.")
    return number or most


def source(given):
    """Return who is to look into a machine."""
    text = given.get("source", SOURCES[0])
    if text not in SOURCES:
        raise errors.BadRequest(reason=f"The source must be one of: {', '.join(SOURCES)}.")
    return text


def version(given, name):
    """Return the number of a version, or None."""
    text = given.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text)):
        raise errors.BadRequest(
            reason=f"The value {text!r} of {name} is no version: they are 1, 2, 3 and so on."
        )
    return int(text)


def marker(given):
    """Return the uuid that a page begins after, or None."""
    text = given.get("marker")
    if text is None:
        return None
    if not formats.is_uuid(text):
        raise errors.BadRequest(reason="The marker must be a UUID.")
    return text.lower()


def states(given):
    """Return the states that are asked for; nothing means all."""
    found = list(dict.fromkeys(filter(None, map(str.strip, given.get("state", "").split(",")))))
    unknown = [state for state in found if state not in introspection.STATES]
    if unknown:
        raise errors.BadRequest(reason=f"There is no state {', '.join(map(repr, unknown))}.")
    return found
