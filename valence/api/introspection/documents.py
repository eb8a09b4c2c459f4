# SPDX-License-Identifier: Apache-2.0
"""Documents on their way to a conductor and back: packed, and in parts where they are long."""

import contextlib

from valence.common import bus_errors
from valence.common import errors
from valence.common import packing
from valence.conductor import introspection_client

PART = introspection_client.Introspection.PART
#: bytes that are read at a time
PIECE = 64 * 1024
#: seconds for which a client that sends slowly, and a storage that is slow, keep the next large document waiting
READ_PATIENCE, SEND_PATIENCE = 0.1, 0.3
#: longest rest, in seconds, between two large documents
REST = 0.1
#: large documents that wait for their turn, each in a thread
MOST_WAITING = 32


@contextlib.contextmanager
def taken(call):
    """Read the document of a request, to be sent inside the ``with`` block; raise TooLarge, Busy.

    Large ones have that one after the other, with rests: many at once would take the interpreter, the conductor and the
    database from everybody else.
    """
    with _turn(call) as go_on:
        data = read(call.http)
        go_on(SEND_PATIENCE)
        yield data


def read(http):
    """Return the body of a request; raise TooLarge."""
    # In pieces: some servers would clear room for all that is still missing each time that something comes.
    data = b"".join(iter(lambda: http.stream.read(PIECE), b""))
    if http.content_length is None and len(data) >= http.max_content_length:
        raise errors.TooLarge(what="body", limit=f"{http.max_content_length} bytes")
    return data


def send(call, method, data, **arguments):
    """Return what ``method`` of the conductor answers to a document; a large one goes ahead in parts."""
    namespace = call.conductor.introspection
    *parts, last = packing.split(packing.pack(data), PART)
    place = {"transfer": None, "server": None}
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


def _turn(call):
    """Return what to hold while the document of a request is read and sent."""
    length = call.http.content_length
    # Without a length it comes in chunks, or not at all.
    is_large = "Transfer-Encoding" in call.http.headers if length is None else length > PART
    if not is_large:
        return contextlib.nullcontext(_go_on)
    if call.services.turns.waiting >= MOST_WAITING:
        raise bus_errors.Busy(what="with large introspection documents")
    return call.services.turns.take(READ_PATIENCE)


def _go_on(_seconds):
    """Go on: nobody waits for the end of a small document."""
