# SPDX-License-Identifier: Apache-2.0
"""What a Redfish document says of a resource: what is compared in a synchronization, and what it leads to."""

import sys

from valence.podmanagers import base
from valence.podmanagers.redfish.crawl import links

#: serial numbers and UUIDs that makers put where they have none
_NO_IDENTITY = frozenset({
    "", "none", "null", "n/a", "na", "not specified", "not available", "unknown", "default string",
    "to be filled by o.e.m.", "system serial number", "03000200-0400-0500-0006-000700080009",
})  # fmt: skip
#: properties of which a part of a document has one at least
_PARTS = frozenset({"MemberId", "Name", "SerialNumber", "Status"})
#: links that a service root has, one at least
_SYSTEM = frozenset(
    {"Systems", "Chassis", "Managers", "Fabrics", "StorageServices", "Nodes", "RedfishVersion"}
)
_SEPARATORS = frozenset("-:. _")
_FILLERS = ({"0"}, {"f"}, {"x"})


def seen(document, url, kind, parent, etag=None):
    """Return what ``document`` tells of the resource at ``url``; ``etag`` is the one of its HTTP answer."""
    status = document.get("Status")
    if not isinstance(status, dict):
        status = {"State": status}
    return base.Seen(
        url,
        links.resource_type(kind, document),
        parent,
        _name(document, url),
        *map(_shared, (_health(status), status.get("State"))),
        power_state(document),
        identity(document),
        usable_etag(etag or document.get("@odata.etag")),
    )


def _name(document, url):
    """Return the name of a resource, what stands in for one, or the last part of its path."""
    given = (_text(document.get(key), 255) for key in ("Name", "Id", "MemberId"))
    return next(filter(None, given), None) or _text(url.rpartition("/")[2], 255)


def power_state(document):
    """Return the PowerState of a resource, None where it has none."""
    return _shared(document.get("PowerState"))


def _health(status):
    """Return the health of a resource; some services only say that of it and its parts together."""
    return status.get("HealthRollup") if status.get("Health") is None else status["Health"]


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
    return isinstance(item, dict) and ("Id" in item or "MemberId" in item) and "error" not in item


def is_resource(document: dict) -> bool:
    """Return whether a document is a resource or a collection: services also answer 200 with an error or nothing."""
    names = (document.get("@odata.id"), document.get("@odata.type"))
    return any(isinstance(name, str) for name in names) and document.get("error") is None


def is_service_root(document: dict) -> bool:
    """Return whether a document is a service root, as far as it says what it is."""
    named = document.get("@odata.type")
    if isinstance(named, str):
        return "ServiceRoot" in named or "RedfishVersion" in document
    return "Members" not in document and not _SYSTEM.isdisjoint(document)


def is_single(document: dict) -> bool:
    """Return whether a document that is no collection says that it is a resource, and not the service root."""
    named = document.get("@odata.type")
    if isinstance(named, str):
        return "ServiceRoot" not in named
    return "Id" in document or "MemberId" in document


def lacks(document: dict, whole: dict, kind: str) -> bool:
    """Return whether a document of a kind, as expanded, lacks state or links of the ``whole`` one."""
    ours, theirs = (seen(each, "/", kind, "") for each in (document, whole))
    texts = zip(ours[3:8], theirs[3:8], strict=True)
    if any(mine is None and its is not None for mine, its in texts):
        return True
    paths = [each.path for link in links.LINKS.get(kind, ()) for each in (link, *link.instead)]
    return any(at(whole, path) is not None and at(document, path) is None for path in paths)


def is_part(item, url, place):
    """Return whether an item of the list at ``place`` is a part of the document that has the list.

    Parts have a fragment of that document as their URL, the URL of the document itself, or none.
    """
    if not isinstance(item, dict):
        return False
    if url is None:
        return bool(_PARTS & item.keys()) and "@odata.id" not in item
    document = place.partition("#")[0]
    path, is_fragment, _ = url.partition("#")
    return path.rstrip("/") == document and (bool(is_fragment) or bool(_PARTS & item.keys()))


def members(document):
    """Return the list of members of a collection; None where there is no list."""
    for place in (document, document.get("Links")):
        if isinstance(place, dict) and "Members" in place:
            found = place["Members"]  # some services write the only one without a list around it
            if isinstance(found, dict) and reference(found):
                return [found]
            return found if isinstance(found, list) else None
    return None


def at(document, path):
    """Return the value at a path of keys, None where there is none."""
    for key in path:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


def pointed(document, pointer):
    """Return the part of a document that a JSON pointer (RFC 6901) leads to, None where there is none.

    Services also write names into the fragment of a part of a list: the part that has that fragment is meant.
    """
    parts, _, name = pointer.strip("/").rpartition("/")
    keys = [key.replace("~1", "/").replace("~0", "~") for key in (*filter(None, parts.split("/")), name)]
    there = _walked(document, keys[:-1])
    named = (
        [part for part in there if _fragment(part) == pointer.strip("/")] if isinstance(there, list) else []
    )
    return named[0] if named else _walked(there, keys[-1:])


def _fragment(part):
    return (reference(part) or "").partition("#")[2].strip("/") if isinstance(part, dict) else None


def _walked(document, keys):
    for key in keys:
        if isinstance(document, list):
            document = (
                document[int(key[:9])]
                if key.isascii() and key.isdecimal() and int(key[:9]) < len(document)
                else None
            )
        else:
            document = document.get(key) if isinstance(document, dict) else None
    return document


def _shared(value):
    """Return a short text of which there are few different ones, the same object each time: many are kept."""
    text = _text(value, 32)
    return text and sys.intern(text)


def _identifying(value):
    text = _text(value, 255)
    if text is None or text.lower() in _NO_IDENTITY:
        return None
    digits = set(text.lower().removeprefix("0x")) - _SEPARATORS
    return None if not digits or digits in _FILLERS else text


def _text(value, limit):
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    text = str(value)
    if not text.isprintable():  # NUL and half a surrogate pair, among others, cannot be stored
        text = "".join(each if each.isprintable() else " " for each in text)
    return text.strip()[:limit] or None
