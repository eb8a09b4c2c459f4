# SPDX-License-Identifier: Apache-2.0
"""The documents of a machine: read, removed, processed anew."""

import flask

from valence.api import conditions
from valence.api.introspection import documents
from valence.api.introspection import parameters
from valence.api.introspection import statuses

JSON, GZIP = "application/json", "application/gzip"


class Show:
    """Shows a document; 304 if the client has it already."""

    def __init__(self, kind, content_type=JSON):
        self._kind, self._content_type = kind, content_type
        self.summary = f"Show the {kind} data of a machine." if kind != "logs" else "Show a ramdisk's logs."

    def __call__(self, call, machine):
        known = _known(call.http)
        answer = call.conductor.introspection.data(call.context, machine, kind=self._kind, known=known)
        headers = {"ETag": f'"{answer["digest"]}"'}
        if answer["text"] is None:
            return flask.Response(status=304, headers=headers)
        content = documents.fetch(call, answer)
        return flask.Response(content, 200, headers, content_type=self._type(content))

    def _type(self, content):
        is_text = self._content_type == GZIP and not content.startswith(b"\x1f\x8b")
        return "text/plain; charset=utf-8" if is_text else self._content_type


def delete(call, machine):
    """Remove the data of a machine, its logs too."""
    call.conductor.introspection.delete_data(call.context, machine)
    return flask.Response(status=204)


def reapply(call, machine):
    """Process the stored data of a machine, or those that come, anew."""
    data = documents.read(call.http, call.settings.max_json_depth)
    if data.strip():
        documents.send(call, "reapply", data, machine=machine)
    else:
        call.conductor.introspection.reapply(call.context, machine)
    return statuses.accepted()


def receive(call):
    """Take the data that a ramdisk sends."""
    call.services.rate.require(call.http.remote_addr)
    data = documents.read(call.http, call.settings.max_json_depth)
    return documents.send(call, "receive", data, token=parameters.of(call).get("token"))


def _known(http):
    """Return the digest that the client has a document with; of several only one can be the present one."""
    tags = conditions.tags(http)
    return tags[0] if len(tags) == 1 else None
