# SPDX-License-Identifier: Apache-2.0
"""The five plain verbs over any model: list, show, create, update, delete.

Reads go to the conductor's namespace ``records``, writes to the one that has the model's ``path`` as its name.
"""

import functools

from valence.api import body
from valence.api import conditions
from valence.api import description
from valence.api import formats
from valence.api import idempotency
from valence.api import query
from valence.api import render
from valence.api import schemas
from valence.api import validation
from valence.common import errors
from valence.db import types


class List:
    """Shows a page of rows as ``name``; ``where`` restricts them, ``sort`` is the order unless the client says one."""

    #: parameters beyond filters and paging: name -> reader
    extra: dict = {}

    def __init__(self, model, name=None, where=(), sort=()):
        self.model, self.name = model, name or model.path
        self._where, self._sort = list(where), list(sort)

    def __call__(self, call):
        return self.answer(call, self.parse(call))

    def parse(self, call):
        """Return the Query of the request."""
        most, default = call.settings.max_limit, call.settings.default_limit
        return query.parse(
            self.model, call.raw_query, max_limit=most, default_limit=default, extra=self.extra
        )

    def rows(self, call, asked):
        """Return the conductor's answer to a Query."""
        whole = asked._replace(filters=asked.filters + self._where, sort=asked.sort or self._sort)
        return call.conductor.records.list(call.context, self.model.__name__, **whole.arguments())

    def answer(self, call, asked):
        """Return the response to a Query."""
        return render.page(call, self.name, self.rows(call, asked), asked)

    @property
    def summary(self):
        return f"Show a page of {words(self.name)}."

    @property
    def description(self):
        parameters = (*description.list_parameters(self.model), *description.extra_parameters(self.extra))
        return description.Description(
            parameters=parameters,
            answers={200: description.list_schema(self.name, self.model), 304: None},
            failures=(400,),
        )


class Show:
    """Shows one row; ``where`` are field values without which it is not there."""

    def __init__(self, model, path=None, where=()):
        self.model, self.path = model, path or model.path
        self.kind = self.path.removesuffix("s")
        self._where = dict(where)

    #: parameters beyond ``fields``: name -> reader
    extra: dict = {}

    def __call__(self, call, uuid):
        readers = {"fields": functools.partial(query.names, self.model), **self.extra}
        return self.answer(call, self.row(call, uuid), query.options(call.raw_query, readers))

    def row(self, call, uuid):
        """Return the public fields of a row; raise NotFound."""
        key = self.checked_key(uuid)
        row = call.conductor.records.get(call.context, self.model.__name__, key)
        if any(row[name] != wanted for name, wanted in self._where.items()):
            raise errors.NotFound(kind=self.kind, key=key)
        return row

    def checked_key(self, key):
        """Return a key from a URL as it is stored; raise NotFound for what can be none."""
        return checked_key(self.kind, key)

    def links(self, call, row):
        """Return the links of a row."""
        return links(call, self, row)

    def answer(self, call, row, options):
        """Return the response that shows ``row``."""
        shown = (
            {name: row[name] for name in options["fields"]}
            if "fields" in options
            else row | {"links": self.links(call, row)}
        )
        return render.document(call, shown, revision=row.get("revision"))

    @property
    def summary(self):
        return f"Show one of the {words(self.path)}."

    @property
    def description(self):
        return description.Description(
            parameters=(description.fields(self.model), *description.extra_parameters(self.extra)),
            answers={200: description.reference(self.model.__name__), 304: None},
            failures=(400, 404),
        )


class Create:
    """Makes a row: 201 with its Location. ``form`` is a Form where bodies are more than the model's fields."""

    def __init__(self, model, form=None):
        self.model, self.path = model, model.path
        self._form = form or Form(model, "create")

    def __call__(self, call):
        query.options(call.raw_query, {})
        document = body.read(call.http, limits=call.settings.limits)
        values = self._form.values(document, call.settings.max_json_depth)
        with idempotency.told(call):
            answer = _namespace(call, self.model).create(
                call.context, values, idempotency=idempotency.of(call, document)
            )
        return self._created(call, answer)

    def _created(self, call, answer):
        row = with_links(call, self, answer[self.model.kind])
        if answer.get("operation"):
            row["links"].append(
                render.link(call, "operation", f"/v1/operations/{answer['operation']['uuid']}")
            )
        headers = {"Location": call.url(f"/v1/{self.path}/{row[self.model.key]}")}
        return render.document(call, row, status=201, revision=row.get("revision"), headers=headers)

    @property
    def summary(self):
        return f"Add one to the {words(self.path)}."

    @property
    def description(self):
        return description.Description(
            parameters=(description.IDEMPOTENCY_KEY,),
            body=self._form.schema,
            body_example=self._form.example,
            media_types=(body.JSON,),
            answers={201: description.reference(self.model.__name__)},
            failures=(400, 409, 413, 415, 422),
        )


class Update:
    """Changes the given fields of a row, on the condition that If-Match names; PUT and PATCH are the same."""

    media_types = (body.MERGE_PATCH, body.JSON)

    def __init__(self, model, form=None):
        self.model, self.path = model, model.path
        self._form = form or Form(model, "update")

    def __call__(self, call, uuid):
        query.options(call.raw_query, {})
        key = checked_key(self.model.kind, uuid)
        document = body.read(call.http, self.media_types, call.settings.limits)
        values = self._form.values(document, call.settings.max_json_depth)
        expected = expected_revision(call, self.model, key)
        row = _namespace(call, self.model).update(call.context, key, values, revision=expected)
        return render.document(call, with_links(call, self, row), revision=row.get("revision"))

    @property
    def summary(self):
        return f"Change the given fields of one of the {words(self.path)}."

    @property
    def description(self):
        return description.Description(
            parameters=(description.IF_MATCH,),
            body=self._form.schema,
            body_example=self._form.example,
            media_types=self.media_types,
            answers={200: description.reference(self.model.__name__)},
            failures=(400, 404, 409, 412, 413, 415),
        )


class Delete:
    """Removes a row; ``?force=true`` even while something works on it."""

    def __init__(self, model):
        self.model = model

    def __call__(self, call, uuid):
        options = query.options(call.raw_query, {"force": query.boolean})
        key = checked_key(self.model.kind, uuid)
        expected = expected_revision(call, self.model, key)
        forced = options.get("force", False)
        _namespace(call, self.model).delete(call.context, key, revision=expected, force=forced)
        return render.empty()

    @property
    def summary(self):
        return f"Remove one of the {words(self.model.path)}."

    description = description.Description(
        parameters=(description.FORCE, description.IF_MATCH),
        answers={204: None},
        failures=(400, 404, 409, 412),
    )


def words(name):
    """Return the name of a collection as it is spoken."""
    return name.replace("_", " ")


class Form:
    """What a body may hold: the fields of a model that a verb ("create", "update") writes."""

    def __init__(self, model, verb, extra=None):
        self._validator = validation.Validator(model, verb, extra)
        self.schema = self._validator.schema
        self.example = schemas.example(model, _exemplary(model, self.schema))

    def values(self, document, max_depth):
        """Return the values of the fields that ``document`` gives."""
        return self._validator.values(document, max_depth)


def checked_key(kind, key):
    """Return a UUID from a URL as it is stored; raise NotFound for what can be none."""
    if not formats.is_uuid(key):
        raise errors.NotFound(kind=kind, key=key)
    return key.lower()


def expected_revision(call, model, key):
    """Return the revision that the row must have by If-Match, or None if any will do."""
    revisions = conditions.expected_revisions(call.http)
    if revisions is None or len(revisions) == 1:
        return revisions and revisions[0]
    present = call.conductor.records.get(call.context, model.__name__, key)["revision"]
    if present not in revisions:
        raise errors.RevisionMismatch(kind=model.kind, key=key)
    return present


def with_links(call, handler, row):
    """Return ``row`` with links to itself and to what it refers to."""
    return row | {"links": links(call, handler, row)}


def links(call, handler, row):
    """Return the links of a row to itself and to what it refers to."""
    found = [render.link(call, "self", f"/v1/{handler.path}/{row[handler.model.key]}")]
    for name, field in handler.model.fields.items():
        if isinstance(field, types.Reference) and not field.key:
            found.append(render.link(call, field.model.kind, f"/v1/{field.model.path}/{row[name]}"))
    return found


def _namespace(call, model):
    return getattr(call.conductor, model.path)


def _exemplary(model, schema):
    """Return the names of the fields that an example of a body gives."""
    wanted = schema.get("required") or ()
    return wanted or [
        name for name, field in model.fields.items() if field.example and name in schema["properties"]
    ]
