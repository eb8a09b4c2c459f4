# SPDX-License-Identifier: Apache-2.0
"""What a Redfish document says of a resource: what is compared in a synchronization, and what it leads to."""

import sys

from valence.podmanagers import base
from valence.podmanagers import redfish_links

#: serial numbers and UUIDs that makers put where they have none
_NO_IDENTITY = frozenset({
    "", "none", "null", "n/a", "na", "not specified", "not available", "unknown", "default string",
    "to be filled by o.e.m.", "system serial number", "03000200-0400-0500-0006-000700080009",
})  # fmt: skip
_FILLERS = ({"0"}, {"f"}, {"x"})


def seen(document, url, kind, parent, etag=None):
    """Return what ``document`` tells of the resource at ``url``; ``etag`` is the one of its HTTP answer."""
    status = document.get("Status")
    if not isinstance(status, dict):
        status = {"State": status}
    return base.Seen(
        url,
        redfish_links.resource_type(kind, document),
        parent,
        _text(document.get("Name"), 255) or _text(document.get("Id") or document.get("MemberId"), 255),
        *map(_shared, (status.get("Health"), status.get("State"), document.get("PowerState"))),
        identity(document),
        usable_etag(etag or document.get("@odata.etag")),
    )


def identity(document):
    """Return the UUID, else the serial number, by which a resource is known again; None where there is neither."""
    uuid = _identifying(document.get("UUID"))
    return uuid.lower() if uuid else _identifying(document.get("SerialNumber"))


def usable_etag(etag):
    """Return the ETag if it is one that can be stored and sent, else None."""
    return (
        etag
        if isinstance(etag, str) and 0 < len(etag) <= 255 and etag.isascii() and etag.isprintable()
        else None
    )


def reference(value):
    """Return the URL that a link holds, which is an ``{"@odata.id": …}`` or bare; None where it holds none."""
    if isinstance(value, dict):
        value = value.get("@odata.id")
    return value if isinstance(value, str) and value else None


def has_content(item):
    """Return whether a link brings the document that it leads to, as expanded and embedded ones do."""
    return isinstance(item, dict) and ("Id" in item or "MemberId" in item)


def members(document):
    """Return the members of a collection, [] of an empty one, None of a document that is no collection."""
    for place in (document, document.get("Links")):
        if isinstance(place, dict) and "Members" in place:
            found = place["Members"]
            if isinstance(found, dict) and reference(found):
                return [found]
            return found if isinstance(found, list) else []
    return [] if "Collection" in str(document.get("@odata.type")) else None


def is_whole(document):
    """Return whether a collection has as many members as it says, or tells where there are more."""
    count, found = document.get("Members@odata.count"), members(document)
    return found is None or not isinstance(count, int) or count <= len(found) or goes_on(document)


def goes_on(document):
    """Return whether a collection has another page."""
    return document.get("Members@odata.nextLink") is not None


def at(document, path):
    """Return the value at a path of keys, None where there is none."""
    for key in path:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


def pointed(document, pointer):
    """Return the part of a document that a JSON pointer (RFC 6901) leads to, None where there is none."""
    for key in pointer.strip("/").split("/"):
        key = key.replace("~1", "/").replace("~0", "~")
        if isinstance(document, list):
            document = document[int(key)] if key.isdigit() and int(key) < len(document) else None
        else:
            document = document.get(key) if isinstance(document, dict) else None
    return document


def _shared(value):
    """Return a short text of which there are few different ones, the same object each time: many are kept."""
    text = _text(value, 32)
    return text and sys.intern(text)


def _identifying(value):
    text = _text(value, 255)
    if text is None or text.lower() in _NO_IDENTITY or set(text.lower()) - {"-"} in _FILLERS:
        return None
    return text


def _text(value, limit):
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    text = str(value)
    if not text.isprintable():  # NUL and half a surrogate pair, among others, cannot be stored
        text = "".join(each if each.isprintable() else " " for each in text)
    return text.strip()[:limit] or None
