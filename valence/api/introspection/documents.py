# SPDX-License-Identifier: Apache-2.0
"""The documents of machines: handlers that take, show, compare, remove and reprocess them, and their way over the bus.

A document crosses the bus compressed, in parts of at most PART characters. Large documents are read and sent one at a
time: many at once would keep the interpreter, the conductor and the database from all other work.
"""

import contextlib
import urllib.parse

import flask

from valence.api.http import handler
from valence.api.introspection import describing
from valence.api.introspection import dialect
from valence.api.introspection import statuses
from valence.common import bus_errors
from valence.common import errors
from valence.common import packing
from valence.conductor import client

JSON, GZIP, TEXT = "application/json", "application/gzip", "text/plain"


class Show:
    """Shows a document, or 304 if the client has it already."""

    def __init__(self, kind, content_type=JSON):
        self._kind, self._content_type = kind, content_type
        self.summary = f"Show the {kind} data of a machine." if kind != "logs" else "Show a ramdisk's logs."
        is_document = kind != "logs"
        self.description = describing.verb(
            {200: describing.DOCUMENT if is_document else {"type": "string"}, 304: None},
            parameters=(describing.DATA_VERSION, describing.KNOWN) if is_document else (describing.KNOWN,),
            failures=describing.READING,
            answer_types=(JSON,) if is_document else (GZIP, TEXT),
        )

    def __call__(self, call, machine):
        known, version = _known(call.http), None
        if self._kind != "logs":
            version = dialect.version(dialect.parameters(call), "version")
        answer = call.conductor.introspection.data(
            call.context, machine, kind=self._kind, known=known, version=version
        )
        return _answer(call, answer, self._type)

    def _type(self, content):
        is_text = self._content_type == GZIP and not content.startswith(b"\x1f\x8b")
        return "text/plain; charset=utf-8" if is_text else self._content_type


#: shows the logs that a ramdisk sent
LOGS = Show("logs", GZIP)


@describing.described({200: describing.page("versions", "IntrospectionVersion")}, failures=describing.READING)
def versions(call, machine):
    """List the versions of a machine's documents, the newest first."""
    rows = call.conductor.introspection.versions(call.context, machine)
    path = f"/v1/introspection/{urllib.parse.quote(machine, safe='')}/data?version="
    for row in rows:
        row["version"] = row.pop("number")
        row["links"] = [dialect.own(call, f"{path}{row['version']}")]
    return {"versions": rows}


@describing.described(
    {200: describing.one("IntrospectionDifference"), 304: None},
    parameters=(describing.OLD, describing.NEW, describing.WHOLE, describing.KNOWN),
    failures=describing.READING,
)
def difference(call, machine):
    """Show what differs between two versions of a machine's documents."""
    given = dialect.parameters(call)
    answer = call.conductor.introspection.difference(
        call.context,
        machine,
        old=dialect.version(given, "old"),
        new=dialect.version(given, "new"),
        whole=dialect.boolean(given, "whole", False),
        known=_known(call.http),
    )
    return _answer(call, answer, lambda content: JSON)


@describing.described({204: None}, failures=describing.WRITING)
def delete(call, machine):
    """Remove the data of a machine, its logs too."""
    call.conductor.introspection.delete_data(call.context, machine)
    return flask.Response(status=204)


@describing.described(
    {202: describing.ACCEPTED},
    body=describing.DOCUMENT,
    body_example=describing.DOCUMENT_EXAMPLE,
    needs_body=False,
    failures=(*describing.WRITING, 413),
)
def reapply(call, machine):
    """Process the stored data of a machine, or those that come, anew."""
    with taken(call) as data:
        if data.strip():
            send(call, "reapply", data, machine=machine)
        else:
            call.conductor.introspection.reapply(call.context, machine)
    return statuses.accepted()


@describing.described(
    {200: {"type": "object", "properties": {"uuid": {"type": "string"}}, "required": ["uuid"]}},
    parameters=(describing.TOKEN,),
    body=describing.DOCUMENT,
    body_example=describing.DOCUMENT_EXAMPLE,
    failures=(400, 404, 409, 413),
)
def receive(call):
    """Take the data that a ramdisk sends."""
    with call.services.rate.counted(call.http.remote_addr), taken(call) as data:
        return send(call, "receive", data, token=dialect.parameters(call).get("token"))


def _answer(call, answer, content_type):
    """Return the document of a conductor's answer, or 304 if that has none because the client has it."""
    headers = {"ETag": f'"{answer["digest"]}"'}
    if answer["text"] is None:
        return flask.Response(status=304, headers=headers)
    content = fetch(call, answer)
    return flask.Response(content, 200, headers, content_type=content_type(content))


def _known(http):
    """Return the digest of the document that the client has; None if it names several."""
    tags = handler.tags(http)
    return tags[0] if len(tags) == 1 else None


PART = client.Introspection.PART
#: bytes to read at a time
PIECE = 64 * 1024
#: seconds for which a slow client, and a slow storage, may delay the next large document
READ_PATIENCE, SEND_PATIENCE = 0.1, 0.3
#: longest pause, in seconds, between two large documents
REST = 0.1
#: most large documents that wait, each in a thread
MOST_WAITING = 32


@contextlib.contextmanager
def taken(call):
    """Yield the body of a request, which the ``with`` block sends on; raise TooLarge, Busy.

    Large documents are read and sent one at a time, with pauses.
    """
    with _turn(call) as go_on:
        data = read(call.http)
        go_on(SEND_PATIENCE)
        yield data


def read(http):
    """Return the body of a request; raise TooLarge."""
    # In pieces: for each read, some servers allocate a buffer for all that is still missing.
    data = b"".join(iter(lambda: http.stream.read(PIECE), b""))
    if http.content_length is None and len(data) >= http.max_content_length:
        raise errors.TooLarge(what="body", limit=f"{http.max_content_length} bytes")
    return data


def send(call, method, data, **arguments):
    """Return the answer of a conductor's ``method`` to a document; all parts but the last are sent before it."""
    namespace = call.conductor.introspection
    *parts, last = packing.split(packing.pack(data), PART)
    place = {"transfer": None, "server": None}
    for part in parts:
        place = namespace.send(call.context, part, **place)
    document = {"text": last, "transfer": place["transfer"]}
    return getattr(namespace, method)(call.context, document=document, server=place["server"], **arguments)


def fetch(call, answer):
    """Return the content of an answer of ``client.Introspection.data``, with the parts that it refers to."""
    parts, more = [answer["text"]], answer["more"]
    for number in range(more["parts"] if more else 0):
        part = call.conductor.introspection.part(
            call.context, more["transfer"], number, server=more["server"]
        )
        parts.append(part)
    return packing.unpack("".join(parts))


def _turn(call):
    """Return the context manager in which the document of a request is read and sent."""
    length = call.http.content_length
    # Without a length the body is chunked, or missing.
    is_large = "Transfer-Encoding" in call.http.headers if length is None else length > PART
    if not is_large:
        return contextlib.nullcontext(_go_on)
    if call.services.turns.waiting >= MOST_WAITING:
        raise bus_errors.Busy(what="with large introspection documents")
    return call.services.turns.take(READ_PATIENCE)


def _go_on(_seconds):
    """Do nothing: small documents have no turns."""
