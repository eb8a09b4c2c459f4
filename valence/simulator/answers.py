# SPDX-License-Identifier: Apache-2.0
"""Encoded resources with their ETags: cached until they change, paged, expanded, or spoiled on purpose."""

import dataclasses
import hashlib
import json
import re
import urllib.parse

from aiohttp import web

from valence.simulator import redfish
from valence.simulator import resources

EXPAND = re.compile(r"([.~*])(?:\(\$levels=(\d{1,3})\))?")


@dataclasses.dataclass(frozen=True)
class Query:
    """What a client asked for; ``expand`` is one of ``.``, ``~``, ``*`` or empty."""

    expand: str = ""
    levels: int = 1
    skip: int = 0
    top: int | None = None
    pages: bool = False

    @property
    def expand_option(self):
        return {"$expand": f"{self.expand}($levels={self.levels})"} if self.expand else {}


def parse(text, behaviour):
    """Return the Query in the query string ``text``; what is not offered is ignored or refused with 501."""
    found = {}
    for name, value in urllib.parse.parse_qsl(text, keep_blank_values=True):
        if name == "$expand" and behaviour.expand:
            found |= _expand(value, behaviour.expand_levels)
        elif name in ("$skip", "$top"):
            found |= {name[1:]: _number(name, value), "pages": True}
        elif name.startswith("$") and behaviour.refuse_queries:
            raise redfish.RedfishError(501, "QueryNotSupported", f"The query option {name} is not supported.")
    if "expand" in found and behaviour.page_size:
        found["pages"] = True  # so that the link to the next page asks to expand as well
    return Query(**found)


def _expand(value, most):
    match = EXPAND.fullmatch(value)
    if not match:
        raise redfish.bad_request("QueryParameterValueFormatError", f"$expand does not know {value}.")
    levels = int(match[2] or 1)
    if not 1 <= levels <= most:
        raise redfish.bad_request("QueryParameterOutOfRange", f"$levels goes from 1 to {most}.")
    return {"expand": match[1], "levels": levels}


def _number(name, value):
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise redfish.bad_request("QueryParameterValueTypeError", f"{name} is a number.")
    return int(value)


PAGE = b"<!DOCTYPE html>\n<html><body><h1>It works!</h1></body></html>\n"


async def send(request, response, kind):
    """Return the answer that ``response`` becomes by the fault ``kind``, one of ``KINDS``."""
    return await KINDS[kind](request, response)


async def html(request, response):
    return web.Response(body=PAGE, content_type="text/html", charset="utf-8")


async def truncate(request, response):
    """Promise and deliver half a document: the HTTP is right, the JSON is not."""
    body = response.body or b""
    return web.Response(status=response.status, body=body[: len(body) // 2], headers=kept_headers(response))


async def cut(request, response):
    """Promise the whole, deliver half, and close the connection."""
    body = response.body or b" "
    half = web.StreamResponse(status=200, headers=kept_headers(response))
    half.content_length = len(body)
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    if request.transport:
        request.transport.close()
    return half


def kept_headers(response):
    return {name: value for name, value in response.headers.items() if name != "Content-Length"}


KINDS = {"html": html, "truncate": truncate, "cut": cut}


#: below a system: what follows its resource blocks
COLLECTIONS = ("/Processors", "/Memory", "/Storage/1", "/Storage/1/Drives", "/EthernetInterfaces")
LINK = re.compile(rb'\{"@odata\.id":"([^"#]+)"\}')
LINKS = b'"Links":{'
MAX_BYTES = 128 * 2**20  # 10,000 systems with all their parts are 66 MB


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """A document as bytes of JSON; ``etag`` is None where the service sends none."""

    body: bytes
    etag: str | None


class Answers:
    """Answers for every path of ``documents`` (``tree.Tree``), as ``behaviour`` has it.

    ``is_dead(path)`` tells of resources that cannot be read: they stay links when expanded.
    """

    def __init__(self, documents, behaviour, is_dead=lambda path: False):
        self._documents = documents
        self._behaviour = behaviour
        self._is_dead = is_dead
        self._kept = {}

    def get(self, path):
        """Return the answer for the resource at ``path``: of a collection its first page."""
        return self._kept.get(path) or self._make(path)

    def query(self, path, text):
        """Return the answer for ``path`` with the query string ``text``."""
        query = parse(text, self._behaviour)
        answer = self._page(path, query) if query.pages else self.get(path)
        if not query.expand:
            return answer
        body = self._expand(answer.body, query.expand, query.levels, [MAX_BYTES])
        return Answer(body, self._etag(body))

    def forget(self, system):
        """Drop what a change of ``system`` made wrong; everything where it is None."""
        if system is None:
            self._kept.clear()
            return
        place = f"{redfish.ROOT}/Systems/{system.id}"
        for path in ("", *COLLECTIONS):
            self._kept.pop(place + path, None)
        if not system.is_composed:
            self._kept.pop(f"{redfish.ROOT}/Chassis/{system.sled.id}", None)

    def _make(self, path):
        row, _ = self._documents.find(path)
        document = self._documents.document(path)
        if isinstance(row, resources.Collection) and self._behaviour.page_size:
            document = page(document, Query(), self._behaviour.page_size)
        answer = self._encode(document)
        if not row.volatile:
            self._kept[path] = answer
        return answer

    def _page(self, path, query):
        row, _ = self._documents.find(path)
        if not isinstance(row, resources.Collection):
            return self.get(path)
        return self._encode(page(self._documents.document(path), query, self._behaviour.page_size))

    def _encode(self, document):
        body = json.dumps(document, separators=(",", ":")).encode()
        etag = self._etag(body)
        if etag:
            body = b'{"@odata.etag":' + json.dumps(etag).encode() + b"," + body[1:]
        return Answer(body, etag)

    def _etag(self, body):
        return f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"' if self._behaviour.etags else None

    def _expand(self, body, option, levels, budget):
        """Replace links by documents: those in ``Links`` (``~``), all others (``.``), or both (``*``)."""
        subordinate, mark, dependent = body.partition(LINKS)

        def splice(match):
            return self._splice(match, option, levels, budget)

        if option != "~":
            subordinate = LINK.sub(splice, subordinate)
        if option != ".":
            dependent = LINK.sub(splice, dependent)
        return subordinate + mark + dependent

    def _splice(self, match, option, levels, budget):
        path = match[1].decode()
        if self._is_dead(path):
            return match[0]
        body = self.get(path).body
        budget[0] -= len(body)
        if budget[0] < 0:
            raise redfish.RedfishError(507, "InsufficientStorage", "The expanded answer would be too large.")
        return body if levels == 1 else self._expand(body, option, levels - 1, budget)


def page(document, query, page_size):
    """Return the part of a collection that ``query`` asks for, with a link to the next one if any."""
    members = document["Members"][query.skip :]
    wanted = len(members) if query.top is None else min(query.top, len(members))
    size = min(wanted, page_size) if page_size else wanted
    result = document | {"Members": members[:size]}
    if size < wanted:
        left = {} if query.top is None else {"$top": query.top - size}
        following = {**query.expand_option, "$skip": query.skip + size, **left}
        text = urllib.parse.urlencode(following, safe="$().*~=")
        result["Members@odata.nextLink"] = f"{document['@odata.id']}?{text}"
    return result
