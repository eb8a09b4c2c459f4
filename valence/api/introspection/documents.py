# SPDX-License-Identifier: Apache-2.0
"""Documents on their way: checked before anything parses them, packed, and in parts where they are long."""

import contextlib
import re
import threading

from valence.common import errors
from valence.common import packing
from valence.conductor import introspection_client

#: large documents come in one after the other: many at once would take the interpreter from everybody else
_LARGE = threading.Lock()
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def read(http, max_depth):
    """Return the body of a request; raise TooLarge, BadRequest for one that is nested too deeply."""
    data = http.get_data(cache=False)
    if http.content_length is None and len(data) >= http.max_content_length:
        raise errors.TooLarge(what="body", limit=f"{http.max_content_length} bytes")
    with _turn(data):
        is_good = is_shallow(data, max_depth)
    if not is_good:
        raise errors.BadRequest(
            reason=f"The body is no JSON, or is nested more than {max_depth} levels deep."
        )
    return data


def is_shallow(data, max_depth):
    """Return whether brackets that match are nested at most ``max_depth`` deep, without parsing anything else."""
    brackets = _STRING.sub(b"", data).translate(None, _ALL_BUT_BRACKETS)
    for _ in range(max_depth):
        length = len(brackets)
        brackets = _without_innermost(brackets)
        if len(brackets) == length:
            break
    return not brackets


def send(call, method, data, **arguments):
    """Return what ``method`` of the conductor answers to a document; a large one goes ahead in parts."""
    namespace = call.conductor.introspection
    place = {"transfer": None, "server": None}
    with _turn(data):
        *parts, last = packing.split(packing.pack(data), introspection_client.Introspection.PART)
        for part in parts:
            place = namespace.send(call.context, part, **place)
    document = {"text": last, "transfer": place["transfer"]}
    return getattr(namespace, method)(call.context, document=document, server=place["server"], **arguments)


def fetch(call, answer):
    """Return the content that an answer of ``introspection_client.Introspection.data`` holds or leads to."""
    parts, more = [answer["text"]], answer["more"]
    for number in range(more["parts"] if more else 0):
        part = call.conductor.introspection.part(
            call.context, more["transfer"], number, server=more["server"]
        )
        parts.append(part)
    return packing.unpack("".join(parts))


def _turn(data):
    """Return what to hold while a document is worked on here."""
    return _LARGE if len(data) > introspection_client.Introspection.PART else contextlib.nullcontext()


def _without_innermost(brackets):
    """Return the brackets one level less deep: pairs that hold nothing are gone, however many stand in a row."""
    return re.sub(rb"\[\]|\{\}", b"", brackets)
