# SPDX-License-Identifier: Apache-2.0
"""The five plain verbs over any model: list, show, create, update, delete.

Reads call the conductor's namespace ``records``, writes the one that ``client.Conductor.writers`` has for the model.
"""

import functools
import typing

import flask

from valence.api.http import descriptions
from valence.api.http import handler
from valence.api.http import request_body
from valence.api.model import query
from valence.api.model import schemas
from valence.bus import wire
from valence.common import errors
from valence.db import models
from valence.db import types


class List:
    """Shows a page of rows as ``name``; ``where`` are filters of all pages, ``sort`` is the default order."""

    #: parameters beyond filters and paging: name -> reader
    extra: query.Readers = {}

    def __init__(
        self,
        model: type[models.ModelBase],
        name: str | None = None,
        where: typing.Iterable[typing.Any] = (),
        sort: typing.Iterable[typing.Any] = (),
    ) -> None:
        self.model, self.name = model, name or model.path
        self._where, self._sort = list(where), list(sort)

    def __call__(self, call: handler.Call) -> flask.Response:
        asked = self.parse(call)
        return self.detailed(call, asked) if asked.extra.get("detail") else self.answer(call, asked)

    def parse(self, call: handler.Call) -> query.Query:
        """Return the Query of the request."""
        most, default = call.settings.max_limit, call.settings.default_limit
        return query.parse(
            self.model, call.raw_query, max_limit=most, default_limit=default, extra=self.extra
        )

    def rows(self, call: handler.Call, asked: query.Query) -> wire.Page:
        """Return the conductor's answer to a Query."""
        whole = asked._replace(filters=asked.filters + self._where, sort=asked.sort or self._sort)
        records, what = call.conductor.records, (call.context, self.model.__name__)
        return page(
            whole,
            lambda: records.list(*what, **whole.arguments()),
            lambda: records.count(*what, filters=whole.filters),
        )

    def answer(self, call: handler.Call, asked: query.Query) -> flask.Response:
        """Return the response to a Query."""
        return handler.page(call, self.name, self.rows(call, asked), asked)

    def detailed(self, call: handler.Call, asked: query.Query) -> flask.Response:
        """Return the response to a Query with ``detail=true``; lists that have it in ``extra`` show more then."""
        return self.answer(call, asked)

    def require_marker(self, call: handler.Call, asked: query.Query, seen: wire.Filters) -> None:
        """Raise BadRequest for a marker outside the filters ``seen`` of what the client may see.

        A page in any order but that of the keys would show between which of its own rows the hidden one is.
        """
        key = self.model.key
        if not asked.marker or not seen or asked.sort[:1] and asked.sort[0][0] == key:
            return
        mine = [[key, "eq", asked.marker], *seen]
        found = call.conductor.records.list(
            call.context, self.model.__name__, filters=mine, limit=1, fields=[key]
        )
        if not found["count"]:
            raise errors.gone_marker(self.model.kind, asked.marker)

    @property
    def summary(self) -> str:
        return f"Show a page of {words(self.name)}."

    @property
    def description(self) -> descriptions.Description:
        parameters = (*descriptions.list_parameters(self.model), *descriptions.extra_parameters(self.extra))
        return descriptions.Description(
            parameters=parameters,
            answers={200: descriptions.list_schema(self.name, self.model), 304: None},
            failures=(400,),
        )


def page(
    asked: query.Query, read: typing.Callable[[], wire.Page], count: typing.Callable[[], int]
) -> wire.Page:
    """Return the page of a Query: what ``read`` returns unless it wants no rows, and ``count`` if it wants that."""
    answer: wire.Page = {"rows": "[]", "count": 0, "next": None} if asked.limit == 0 else read()
    if asked.with_count:
        answer["total"] = count()
    return answer


class Show:
    """Shows one row; ``where`` are field values without which it is not found."""

    def __init__(
        self,
        model: type[models.ModelBase],
        path: str | None = None,
        where: typing.Iterable[tuple[str, typing.Any]] = (),
    ) -> None:
        self.model, self.path = model, path or model.path
        self.kind = self.path.removesuffix("s")
        self._where = dict(where)

    #: parameters beyond ``fields``: name -> reader
    extra: query.Readers = {}

    def __call__(self, call: handler.Call, uuid: str) -> flask.Response:
        options = self.options(call)
        return self.answer(call, self.row(call, uuid), options)

    def options(self, call: handler.Call) -> dict[str, typing.Any]:
        """Return the parameters of the request; raise ValidationFailed."""
        readers: query.Readers = {"fields": functools.partial(query.names, self.model), **self.extra}
        return query.options(call.raw_query, readers)

    def row(self, call: handler.Call, uuid: str) -> wire.Row:
        """Return the public fields of a row; raise NotFound."""
        key = self.checked_key(uuid)
        row = call.conductor.records.get(call.context, self.model.__name__, key)
        if any(row[name] != wanted for name, wanted in self._where.items()):
            raise errors.NotFound(kind=self.kind, key=key)
        return row

    def checked_key(self, key: str) -> str:
        """Return a key from a URL as it is stored; raise NotFound if it is malformed."""
        return checked_key(self.kind, key)

    def links(self, call: handler.Call, row: wire.Row) -> list[dict[str, str]]:
        """Return the links of a row."""
        return links(call, self, row)

    def answer(self, call: handler.Call, row: wire.Row, options: dict[str, typing.Any]) -> flask.Response:
        """Return the response that shows ``row``."""
        shown = (
            {name: row[name] for name in options["fields"]}
            if "fields" in options
            else row | {"links": self.links(call, row)}
        )
        return handler.document(call, shown, revision=row.get("revision"))

    @property
    def summary(self) -> str:
        return f"Show one of the {words(self.path)}."

    @property
    def description(self) -> descriptions.Description:
        return descriptions.Description(
            parameters=(descriptions.fields(self.model), *descriptions.extra_parameters(self.extra)),
            answers={200: descriptions.reference(self.model.__name__), 304: None},
            failures=(400, 404),
        )


class Create:
    """Creates a row: 201 with its Location. ``form`` is for bodies with more than the model's fields."""

    def __init__(self, model: type[models.ModelBase], form: schemas.Validator | None = None) -> None:
        self.model, self.path = model, model.path
        self._form = form or schemas.Validator(model, "create")

    def __call__(self, call: handler.Call) -> flask.Response:
        query.options(call.raw_query, {})
        document = request_body.read(call.http, limits=call.settings.limits)
        values = self._form.values(document, call.settings.max_json_depth)
        with request_body.told(call):
            answer = call.conductor.writers[self.model.path].create(
                call.context, values, idempotency=request_body.of(call, document)
            )
        return self._created(call, answer)

    def _created(self, call: handler.Call, answer: typing.Any) -> flask.Response:
        row = with_links(call, self, answer[self.model.kind])
        if operation := answer.get("operation"):
            row["links"].append(handler.link(call, "operation", f"/v1/operations/{operation['uuid']}"))
        headers = {"Location": call.url(f"/v1/{self.path}/{row[self.model.key]}")}
        return handler.document(call, row, status=201, revision=row.get("revision"), headers=headers)

    @property
    def summary(self) -> str:
        return f"Add one to the {words(self.path)}."

    @property
    def description(self) -> descriptions.Description:
        return descriptions.Description(
            parameters=(descriptions.IDEMPOTENCY_KEY,),
            body=self._form.schema,
            body_name=f"{self.model.__name__}Create",
            body_example=self._form.example,
            media_types=(request_body.JSON,),
            answers={201: descriptions.reference(self.model.__name__)},
            failures=(400, 409, 413, 415, 422),
        )


class Update:
    """Changes the given fields of a row if its revision is that of If-Match; PUT and PATCH are the same."""

    media_types = (request_body.MERGE_PATCH, request_body.JSON)

    def __init__(self, model: type[models.ModelBase], form: schemas.Validator | None = None) -> None:
        self.model, self.path = model, model.path
        self._form = form or schemas.Validator(model, "update")

    def __call__(self, call: handler.Call, uuid: str) -> flask.Response:
        query.options(call.raw_query, {})
        key = checked_key(self.model.kind, uuid)
        document = request_body.read(call.http, self.media_types, call.settings.limits)
        values = self._form.values(document, call.settings.max_json_depth)
        expected = expected_revision(call, self.model, key)
        row = call.conductor.writers[self.model.path].update(call.context, key, values, revision=expected)
        return handler.document(call, with_links(call, self, row), revision=row.get("revision"))

    @property
    def summary(self) -> str:
        return f"Change the given fields of one of the {words(self.path)}."

    @property
    def description(self) -> descriptions.Description:
        return descriptions.Description(
            parameters=(descriptions.IF_MATCH,),
            body=self._form.schema,
            body_name=f"{self.model.__name__}Update",
            body_example=self._form.example,
            media_types=self.media_types,
            answers={200: descriptions.reference(self.model.__name__)},
            failures=(400, 404, 409, 412, 413, 415),
        )


class Delete:
    """Removes a row, with ``?force=true`` even while an operation runs on it."""

    def __init__(self, model: type[models.ModelBase]) -> None:
        self.model = model

    def __call__(self, call: handler.Call, uuid: str) -> flask.Response:
        options = query.options(call.raw_query, {"force": query.boolean})
        key = checked_key(self.model.kind, uuid)
        expected = expected_revision(call, self.model, key)
        forced = options.get("force", False)
        call.conductor.writers[self.model.path].delete(call.context, key, revision=expected, force=forced)
        return handler.empty()

    @property
    def summary(self) -> str:
        return f"Remove one of the {words(self.model.path)}."

    description = descriptions.Description(
        parameters=(descriptions.FORCE, descriptions.IF_MATCH),
        answers={204: None},
        failures=(400, 404, 409, 412),
    )


def words(name: str) -> str:
    """Return the name of a collection with spaces."""
    return name.replace("_", " ")


def checked_key(kind: str, key: str) -> str:
    """Return a UUID from a URL as it is stored; raise NotFound if it is malformed."""
    if not schemas.is_uuid(key):
        raise errors.NotFound(kind=kind, key=key)
    return key.lower()


def expected_revision(
    call: handler.Call,
    model: type[models.ModelBase],
    key: str,
    read: typing.Callable[[], wire.Row] | None = None,
) -> int | None:
    """Return the revision that If-Match requires of a row, None if it requires none.

    ``read`` returns the row, by default from the records of the model.
    """
    revisions = handler.expected_revisions(call.http)
    if revisions is None or len(revisions) == 1:
        return revisions[0] if revisions else None
    row = read() if read else call.conductor.records.get(call.context, model.__name__, key)
    present: int = row["revision"]
    if present not in revisions:
        raise errors.RevisionMismatch(kind=model.kind, key=key)
    return present


def with_links(call: handler.Call, verb: typing.Any, row: wire.Row) -> wire.Row:
    """Return ``row`` with links to itself and to the rows that it refers to."""
    return row | {"links": links(call, verb, row)}


def links(call: handler.Call, verb: typing.Any, row: wire.Row) -> list[dict[str, str]]:
    """Return the links of a row to itself and to the rows that it refers to."""
    found = [handler.link(call, "self", f"/v1/{verb.path}/{row[verb.model.key]}")]
    for name, field in verb.model.fields.items():
        if isinstance(field, types.Reference) and not field.key:
            found.append(handler.link(call, field.model.kind, f"/v1/{field.model.path}/{row[name]}"))
    return found
