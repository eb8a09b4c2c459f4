# SPDX-License-Identifier: Apache-2.0
"""What an Elasticsearch of the old Freezer API holds, read from a dump or from the server itself."""

import json
import typing

import requests

from valence.common import errors

PAGE = 500
TIMEOUT = 60
#: how long the server keeps a scroll between two pages
KEPT = "5m"
#: names that a document of a collection has; Elasticsearch 7 and later do not say the type
SHAPES = {
    "clients": {"client"},
    "backups": {"backup_metadata"},
    "jobs": {"job_id", "job_actions"},
    "sessions": {"session_id", "schedule"},
    "actions": {"action_id", "freezer_action"},
}


class Hit(typing.NamedTuple):
    """A stored document; ``collection`` is None for what is not Freezer's."""

    collection: str | None
    identifier: str
    version: int
    source: dict


def read_file(path):
    """Yield the hits of a dump with one hit a line, as elasticdump writes it; raise BadRequest."""
    try:
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _parsed(path, number, line)
    except (OSError, UnicodeDecodeError) as failure:
        raise errors.BadRequest(reason=f"{path} cannot be read: {failure}") from None


def read_server(url, index):
    """Yield the hits of an index, by the scrolls of Elasticsearch 1 to 8; raise BadRequest with what it answers."""
    server = _Server(url)
    body = {"query": {"match_all": {}}, "size": PAGE, "version": True}
    page = server.post(f"/{index}/_search", body, scroll=KEPT)
    while hits := page["hits"]["hits"]:
        yield from map(hit, hits)
        page = server.next_page(page["_scroll_id"])


def hit(told):
    """Return the Hit that a hit of a search tells."""
    source = told.get("_source")
    source = source if isinstance(source, dict) else {}
    return Hit(
        _collection(told.get("_type"), source), str(told.get("_id")), told.get("_version") or 1, source
    )


def _collection(kind, source):
    if kind in SHAPES:
        return kind
    return next((name for name, names in SHAPES.items() if names <= source.keys()), None)


def _parsed(path, number, line):
    try:
        told = json.loads(line)
    except ValueError:
        raise errors.BadRequest(reason=f"{path}, line {number}: that is not JSON.") from None
    if not isinstance(told, dict):
        raise errors.BadRequest(reason=f"{path}, line {number}: that is not an object.")
    return hit(told)


class _Server:
    """An Elasticsearch over HTTP."""

    def __init__(self, url):
        self._url, self._session = url.rstrip("/"), requests.Session()

    def post(self, path, body, **parameters):
        """Return the answer to a JSON document."""
        return self._read(self._send(path, parameters, json=body))

    def next_page(self, scroll):
        """Return the next page; Elasticsearch 1 takes the scroll as a text."""
        response = self._send("/_search/scroll", {}, json={"scroll": KEPT, "scroll_id": scroll})
        if response.status_code == requests.codes.bad_request:
            response = self._send("/_search/scroll", {"scroll": KEPT}, data=scroll)
        return self._read(response)

    def _send(self, path, parameters, **body):
        try:
            return self._session.post(self._url + path, params=parameters, timeout=TIMEOUT, **body)
        except requests.RequestException as failure:
            raise errors.BadRequest(reason=f"{self._url} does not answer: {failure}") from None

    def _read(self, response):
        try:
            if response.ok:
                return response.json()
        except ValueError:
            pass
        reason = f"{self._url} answered {response.status_code}: {response.text[:200]}"
        raise errors.BadRequest(reason=reason)
