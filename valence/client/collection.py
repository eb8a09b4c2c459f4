# SPDX-License-Identifier: Apache-2.0
"""Collections of the API: what can be listed, found, created, changed and removed."""

import typing
import urllib.parse
import uuid
from collections import abc

from valence.client import errors
from valence.client import rows
from valence.db import models

if typing.TYPE_CHECKING:
    import requests

    from valence.client import rack

#: a row, or what identifies it
Named = rows.Row | str
#: names and values of filters
Filters = abc.Sequence[tuple[str, typing.Any]]

#: segments that say where a path leads
DOTS = (".", "..")


class Collection:
    """The rows of one kind. ``collection(state="free")`` is the same as ``collection.list(state="free")``."""

    def __init__(self, api: "rack.Rack", model: type[models.ModelBase], path: str | None = None) -> None:
        self._api, self.model, self.path = api, model, path or model.path

    @property
    def kind(self) -> str:
        """The name of one, such as ``pod manager``."""
        return self.path.removesuffix("s").replace("_", " ")

    def list(
        self, *, limit: int | None = None, filters: Filters = (), **query: typing.Any
    ) -> abc.Iterator[rows.Row]:
        """Yield rows page by page, at most ``limit``; all of them with None.

        ``query`` has filters by field and the parameters of lists: ``sort``, ``fields``, ``marker``, ``detail``.
        ``filters`` has more filters, in which a field may come several times. Raises ValueError for a limit below 1.
        """
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
            raise ValueError(f"A limit is a whole number from 1 on, or None for all rows, not {limit!r}.")
        asked = [*filters, *query.items(), ("limit", None if limit is None else min(limit, PAGE))]
        parameters: typing.Any = [(name, text(value)) for name, value in asked if value is not None]
        left = limit
        while parameters is not None:
            response = self._api.call("GET", f"/{self.path}", params=parameters)
            found = errors.rows_of(response, self.path)
            for values in found[:left]:
                yield self.row(values)
            left = None if left is None else left - len(found)
            parameters = _next(response.json()) if left is None or left > 0 else None

    __call__ = list

    def get(self, key: Named, **options: typing.Any) -> rows.Row:
        """Return one row by what identifies it; raise NotFound. ``options`` are ``fields`` and ``detail``."""
        given = {name: text(value) for name, value in options.items()}
        return self.answer(self._api.call("GET", self.url(key), params=given))

    def find(self, name: str, **options: typing.Any) -> rows.Row:
        """Return one row by its identifier or its name; raise NotFound, or Ambiguous with the candidates."""
        if self.model.key != "uuid" or "name" not in self.model.fields or is_uuid(name):
            return self.get(name, **options)
        return self.get(self._named(name).id, **options)

    def _named(self, name: str) -> rows.Row:
        """Return the one row with a name, as the list has it."""
        found = list(self.list(name=f"eq:{name}", limit=MOST_CANDIDATES))
        if not found:
            raise errors.NotFound(
                f"There is no {self.kind} {name}.", hint="List them to see what there is.", status=404
            )
        if len(found) > 1:
            identifiers = ", ".join(row.id for row in found)
            raise errors.Ambiguous(
                f"Several {self.path} have the name {name}: {identifiers}.", hint="Use the UUID of one."
            )
        return found[0]

    def create(self, *, idempotency_key: str | None = None, **values: typing.Any) -> rows.Row:
        """Create a row and return it; a repetition after a lost connection creates no second one.

        ``idempotency_key`` is that of an earlier attempt, which its error has.
        """
        return self.answer(self._post(f"/{self.path}", idempotency_key, json=values))

    def update(self, row: Named, *, if_match: str | None = None, **values: typing.Any) -> rows.Row:
        """Change fields and return the row; None sets a field back to its default.

        With a row, not only its identifier, nothing is changed if somebody else changed it since: raises Changed.
        ``if_match`` is the ETag or the revision that it must have instead.
        """
        headers = {}
        if if_match is not None:
            headers["If-Match"] = entity_tag(if_match)
        elif isinstance(row, rows.Row):
            headers["If-Match"] = row.etag or self._current(row).etag or "*"
        return self.answer(self._api.call("PATCH", self.url(row), json=values, headers=headers))

    def delete(self, row: Named, *, force: bool = False) -> rows.Row | None:
        """Remove a row; return the operation that does it if it takes longer, None if it is done."""
        return self._delete(row, force=force)

    def _delete(self, row: Named, **flags: bool) -> rows.Row | None:
        """Send the request that removes a row, with the flags that are true."""
        parameters = {name: "true" for name, flag in flags.items() if flag}
        response = self._api.call("DELETE", self.url(row), params=parameters)
        return self._api.operations.answer(response) if response.content else None

    def url(self, row: Named, *more: str) -> str:
        """Return the path of a row, or of something below it."""
        key = row.id if isinstance(row, rows.Row) else row
        return "/".join([f"/{self.path}", segment(key, self.kind), *more])

    def row(self, values: dict[str, typing.Any], etag: str | None = None) -> rows.Row:
        """Return values from the API as a row of this collection."""
        return rows.Row(values, self.model.key, etag)

    def answer(self, response: typing.Any) -> rows.Row:
        """Return the row in a response, with its ETag."""
        # A proxy that compresses makes it weak, and If-Match takes no weak one.
        etag = response.headers.get("ETag")
        return self.row(response.json(), etag and etag.removeprefix("W/"))

    def _post(self, url: str, key: str | None, **keywords: typing.Any) -> "requests.Response":
        return self._api.call("POST", url, idempotency_key=key, **keywords)

    def _current(self, row: rows.Row) -> rows.Row:
        """Return a row of a list with its ETag; raise Changed if it is not as the list showed it."""
        if "revision" not in row:
            raise errors.RackError(
                f"The {self.kind} {row.id} was listed without its revision, which tells whether it was changed since.",
                hint="List the field revision, too.",
            )
        found = self.get(row)
        if found.get("revision") != row.get("revision"):
            raise errors.Changed(
                f"The {self.kind} {row.id} was changed since it was listed.",
                hint="Read it again.",
                status=412,
            )
        return found


#: rows of a page where the caller wants only some; candidates that an ambiguous name is answered with
PAGE, MOST_CANDIDATES = 100, 5


class PodManagers(Collection):
    """Pod managers, which can be synchronized."""

    def sync(self, row: Named, *, idempotency_key: str | None = None) -> rows.Row:
        """Request a synchronization; return its operation."""
        return self._api.operations.answer(self._post(self.url(row, "sync"), idempotency_key))


class Quotas(Collection):
    """Limits of projects, and what their nodes have; a quota is known by its project, ``-`` without authentication."""

    def update(self, row: Named, **limits: typing.Any) -> rows.Row:
        """Set limits and return the quota: -1 is no limit, None the limit of the site; others stay as they are."""
        return self.answer(self._api.call("PATCH", self.url(row), json={"limits": limits}))


class Nodes(Collection):
    """Nodes. What takes long is done by an operation, whose UUID ``operation_of`` returns."""

    def find(self, name: str, **options: typing.Any) -> rows.Row:
        """Return one node by its UUID or its name, which the API resolves if a path can have it."""
        return super().find(name, **options) if _is_unfit(name) else self.get(name, **options)

    def explain(self, **values: typing.Any) -> dict[str, typing.Any]:
        """Return what would be chosen for a new node, or why nothing fits; nothing is stored."""
        response = self._api.call("POST", f"/{self.path}", json=values, params={"dry_run": "true"})
        explanation: dict[str, typing.Any] = response.json()
        return explanation

    def manage(
        self, resource: Named, *, idempotency_key: str | None = None, **values: typing.Any
    ) -> rows.Row:
        """Adopt a system as it stands; return the node."""
        key = resource.id if isinstance(resource, rows.Row) else resource
        body = {"resource_id": key, **values}
        return self.answer(self._post(f"/{self.path}/manage", idempotency_key, json=body))

    def delete(self, row: Named, *, force: bool = False, erase: bool = False) -> rows.Row | None:
        """Release a node; ``erase`` has its storage devices erased, also where the site does not by default."""
        return self._delete(row, force=force, erase=erase)

    def act(self, row: Named, *, idempotency_key: str | None = None, **action: typing.Any) -> rows.Row:
        """Run one action, such as ``power="on"`` or ``boot={"target": "pxe"}``; return its operation."""
        url = self.url(self._key(row), "action")
        return self._api.operations.answer(self._post(url, idempotency_key, json=action))

    def register(self, row: Named, *, idempotency_key: str | None = None, **values: typing.Any) -> rows.Row:
        """Register a node in Ironic; return its operation. ``values`` are those of Ironic's node, and ``mac``."""
        url = self.url(self._key(row), "register")
        return self._api.operations.answer(self._post(url, idempotency_key, json=values))

    def unregister(self, row: Named, *, idempotency_key: str | None = None) -> rows.Row:
        """Remove a node from Ironic; return its operation."""
        url = self.url(self._key(row), "unregister")
        return self._api.operations.answer(self._post(url, idempotency_key))

    def devices(self, row: Named) -> abc.Iterator[rows.Row]:
        """Yield the devices that a node has."""
        response = self._api.call("GET", self.url(self._key(row), "devices"))
        for values in errors.rows_of(response, "devices"):
            yield rows.Row(values, models.NodeDevice.key)

    def _key(self, row: Named) -> Named:
        """Return what a path identifies a node by; names that no path can have are looked up in the list."""
        if isinstance(row, rows.Row) or not _is_unfit(row):
            return row
        return self._named(row).id


class Operations(Collection):
    """Operations, which can be cancelled and retried; ``Rack.wait_for_operation`` waits for them."""

    def cancel(self, row: Named, *, idempotency_key: str | None = None) -> rows.Row:
        """Cancel an operation; return it."""
        return self.answer(self._post(self.url(row, "cancel"), idempotency_key))

    def retry(self, row: Named, *, idempotency_key: str | None = None) -> rows.Row:
        """Do once more what an operation did not do; return the new operation."""
        return self.answer(self._post(self.url(row, "retry"), idempotency_key))


def entity_tag(given: str) -> str:
    """Return an ETag, or the tag of a revision, as If-Match takes it."""
    tag = given.strip().removeprefix("W/")
    return tag if tag.startswith('"') or tag == "*" else f'"{tag}"'


def text(value: typing.Any) -> str:
    """Return a value of a query as the API reads it; a list is one of several values."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"in:{','.join(map(text, value))}"
    return str(value)


def segment(name: str, kind: str, hint: str = "Give its name or its UUID.") -> str:
    """Return a name as one segment of a URL's path; raise BadRequest for a name that no path can have."""
    if not name:
        raise errors.BadRequest(f"The name of a {kind} is empty.", hint=hint)
    if name in DOTS:
        # HTTP libraries remove such segments, so that the request would reach another URL.
        raise errors.BadRequest(f"The name {name} of a {kind} cannot be part of a URL.", hint=hint)
    return urllib.parse.quote(name, safe="")


def _next(page: dict[str, typing.Any]) -> list[tuple[str, str]] | None:
    """Return the parameters of the next page; the rest of its URL is the server's view of where it is."""
    href = next((each["href"] for each in page.get("links", ()) if each["rel"] == "next"), None)
    return href and urllib.parse.parse_qsl(urllib.parse.urlsplit(href).query, keep_blank_values=True)


def _is_unfit(name: str) -> bool:
    """Tell whether a name cannot be a segment of a path: servers split it at a quoted slash, too."""
    return "/" in name or name in DOTS


def is_uuid(text: str) -> bool:
    """Tell whether a text is a UUID as the API writes them."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
