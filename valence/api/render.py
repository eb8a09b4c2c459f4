# SPDX-License-Identifier: Apache-2.0
"""Responses: JSON documents with their tags, and the links of lists."""

import json
import urllib.parse

import flask

from valence.api import body
from valence.api import conditions


def encode(value):
    """Return ``value`` as JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def document(call, value, *, status=200, revision=None, headers=None):
    """Return a response that shows one thing; 304 without it if the client has it already."""
    data = encode(value)
    return _tagged(call, data, conditions.strong_tag(data, revision), status, headers or {})


def page(call, name, answer, query):
    """Return a response that shows the rows of ``answer`` (as of ``client.Records.list``) as ``name``.

    The rows are passed through as the text that they came as.
    """
    links = encode(_page_links(call, query, answer["next"]))
    data = b'{"%s":%s,"links":%s}' % (name.encode(), answer["rows"].encode(), links)
    return _tagged(call, data, conditions.weak_tag(data), 200, {})


def empty():
    """Return a response that has nothing to show."""
    return _without_body(204, {})


def link(call, relation, path):
    """Return a link."""
    return {"rel": relation, "href": call.url(path)}


def _tagged(call, data, tag, status, headers):
    headers = {"ETag": tag, **headers}
    if status == 200 and call.http.method in ("GET", "HEAD") and conditions.unchanged(call.http, tag):
        return _without_body(304, headers)
    return flask.Response(data, status, headers, content_type=body.JSON)


def _without_body(status, headers):
    response = flask.Response(status=status, headers=headers)
    del response.headers["Content-Type"]
    return response


def _page_links(call, query, following):
    path, text = call.http.path.rstrip("/"), call.raw_query
    links = [link(call, "self", f"{path}?{text}" if text else path)]
    if following is not None:
        links.append(link(call, "next", f"{path}?{_next_query(text, query, following)}"))
    return links


def _next_query(text, query, following):
    kept = [
        (name, value) for name, value in urllib.parse.parse_qsl(text, True) if name not in ("marker", "limit")
    ]
    return urllib.parse.urlencode([*kept, ("limit", query.limit), ("marker", following)], safe=":,")
