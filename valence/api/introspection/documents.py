# SPDX-License-Identifier: Apache-2.0
"""Documents on their way to a conductor and back: packed, and in parts where they are long."""

import contextlib
import threading

from valence.common import errors
from valence.common import packing
from valence.conductor import introspection_client

#: large documents come in one after the other: many at once would take the interpreter from everybody else
_LARGE = threading.Lock()
#: bytes that are read at a time
PIECE = 64 * 1024


def read(http):
    """Return the body of a request; raise TooLarge."""
    # In pieces: cheroot would clear room for all that is still missing each time that something comes.
    data = b"".join(iter(lambda: http.stream.read(PIECE), b""))
    if http.content_length is None and len(data) >= http.max_content_length:
        raise errors.TooLarge(what="body", limit=f"{http.max_content_length} bytes")
    return data


def send(call, method, data, **arguments):
    """Return what ``method`` of the conductor answers to a document; a large one goes ahead in parts."""
    namespace = call.conductor.introspection
    place = {"transfer": None, "server": None}
    with _turn(data):
        *parts, last = packing.split(packing.pack(data), introspection_client.Introspection.PART)
        if parts:
            place = namespace.open(call.context)
        for part in parts:
            namespace.send(call.context, part, **place)
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
