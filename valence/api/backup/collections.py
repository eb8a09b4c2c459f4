# SPDX-License-Identifier: Apache-2.0
"""The plain verbs over a collection: list, show, create, change, replace, delete."""

import flask

from valence.api import body
from valence.api import render
from valence.api.backup import answers
from valence.api.backup import describing
from valence.api.backup import examples
from valence.api.backup import reading
from valence.api.backup import schemas
from valence.api.backup import tenants
from valence.common import errors

#: the rule that allows to see the jobs of all projects
EVERYWHERE = "valence:backup:jobs:get_all_projects"
CENTRAL = "valence:backup:clients:create_central"
NOTHING = b""


def respond(value, status=200):
    """Return a response with a document, or with its text."""
    data = value if isinstance(value, (str, bytes)) else render.encode(value)
    return flask.Response(data, status, content_type=body.JSON)


def _trusted(call, do, document):
    """Return the result of ``do(document)``, under a trust of whoever asks if it needs one.

    Credentials that came with a document are dropped: a trust is made for who asks, not told by them.
    """
    document = {name: value for name, value in document.items() if name != "user_credentials"}
    try:
        return do(document)
    except errors.TrustNeeded:
        return do(document | {"user_credentials": call.services.trusts.of(call)})


class Handler:
    """What the verbs of a collection have in common; its things are called ``kind``."""

    verb = "Work with"

    def __init__(self, collection, schema=None):
        self.collection, self.kind = collection, collection.removesuffix("s")
        self._schema, self._validator = schema, schema and schemas.validator(schema)

    @property
    def description(self):
        """What it takes and answers."""
        return describing.verb(self.answers(), **self.asked())

    def answers(self):
        """Return the schemas of its answers by status."""
        return {204: None}

    def asked(self):
        """Return what a description says of requests: parameters, body, example and whether it is needed."""
        return {"body": self._schema, "example": examples.BODIES.get(self.collection)}

    @property
    def summary(self):
        """What it does, for the sample of the policy."""
        return f"{self.verb} {self.collection} of the backup service."

    def checked(self, document):
        """Return a document that the schema allows."""
        schemas.check(self._validator, document)
        return document


class List(Handler):
    """Shows a page of what a search finds."""

    verb = "List"

    def __call__(self, call, project_id=None):
        given = reading.parameters(call)
        everywhere = self.collection == "jobs" and reading.boolean(given, "all_projects")
        everywhere = everywhere and call.policy.allows(EVERYWHERE, call.context, project_id)
        wanted = reading.search(call, given)
        tenant = tenants.of(call, project_id, everywhere=everywhere)
        page = call.conductor.backup.list(call.context, tenant, self.collection, wanted)
        return respond(b'{"%s":%s}' % (self.collection.encode(), page))

    def answers(self):
        return {200: answers.page(self.collection)}

    def asked(self):
        everywhere = (describing.EVERYWHERE,) if self.collection == "jobs" else ()
        parameters = (*describing.PAGING, *everywhere)
        return {"parameters": parameters, "body": schemas.SEARCH, "example": examples.SEARCH, "needed": False}


class Show(Handler):
    """Shows one thing."""

    verb = "Show"

    def __call__(self, call, name, project_id=None):
        tenant = tenants.of(call, project_id)
        return respond(call.conductor.backup.show(call.context, tenant, self.collection, name))

    def answers(self):
        return {200: answers.one(self.collection), 404: None}


class Create(Handler):
    """Stores a new thing, under the name that the document gives it if such things have names of clients' choice."""

    verb = "Create"

    def __init__(self, collection, schema, *, is_named=True, default=None):
        super().__init__(collection, schema)
        self._is_named, self._default = is_named, default

    def __call__(self, call, project_id=None):
        found = reading.document(call) if self._default is not None else reading.required(call)
        document = self.checked(self._default if found is None else found)
        self.allow(call, document, project_id)
        name = document.get(f"{self.kind}_id") if self._is_named else None
        tenant = tenants.of(call, project_id)

        def create(told):
            return call.conductor.backup.create(call.context, tenant, self.collection, told, name=name)

        return respond({f"{self.kind}_id": _trusted(call, create, document)}, 201)

    def allow(self, call, document, project_id):
        """Raise Forbidden if the document asks for more than the rule of the route allows."""

    def answers(self):
        return {201: answers.told(f"{self.kind}_id")}


class Change(Handler):
    """Changes what the document gives."""

    verb = "Change"

    def __init__(self, collection, schema, *, needs_body=False):
        super().__init__(collection, schema)
        self._needs_body = needs_body

    def __call__(self, call, name, project_id=None):
        document = reading.required(call) if self._needs_body else reading.document(call) or {}
        tenant = tenants.of(call, project_id)
        document = self.checked(document)

        def update(told):
            return call.conductor.backup.update(call.context, tenant, self.collection, name, told)

        version = _trusted(call, update, document)
        return self.answer(call, tenant, name, version)

    def answer(self, call, tenant, name, version):
        """Return the response to a change."""
        del call, tenant
        return respond({f"{self.kind}_id": name, "version": version})

    def answers(self):
        return {200: answers.told(f"{self.kind}_id", "version")}


class ChangeBackup(Change):
    """Changes a backup, and shows it."""

    def answer(self, call, tenant, name, version):
        del version
        return respond(call.conductor.backup.show(call.context, tenant, self.collection, name))

    def answers(self):
        return {200: answers.one(self.collection)}

    def asked(self):
        return super().asked() | {"example": examples.STATUS}


class Replace(Handler):
    """Puts a thing in the place of the one of its name, if there is one."""

    verb = "Replace"

    def __call__(self, call, name, project_id=None):
        document = self.checked(reading.document(call) or {})
        tenant = tenants.of(call, project_id)

        def replace(told):
            return call.conductor.backup.replace(call.context, tenant, self.collection, name, told)

        version = _trusted(call, replace, document)
        return respond({f"{self.kind}_id": name, "version": version}, 201)

    def answers(self):
        return {201: answers.told(f"{self.kind}_id", "version")}


class Delete(Handler):
    """Removes a thing."""

    verb = "Delete"

    def __call__(self, call, name, project_id=None):
        tenant = tenants.of(call, project_id)
        trust = call.conductor.backup.delete(call.context, tenant, self.collection, name)
        if trust:
            call.services.trusts.end(call, trust)
        return respond(NOTHING, 204)
