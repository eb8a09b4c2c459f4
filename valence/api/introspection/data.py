# SPDX-License-Identifier: Apache-2.0
"""The documents of a machine: read, removed, processed anew."""

import urllib.parse

import flask

from valence.api import conditions
from valence.api.introspection import documents
from valence.api.introspection import links
from valence.api.introspection import parameters
from valence.api.introspection import statuses

JSON, GZIP = "application/json", "application/gzip"


class Show:
    """Shows a document; 304 if the client has it already."""

    def __init__(self, kind, content_type=JSON):
        self._kind, self._content_type = kind, content_type
        self.summary = f"Show the {kind} data of a machine." if kind != "logs" else "Show a ramdisk's logs."

    def __call__(self, call, machine):
        known, version = _known(call.http), None
        if self._kind != "logs":
            version = parameters.version(parameters.of(call), "version")
        answer = call.conductor.introspection.data(
            call.context, machine, kind=self._kind, known=known, version=version
        )
        return _answer(call, answer, self._type)

    def _type(self, content):
        is_text = self._content_type == GZIP and not content.startswith(b"\x1f\x8b")
        return "text/plain; charset=utf-8" if is_text else self._content_type


def versions(call, machine):
    """List the versions of a machine's documents, the newest first."""
    rows = call.conductor.introspection.versions(call.context, machine)
    path = f"/v1/introspection/{urllib.parse.quote(machine, safe='')}/data?version="
    for row in rows:
        row["version"] = row.pop("number")
        row["links"] = [links.own(call, f"{path}{row['version']}")]
    return {"versions": rows}


def difference(call, machine):
    """Show what differs between two versions of a machine's documents."""
    given = parameters.of(call)
    answer = call.conductor.introspection.difference(
        call.context,
        machine,
        old=parameters.version(given, "old"),
        new=parameters.version(given, "new"),
        whole=parameters.boolean(given, "whole", False),
        known=_known(call.http),
    )
    return _answer(call, answer, lambda content: JSON)


def delete(call, machine):
    """Remove the data of a machine, its logs too."""
    call.conductor.introspection.delete_data(call.context, machine)
    return flask.Response(status=204)


def reapply(call, machine):
    """Process the stored data of a machine, or those that come, anew."""
    with documents.taken(call) as data:
        if data.strip():
            documents.send(call, "reapply", data, machine=machine)
        else:
            call.conductor.introspection.reapply(call.context, machine)
    return statuses.accepted()


def receive(call):
    """Take the data that a ramdisk sends."""
    call.services.rate.require(call.http.remote_addr)
    with documents.taken(call) as data:
        return documents.send(call, "receive", data, token=parameters.of(call).get("token"))


def _answer(call, answer, content_type):
    """Return a content that the conductor offers; 304 where it offers none because the client has it."""
    headers = {"ETag": f'"{answer["digest"]}"'}
    if answer["text"] is None:
        return flask.Response(status=304, headers=headers)
    content = documents.fetch(call, answer)
    return flask.Response(content, 200, headers, content_type=content_type(content))


def _known(http):
    """Return the digest that the client has a document with; of several only one can be the present one."""
    tags = conditions.tags(http)
    return tags[0] if len(tags) == 1 else None
