# SPDX-License-Identifier: Apache-2.0
"""The plain verbs over a collection of the backup service: list, show, create, change, replace, delete.

``Register`` is the creation of a client; a client that works for all projects needs the rule CENTRAL. ``Reports`` and
``CreateReport`` are the history of a job or an action, the newest run first, which Freezer does not have.
"""

import functools

import flask

from valence.api.backup import describing
from valence.api.backup import requests
from valence.api.backup import schemas
from valence.api.http import handler
from valence.api.http import request_body
from valence.common import errors

#: policy rules that allow to see the jobs of all projects, and to register a client that works for all projects
EVERYWHERE = "valence:backup:jobs:get_all_projects"
CENTRAL = "valence:backup:clients:create_central"
NOTHING = b""


def respond(value, status=200):
    """Return a response with a document, or with its text."""
    data = value if isinstance(value, (str, bytes)) else handler.encode(value)
    return flask.Response(data, status, content_type=request_body.JSON)


def _trusted(call, do, document):
    """Return the result of ``do(document)``, with a trust of the client's user if it needs one.

    Credentials in the document are dropped: the API creates the trust itself.
    """
    document = {name: value for name, value in document.items() if name != "user_credentials"}
    try:
        return do(document)
    except errors.TrustNeeded:
        return do(document | {"user_credentials": call.services.trusts.of(call)})


class Handler:
    """What the verbs of a collection have in common; ``kind`` is the singular of its name."""

    verb = "Work with"

    def __init__(self, collection, schema=None):
        self.collection, self.kind = collection, collection.removesuffix("s")
        self._ignored = schemas.IGNORED.get(collection, frozenset())
        self._schema, self._validator = schema, schema and schemas.validator(schema)

    @property
    def description(self):
        """The Description of the verb."""
        return describing.verb(self.answers(), **self.asked())

    def answers(self):
        """Return the schemas of the responses by status."""
        return {204: None}

    def asked(self):
        """Return the description of requests: parameters, body, its example, and whether a body is needed."""
        return {"body": self._schema, "example": describing.BODIES.get(self.collection)}

    @property
    def summary(self):
        """What the verb does, for the sample of the policy."""
        return f"{self.verb} {self.collection} of the backup service."

    def checked(self, document):
        """Return a document without ignored names; raise BadRequest if the schema refuses it."""
        told = {name: value for name, value in document.items() if name not in self._ignored}
        schemas.check(self._validator, told)
        return told


class List(Handler):
    """Shows a page of the results of a search."""

    verb = "List"

    def __call__(self, call, project_id=None):
        given = requests.parameters(call)
        everywhere = self.collection == "jobs" and requests.boolean(given, "all_projects")
        everywhere = everywhere and call.policy.allows(EVERYWHERE, call.context, project_id)
        wanted = requests.search(call, given)
        tenant = requests.of(call, project_id, everywhere=everywhere)
        page = call.conductor.backup.list(call.context, tenant, self.collection, wanted)
        return respond(b'{"%s":%s}' % (self.collection.encode(), page))

    def answers(self):
        return {200: describing.page(self.collection)}

    def asked(self):
        everywhere = (describing.EVERYWHERE,) if self.collection == "jobs" else ()
        parameters = (*describing.PAGING, *everywhere)
        return {
            "parameters": parameters,
            "body": schemas.SEARCH,
            "example": describing.SEARCH,
            "needed": False,
        }


class Show(Handler):
    """Shows one thing."""

    verb = "Show"

    def __call__(self, call, name, project_id=None):
        show = functools.partial(self._show, call, name, project_id)
        try:
            return show(everywhere=False)
        except errors.NotFound:
            if not (project_id and self.collection == "jobs"):
                raise
            if not call.policy.allows(EVERYWHERE, call.context, project_id):
                raise
            return show(everywhere=True)

    def _show(self, call, name, project_id, *, everywhere):
        tenant = requests.of(call, project_id, everywhere=everywhere)
        return respond(call.conductor.backup.show(call.context, tenant, self.collection, name))

    def answers(self):
        return {200: describing.one(self.collection), 404: None}


class Create(Handler):
    """Stores a new thing, under the name in the document if clients name things of the collection."""

    verb = "Create"

    def __init__(self, collection, schema, *, is_named=True, default=None):
        super().__init__(collection, schema)
        self._is_named, self._default = is_named, default
        self._ignored |= schemas.OF_NEW_SESSIONS if collection == "sessions" else set()

    def __call__(self, call, project_id=None):
        found = requests.document(call) if self._default is not None else requests.required(call)
        document = self.checked(self._default if found is None else found)
        self.allow(call, document, project_id)
        name = document.get(f"{self.kind}_id") if self._is_named else None
        tenant = requests.of(call, project_id)

        def create(told):
            return call.conductor.backup.create(call.context, tenant, self.collection, told, name=name)

        return respond({f"{self.kind}_id": _trusted(call, create, document)}, 201)

    def allow(self, call, document, project_id):
        """Raise Forbidden if the document asks for more than the rule of the route allows."""

    def answers(self):
        return {201: describing.told(f"{self.kind}_id")}


class Change(Handler):
    """Changes the given fields of a thing."""

    verb = "Change"

    def __init__(self, collection, schema, *, needs_body=False):
        super().__init__(collection, schema)
        self._needs_body = needs_body
        self._ignored |= schemas.OF_CHANGES

    def __call__(self, call, name, project_id=None):
        document = requests.required(call) if self._needs_body else requests.document(call) or {}
        tenant = requests.of(call, project_id)
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
        return {200: describing.told(f"{self.kind}_id", "version")}


class ChangeBackup(Change):
    """Changes a backup, and shows it."""

    def answer(self, call, tenant, name, version):
        del version
        return respond(call.conductor.backup.show(call.context, tenant, self.collection, name))

    def answers(self):
        return {200: describing.one(self.collection)}

    def asked(self):
        return super().asked() | {"example": describing.STATUS}


class Replace(Handler):
    """Stores a thing under a name, in place of the one that has the name."""

    verb = "Replace"

    def __init__(self, collection, schema):
        super().__init__(collection, schema)
        self._ignored |= schemas.OF_CHANGES

    def __call__(self, call, name, project_id=None):
        document = self.checked(requests.document(call) or {})
        tenant = requests.of(call, project_id)

        def replace(told):
            return call.conductor.backup.replace(call.context, tenant, self.collection, name, told)

        version = _trusted(call, replace, document)
        return respond({f"{self.kind}_id": name, "version": version}, 201)

    def answers(self):
        return {201: describing.told(f"{self.kind}_id", "version")}


class Delete(Handler):
    """Removes a thing."""

    verb = "Delete"

    def __call__(self, call, name, project_id=None):
        tenant = requests.of(call, project_id)
        trust = call.conductor.backup.delete(call.context, tenant, self.collection, name)
        if trust:
            call.services.trusts.end(call, trust)
        return respond(NOTHING, 204)


class Register(Create):
    """Registers a client, or registers it again."""

    verb = "Register"

    def allow(self, call, document, project_id):
        central = document.get("is_central", False)
        if central and not call.policy.allows(CENTRAL, call.context, project_id):
            raise errors.Forbidden(rule=CENTRAL)


LIMIT = 100


class Reports(Handler):
    """Shows the reports of one of the things of a collection."""

    verb = "Show the reports of"

    def __call__(self, call, name, project_id=None):
        given = requests.parameters(call)
        limit = requests.integer(given, "limit", LIMIT)
        if limit < 1:
            raise errors.BadRequest(reason="limit must be a positive number.")
        page = {"limit": min(limit, call.settings.max_limit), "marker": given.get("marker")}
        page |= {name: given[name] for name in ("result", "since", "until") if name in given}
        tenant = requests.of(call, project_id)
        text = call.conductor.backup.reports(call.context, tenant, self.collection, name, **page)
        return respond(f'{{"reports":{text}}}'.encode())

    def answers(self):
        return {200: describing.page("reports"), 404: None}

    def asked(self):
        return {"parameters": describing.REPORTS}


class CreateReport(Handler):
    """Stores an agent's report of a run."""

    verb = "Create"

    def __call__(self, call, name, project_id=None):
        document = self.checked(requests.required(call))
        tenant = requests.of(call, project_id)
        return respond({"report_id": call.conductor.backup.report(call.context, tenant, name, document)}, 201)

    def answers(self):
        return {201: describing.told("report_id")}
