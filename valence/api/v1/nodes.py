# SPDX-License-Identifier: Apache-2.0
"""Nodes: machines that projects have. A client sees those of its own project; administrators may ask for all.

Requests that start work are answered with 202 at once, or after the work where the client prefers to wait.
"""

import functools

from valence.api.http import descriptions
from valence.api.http import handler
from valence.api.http import request_body
from valence.api.model import crud
from valence.api.model import query
from valence.api.model import schemas
from valence.api.v1 import node_actions
from valence.api.v1 import operations
from valence.common import errors
from valence.composition import requirements
from valence.db import models
from valence.db import types
from valence.db.models import flavor
from valence.db.models.node import POWER_ACTIONS

#: rules of the policy: nodes of all projects, deletions that override what speaks against them, and new nodes at a
#: place that the client chooses
OF_PROJECTS, FORCE, PLACED = (
    "valence:nodes:of_projects",
    "valence:nodes:force",
    "valence:nodes:create:placed",
)
_DRY_RUN = descriptions.parameter(
    "dry_run", descriptions.BOOLEAN, "Store nothing; show what would be chosen, or why nothing fits."
)

_ERASE = descriptions.parameter(
    "erase",
    descriptions.BOOLEAN,
    "Erase the storage devices before they are free again, also where the site's default is not to.",
)

_ALL_PROJECTS = descriptions.parameter(
    "all_projects", descriptions.BOOLEAN, "Show the nodes of all projects; for administrators."
)

#: filters of the list that are no fields
_BY_PARTS = {
    "device_id": descriptions.parameter(
        "device_id",
        {"type": "string", "format": "uuid"},
        "Show the nodes that have this device, one of GET /v1/devices.",
    ),
    "system_uuid": descriptions.parameter(
        "system_uuid",
        {"type": "string", "format": "uuid"},
        "Show the nodes whose machine has this UUID, which its operating system calls the product UUID.",
    ),
}


class _Adoption(models.ModelBase):
    """What a request to adopt a machine gives."""

    path = "nodes"
    fields = {
        "resource_id": types.UUID("The machine, one of GET /v1/systems.", default=None),
        "podm_id": types.UUID("Pod manager of the machine with the given node_index.", default=None),
        "name": types.Text("Name of the node; by default the machine's.", min=1, default=None),
        "description": models.Node.fields["description"],
        "project_id": types.Text("Project that gets it; by default the client's own.", max=64, default=None),
    }


class _Creation(models.ModelBase):
    """What a request for a new node gives."""

    path = "nodes"
    fields = {
        "name": models.Node.fields["name"],
        "description": models.Node.fields["description"],
        "flavor_id": types.Text("Flavor that the node is made by: its uuid or name.", min=1, default=None),
        "podm_id": types.UUID("Pod manager that the devices come from; by default any.", default=None),
        "zone_id": types.UUID("Zone that the devices come from; by default any.", default=None),
        "policy": types.Choice(
            "How devices are chosen: pack wastes the least, spread prefers the emptiest zone.",
            flavor.POLICIES,
            default=None,
        ),
        "project_id": types.Text("Project that gets it; by default the client's own.", max=64, default=None),
        "power": types.Choice(
            "What to do with the power of the machine once it is there.",
            POWER_ACTIONS,
            default=None,
        ),
    }


#: fields that select the hardware of a node, and fields that restrict where it is
_WAYS, _PLACES = ("flavor_id", "properties", "resources"), ("resources", "podm_id", "zone_id")
#: most devices that a request names
_MOST_RESOURCES = 64
_RESOURCES = {
    "type": "array",
    "items": {"type": "string", "format": "uuid", "description": "A device."},
    "minItems": 1,
    "maxItems": _MOST_RESOURCES,
    "description": "Exactly these devices, one of them a machine.",
}
_PROPERTIES = {"type": "object", "description": "What the node needs."}


_CREATE = schemas.Validator(
    _Creation, "create", {"properties": _PROPERTIES, "resources": _RESOURCES, "boot": node_actions.BOOT}
)
#: the schema of a new node with that of its requirements, which are read by themselves
_CREATED = _CREATE.schema | {
    "properties": _CREATE.schema["properties"] | {"properties": _PROPERTIES | requirements.schema()}
}
#: fields that name a machine to adopt: the first alone, or the others
_MACHINE = ("resource_id", "podm_id", "node_index")
_INDEX = {
    "type": ["string", "integer"],
    "minLength": 1,
    "maxLength": 64,
    "description": "The machine, in the form of the first release: the last part of its URL on the pod manager.",
}
_MANAGE = schemas.Validator(
    _Adoption,
    "create",
    {"node_index": _INDEX},
    {"node_index": lambda index, _: {"node_index": str(index)}},
)
_UPDATE = schemas.Validator(models.Node, "update")


def scope(call, *, everywhere=True):
    """Return the project whose nodes the client may see; None is all projects, if ``everywhere`` and allowed."""
    if everywhere and call.policy.allows(OF_PROJECTS, call.context):
        return None
    return call.context.project_id or ""


class List(crud.List):
    """Shows a page of the nodes of the client's project."""

    extra = {"all_projects": query.flag} | dict.fromkeys(_BY_PARTS, schemas.uuid_text)

    def __init__(self):
        super().__init__(models.NodeWithState)

    def rows(self, call, asked):
        wants_all = asked.extra.get("all_projects") or any(each[0] == "project_id" for each in asked.filters)
        project = scope(call, everywhere=wants_all)
        if asked.extra.get("all_projects") and project is not None:
            raise errors.Forbidden(rule=OF_PROJECTS)
        parts = [[name, "eq", asked.extra[name]] for name in _BY_PARTS if name in asked.extra]
        asked = asked._replace(filters=[*asked.filters, *parts])
        nodes = call.conductor.nodes
        return crud.page(
            asked,
            lambda: nodes.list(call.context, project, **asked.arguments()),
            lambda: nodes.count(call.context, project, filters=asked.filters),
        )

    @property
    def description(self):
        parameters = (*descriptions.list_parameters(self.model), _ALL_PROJECTS, *_BY_PARTS.values())
        return descriptions.Description(
            parameters=parameters,
            answers={200: descriptions.list_schema(self.name, self.model), 304: None},
            failures=(400,),
        )


class Show(crud.Show):
    """Shows one node, by its uuid or its name."""

    def __init__(self):
        super().__init__(models.NodeWithState)

    def __call__(self, call, node):
        return super().__call__(call, node)

    def row(self, call, node):
        return call.conductor.nodes.get(call.context, scope(call), checked(node))

    def links(self, call, row):
        return _links(call, row)


def checked(node):
    """Return the uuid or name of a node from a URL; raise NotFound for what cannot be one."""
    if not 1 <= len(node) <= models.Node.fields["name"].max:
        raise errors.NotFound(kind="node", key=node[:64])
    return node


def _links(call, row):
    found = [
        handler.link(call, "self", f"/v1/nodes/{row['uuid']}"),
        handler.link(call, "pod_manager", f"/v1/pod_managers/{row['podm_id']}"),
        handler.link(call, "devices", f"/v1/nodes/{row['uuid']}/devices"),
    ]
    if row.get("resource_id"):
        kind = ("resource", "resources") if row.get("kind") == "allocated" else ("system", "systems")
        found.append(handler.link(call, kind[0], f"/v1/{kind[1]}/{row['resource_id']}"))
    return found


@descriptions.described(
    parameters=(_DRY_RUN, descriptions.IDEMPOTENCY_KEY, descriptions.PREFER),
    body=_CREATED,
    body_name="NodeCreate",
    body_example={"name": "web-3", "properties": {"processor": {"total_cores": 8}}},
    media_types=(request_body.JSON,),
    answers={
        200: {"type": "object", "description": "The explanation of a dry run."},
        201: descriptions.reference("NodeWithState"),
        202: descriptions.reference("NodeWithState"),
    },
    failures=(400, 409, 413, 415, 422),
)
def create(call):
    """Compose a node: 202 with the node, whose link operation makes its machine; 409 says why nothing fits."""
    options = query.options(call.raw_query, {"dry_run": query.boolean})
    document = request_body.read(call.http, limits=call.settings.limits)
    values = _creation(call, document)
    if options.get("dry_run"):
        return handler.document(call, call.conductor.nodes.explain(call.context, values))
    with request_body.told(call):
        idempotency = request_body.of(call, document, project=call.context.project_id)
        answer = call.conductor.nodes.create(call.context, values, idempotency=idempotency)
    return _started(call, answer["node"], answer["operation"])


def _creation(call, document):
    """Return the values of a new node; raise ValidationFailed with all problems, Forbidden."""
    problems = []
    properties = document.get("properties") if isinstance(document, dict) else None
    if isinstance(properties, dict):
        problems += _problems(lambda: requirements.normal(properties))
    problems += _problems(lambda: _CREATE.values(document, call.settings.max_json_depth))
    if (
        isinstance(document, dict)
        and len(given := [name for name in _WAYS if document.get(name) is not None]) > 1
    ):
        detail = f"It gives {' and '.join(given)}."
        problems.append({"path": "$", "detail": detail, "hint": f"Give one of {', '.join(_WAYS)}, or none."})
    if problems:
        raise errors.ValidationFailed(problems=problems[: request_body.MOST_PROBLEMS])
    values = _CREATE.values(document, call.settings.max_json_depth)
    values = {name: value for name, value in values.items() if value is not None}
    if not values.keys().isdisjoint(_PLACES) and not call.policy.allows(PLACED, call.context):
        raise errors.Forbidden(rule=PLACED)
    if values.get("project_id", call.context.project_id) != call.context.project_id:
        _require_all_projects(call)
    boot = {"boot": node_actions.boot(values["boot"])} if "boot" in values else {}
    return values | boot | ({"properties": requirements.normal(properties)} if properties else {})


def _require_all_projects(call):
    if not call.policy.allows(OF_PROJECTS, call.context):
        raise errors.Forbidden(rule=OF_PROJECTS)


def _problems(check):
    """Return the problems that a check raises."""
    try:
        check()
    except errors.ValidationFailed as error:
        return list(error.problems)
    return []


@descriptions.described(
    parameters=(descriptions.IDEMPOTENCY_KEY, descriptions.PREFER),
    body=_MANAGE.schema,
    body_name="NodeManage",
    body_example={"resource_id": schemas.EXAMPLES["uuid"], "name": "web-3"},
    media_types=(request_body.JSON,),
    answers={201: descriptions.reference("NodeWithState"), 202: descriptions.reference("NodeWithState")},
    failures=(400, 409, 413, 415, 422),
)
def manage(call):
    """Adopt a machine that exists: 202 with the node, whose link operation does it."""
    query.options(call.raw_query, {})
    document = request_body.read(call.http, limits=call.settings.limits)
    values = _adoption(call, document)
    with request_body.told(call):
        idempotency = request_body.of(call, document, project=call.context.project_id)
        answer = call.conductor.nodes.manage(call.context, values, idempotency=idempotency)
    return _started(call, answer["node"], answer["operation"])


def _adoption(call, document):
    """Return the values of a request to adopt a machine; raise ValidationFailed with all problems."""
    problems = _problems(lambda: _MANAGE.values(document, call.settings.max_json_depth))
    if isinstance(document, dict):
        problems += _machine_problems([name for name in _MACHINE if document.get(name) is not None])
    if problems:
        raise errors.ValidationFailed(problems=problems[: request_body.MOST_PROBLEMS])
    return _MANAGE.values(document, call.settings.max_json_depth)


def _machine_problems(given):
    """Return what is wrong with the fields that name the machine to adopt."""
    if given in (["resource_id"], ["podm_id", "node_index"]):
        return []
    hint = "Give resource_id, or podm_id and node_index."
    if "resource_id" in given:
        return [{"path": "$", "detail": f"It gives {' and '.join(given)}.", "hint": hint}]
    missing = ["resource_id"] if not given else [name for name in _MACHINE[1:] if name not in given]
    return [{"path": f"$.{missing[0]}", "detail": "It is missing.", "hint": hint}]


@descriptions.described(
    parameters=(descriptions.IF_MATCH,),
    body=_UPDATE.schema,
    body_name="NodeUpdate",
    body_example={"name": "web-4"},
    media_types=(request_body.MERGE_PATCH, request_body.JSON),
    answers={200: descriptions.reference("NodeWithState")},
    failures=(400, 404, 409, 412, 413, 415),
)
def update(call, node):
    """Change the name or the description of a node."""
    query.options(call.raw_query, {})
    key = checked(node)
    media_types = (request_body.MERGE_PATCH, request_body.JSON)
    document = request_body.read(call.http, media_types, call.settings.limits)
    values = _UPDATE.values(document, call.settings.max_json_depth)
    project, expected = scope(call), _expected(call, key)
    row = call.conductor.nodes.update(call.context, project, key, values, revision=expected)
    return handler.document(call, _with_links(call, row), revision=row["revision"])


@descriptions.described(
    parameters=(descriptions.FORCE, _ERASE, descriptions.IF_MATCH, descriptions.PREFER),
    answers={200: descriptions.reference("Operation"), 202: descriptions.reference("Operation"), 204: None},
    failures=(400, 404, 409, 412),
)
def delete(call, node):
    """Release a node: 204, or 202 with the operation that takes its machine apart; a system stays as it is."""
    options = query.options(call.raw_query, {"force": query.boolean, "erase": query.boolean})
    force, erase = options.get("force", False), options.get("erase", False)
    if force and not call.policy.allows(FORCE, call.context):
        raise errors.Forbidden(rule=FORCE)
    key = checked(node)
    project, expected = scope(call), _expected(call, key)
    operation = call.conductor.nodes.delete(
        call.context, project, key, revision=expected, force=force, erase=erase
    )
    return handler.empty() if operation is None else operations.accepted(call, operation)


@descriptions.described(
    parameters=(descriptions.IDEMPOTENCY_KEY, descriptions.PREFER),
    body=node_actions.SCHEMA,
    body_name="NodeAction",
    body_example={"power": "force_off"},
    media_types=(request_body.JSON,),
    answers={200: descriptions.reference("Operation"), 202: descriptions.reference("Operation")},
    failures=(400, 404, 409, 413, 415, 422),
)
def action(call, node):
    """Run one action on the machine of a node, power, boot, attach, detach or erase: 202 with its operation."""
    query.options(call.raw_query, {})
    key = checked(node)
    document = request_body.read(call.http, limits=call.settings.limits)
    wanted = node_actions.wanted(document, call.settings.max_json_depth)
    if node_actions.names_device(wanted) and not call.policy.allows(PLACED, call.context):
        raise errors.Forbidden(rule=PLACED)
    with request_body.told(call):
        idempotency = request_body.of(call, document, project=call.context.project_id)
        operation = call.conductor.nodes.act(call.context, scope(call), key, wanted, idempotency=idempotency)
    return operations.accepted(call, operation)


@descriptions.described(
    answers={
        200: {
            "type": "object",
            "properties": {"devices": {"type": "array", "items": descriptions.reference("NodeDevice")}},
            "required": ["devices"],
        }
    },
    failures=(400, 404),
)
def devices(call, node):
    """Show the devices that a node has."""
    query.options(call.raw_query, {})
    rows = call.conductor.nodes.devices(call.context, scope(call), checked(node))
    return handler.document(call, {"devices": rows})


def _expected(call, key):
    """Return the revision that If-Match requires of a node, None if it requires none."""
    read = functools.partial(call.conductor.nodes.get, call.context, scope(call), key)
    return crud.expected_revision(call, models.Node, key, read)


def _started(call, row, operation):
    """Return the response to a request for a new node: 201 if the client waited until the node was ready, else 202."""
    ended, headers = operations.waited(call, operation)
    status = 201 if ended["state"] == "succeeded" else 202
    if ended["ended_at"]:
        try:
            row = call.conductor.nodes.get(call.context, None, row["uuid"])
        except errors.NotFound:
            pass  # it was released since
        except errors.ValenceError:
            status = 202  # it was accepted, and cannot be shown as it is now
    shown = _with_links(call, row)
    shown["links"].append(handler.link(call, "operation", f"/v1/operations/{operation['uuid']}"))
    headers["Location"] = call.url(f"/v1/nodes/{row['uuid']}")
    return handler.document(call, shown, status=status, revision=row["revision"], headers=headers)


def _with_links(call, row):
    return row | {"links": _links(call, row)}
