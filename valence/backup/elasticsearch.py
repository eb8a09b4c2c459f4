# SPDX-License-Identifier: Apache-2.0
"""Read the documents of an old Freezer API from a dump of Elasticsearch, or from the server itself."""

import json
import typing
import urllib.parse

import requests

from valence.common import errors

PAGE = 500
TIMEOUT = 60
#: how long the server keeps a scroll between two pages
KEPT = "5m"
#: longest part of an answer that an error shows
LONGEST = 200
#: names that a document of a collection has; Elasticsearch 7 and later do not say the type
SHAPES = {
    "clients": {"client"},
    "backups": {"backup_metadata"},
    "jobs": {"job_id", "job_actions"},
    "sessions": {"session_id", "schedule"},
    "actions": {"action_id", "freezer_action"},
}


class Hit(typing.NamedTuple):
    """A stored document; ``collection`` is None for one of another service, ``problem`` says why it is unreadable."""

    collection: str | None
    identifier: str
    version: int
    source: dict
    problem: str = ""


def read_file(path):
    """Yield the hits of a dump with one hit a line, as elasticdump writes it; raise BadRequest.

    A line that cannot be read is a Hit with a problem.
    """
    try:
        with open(path, "rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _parsed(number, line)
    except OSError as failure:
        raise errors.BadRequest(reason=f"{path} cannot be read: {failure}") from None


def fetch(url, index):
    """Yield the documents of an index by scrolls, from Elasticsearch 1 to 8.

    Raises BadRequest with the server's error, and where it sends fewer documents than it announced.
    """
    server = _Server(url)
    body = {"query": {"match_all": {}}, "size": PAGE, "version": True}
    page = server.post(f"/{urllib.parse.quote(index, safe='')}/_search", body, scroll=KEPT)
    announced, received = page.total, 0
    while page.hits:
        yield from page.hits
        received += len(page.hits)
        page = server.next_page(page.scroll)
    server.check(received, *announced)


def hit(told):
    """Return the Hit of one result of a search."""
    source, version = told.get("_source"), told.get("_version")
    is_object = isinstance(source, dict)
    collection = _collection(told.get("_type"), source if is_object else {})
    identifier, version = told.get("_id"), 1 if version is None else version
    problem = "" if is_object else "_source: not an object"
    if isinstance(version, bool) or not isinstance(version, int) or not -1 <= version < 2**63:
        problem = f"_version: {str(version)[:40]!r} is not a version"
    if not isinstance(identifier, str) or not identifier.isprintable():
        problem = f"_id: {str(identifier)[:40]!r} is not a printable text"
    return Hit(collection, ascii(identifier)[1:-1], version, source, problem)


def _collection(kind, source):
    if isinstance(kind, str) and kind in SHAPES:
        return kind
    return next((name for name, names in SHAPES.items() if names <= source.keys()), None)


def _parsed(number, line):
    try:
        told = json.loads(line.decode())
    except (ValueError, RecursionError):
        return Hit(None, f"line {number}", 1, {}, "not JSON in UTF-8")
    return hit(told) if isinstance(told, dict) else Hit(None, f"line {number}", 1, {}, "not an object")


class _Page(typing.NamedTuple):
    """A page of a scroll: its hits, the name of the scroll, and ``(number of all hits, whether there may be more)``."""

    hits: list
    scroll: str
    total: tuple


class _Server:
    """An Elasticsearch over HTTP; ``url`` may hold a user and a password, which no error shows."""

    def __init__(self, url):
        try:
            parts = urllib.parse.urlsplit(url.rstrip("/"))
        except ValueError:  # its text may show the password
            raise errors.BadRequest(reason="What was given as URL of Elasticsearch is not a URL.") from None
        self._name = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        self._url, self._session = parts.geturl(), requests.Session()

    def post(self, path, body, **parameters):
        """Return the Page that answers a JSON document."""
        return self._read(self._send(path, parameters, json=body))

    def next_page(self, scroll):
        """Return the next Page; Elasticsearch 1 takes the scroll as a text."""
        response = self._send("/_search/scroll", {}, json={"scroll": KEPT, "scroll_id": scroll})
        if response.status_code == requests.codes.bad_request:
            response = self._send("/_search/scroll", {"scroll": KEPT}, data=scroll)
        return self._read(response)

    def check(self, received, announced, may_be_more):
        """Raise BadRequest unless as many hits were received as were announced."""
        if received < announced or (received > announced and not may_be_more):
            raise self._failure(f"announced {announced} documents and sent {received}")

    def _send(self, path, parameters, **body):
        try:
            return self._session.post(self._url + path, params=parameters, timeout=TIMEOUT, **body)
        except (requests.RequestException, ValueError) as failure:
            raise self._failure(f"does not answer: {type(failure).__name__}") from failure

    def _read(self, response):
        """Return the Page of a response; raise BadRequest unless every shard answered, and in time."""
        told = self._document(response)
        shards = told.get("_shards") or {}
        if told.get("timed_out") or shards.get("failed"):
            about = json.dumps({"timed_out": told.get("timed_out", False), "_shards": shards})
            raise self._failure(f"did not read every shard in time: {about[:LONGEST]}")
        try:
            hits = told["hits"]["hits"]
            total = told["hits"].get("total", len(hits))
            total = (total["value"], total["relation"] != "eq") if isinstance(total, dict) else (total, False)
            scroll = told.get("_scroll_id", "")
        except (KeyError, TypeError, AttributeError):
            raise self._failure("sent something that is not a page of hits") from None
        if not (isinstance(hits, list) and all(isinstance(each, dict) for each in hits)):
            raise self._failure("sent hits that are not a list of objects")
        return _Page(hits, scroll, total)

    def _document(self, response):
        try:
            told = response.json() if response.ok else None
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise self._failure(f"answered {response.status_code}: {response.text[:LONGEST]}")
        return told

    def _failure(self, what):
        return errors.BadRequest(reason=f"{self._name} {what}. Nothing was imported.")
