# SPDX-License-Identifier: Apache-2.0
"""Nodes for clients: each request is one commit of the node, its claims, its operation and its event."""

import functools

from oslo_utils import uuidutils

from valence.bus import messaging
from valence.bus import wire
from valence.common import composition_errors
from valence.common import errors
from valence.composition import quotas
from valence.conductor.endpoints import node_filters
from valence.conductor.endpoints import repeats
from valence.conductor.events import outbox
from valence.conductor.nodes import creation
from valence.conductor.nodes import job
from valence.conductor.nodes import rights
from valence.conductor.nodes.allocation import turns
from valence.conductor.nodes.devices import additions
from valence.conductor.nodes.devices import attach
from valence.conductor.nodes.devices import erasing
from valence.conductor.nodes.ironic import handover
from valence.conductor.work import operations
from valence.db import models
from valence.db import store
from valence.db.models.node import COMPOSED
from valence.db.models.node import ERROR

#: types of resources that can be adopted
ADOPTABLE = ("System", rights.ALLOCATED_NODE)
#: most parts of a resource block that are shown
MOST_PARTS = 64
#: what a part is shown with
PART_FIELDS = ("resource_type", "name", "identity")
#: what a node is shown with of the resource of its system
_SYSTEM = models.LookedUp(
    models.ResourceWithState,
    by=("podm_id", "resource_url"),
    fields=(("resource_id", "uuid"), ("power_state", "power_state"), ("health", "health")),
    otherwise=(("power_state", "power_seen"),),
)


class NodesEndpoint:
    """The namespace ``nodes`` of ``valence.conductor.client``.

    ``wake(podm_id)`` makes the conductor of a pod manager look for work on its nodes.
    """

    namespace = "nodes"

    def __init__(self, database, wake, ironic):
        self._store, self._wake, self._ironic = database, wake, ironic

    @messaging.expose
    def list(self, context, project, query):
        """Return a page of nodes, encoded, each with the state of its system."""
        self._require_marker(project, query)
        page = self._store.page(
            models.Node,
            _SYSTEM,
            filters=[*_of(project), *node_filters.filters(self._store, query["filters"])],
            sort=[store.Sort(*each) for each in query["sort"]],
            marker=query["marker"],
            limit=query["limit"],
            fields=query["fields"] or models.NodeWithState.public_fields(),
        )
        return wire.page(query, *page)

    @messaging.expose
    def count(self, context, project, filters=()):
        """Return how many nodes there are."""
        wanted = [*_of(project), *node_filters.filters(self._store, filters)]
        return self._store.count(models.Node, filters=wanted)

    @messaging.expose
    def get(self, context, project, node):
        """Return a node with the state of its system."""
        return self._shown([self._find(context, project, node)])[0]

    @messaging.expose
    def devices(self, context, project, node):
        """Return the claims of a node, in the order of their devices."""
        found = self._find(context, project, node)
        return self._shown_claims(rights.claims(self._store, found))

    @messaging.expose
    def create(self, context, values, idempotency=None):
        """Choose and claim the devices of a new node, and request its machine."""
        request = creation.Request(self._store, context, values)
        answer = repeats.once(
            self._store, idempotency, lambda remember: request.create(remember, self._shown)
        )
        self._wake(answer["node"]["podm_id"])
        return answer

    @messaging.expose
    def explain(self, context, values):
        """Return what would be chosen for a node, or why nothing fits."""
        return creation.Request(self._store, context, values).explain()

    @messaging.expose
    def manage(self, context, values, idempotency=None):
        """Adopt a machine that exists."""
        answer = repeats.once(self._store, idempotency, functools.partial(self._manage, context, values))
        self._wake(answer["node"]["podm_id"])
        return answer

    @messaging.expose
    def update(self, context, project, node, values, revision=None):
        """Change the name or the description."""
        tries = store.TRIES if revision is None else 1
        return store.again(
            lambda: self._update(context, self._expect(context, project, node, revision), values), tries=tries
        )

    @messaging.expose
    def act(self, context, project, node, action, idempotency=None):
        """Store an operation on the machine of a node."""

        def ask(found, remember):
            return self._act(context, found, action, remember)

        return self._requested(context, project, node, ask, idempotency)

    @messaging.expose
    def register(self, context, project, node, values, idempotency=None):
        """Store the operation that registers a node in Ironic."""

        def ask(found, remember):
            return handover.register(
                self._store, self._ironic, context, found, values=values, remember=remember
            )

        return self._requested(context, project, node, ask, idempotency)

    @messaging.expose
    def unregister(self, context, project, node, idempotency=None):
        """Store the operation that removes a node from Ironic."""

        def ask(found, remember):
            return handover.unregister(self._store, self._ironic, context, found, remember=remember)

        return self._requested(context, project, node, ask, idempotency)

    def _requested(self, context, project, key, ask, idempotency):
        """Store an operation once for an Idempotency-Key, and return it.

        ``ask`` gets the node and is repeated where the node changes.
        """
        found = []

        def attempt(remember):
            found[:] = [self._find(context, project, key)]
            return ask(found[0], remember)

        answer = repeats.once(
            self._store, idempotency, lambda remember: store.again(lambda: attempt(remember))
        )
        for node in found:
            self._wake(node.podm_id)
        return answer

    @messaging.expose
    def delete(self, context, project, node, revision=None, *, force=False, erase=False):
        """Release a node; return the operation that takes its machine apart, None where nothing has to be.

        ``erase`` wants its storage devices to be erased, whatever the site's default is.
        """

        def attempt():
            found = self._expect(context, project, node, revision)
            return found.podm_id, self._delete(context, found, force, erase)

        podm_id, operation = store.again(attempt, tries=store.TRIES if revision is None else 1)
        self._wake(podm_id)
        return operation

    def _shown(self, nodes):
        """Return all public fields of nodes, with what was last seen of their systems."""
        return self._store.look_up(_SYSTEM, nodes, models.NodeWithState.public_fields())

    def _find(self, context, project, key):
        """Return the node with a UUID or name; raise NotFound, or Conflict where several have the name.

        A name is looked for in the caller's own project first.
        """
        if uuidutils.is_uuid_like(key):
            found = self._nodes(project, store.Filter("uuid", "eq", key.lower()))
        else:
            named = store.Filter("name", "eq", key)
            own = project if project is not None else context.project_id or ""
            found = self._nodes(own, named) or (self._nodes(None, named) if project is None else [])
        if not found:
            raise errors.NotFound(kind="node", key=key)
        if len(found) > 1:
            raise errors.Conflict(reason=f"More than one node has the name {key!r}; use the uuid.")
        return found[0]

    def _nodes(self, project, wanted):
        return self._store.list(models.Node, filters=[*_of(project), wanted], limit=2)

    def _require_marker(self, project, query):
        """Raise BadRequest for a marker of another project: the order of a page would tell of its values."""
        marker, is_by_key = query["marker"], not query["sort"] or query["sort"][0][0] == models.Node.key
        if project is None or marker is None or is_by_key:
            return
        if not self._nodes(project, store.Filter("uuid", "eq", marker)):
            raise errors.gone_marker(models.Node.kind, marker)

    def _expect(self, context, project, key, revision):
        node = self._find(context, project, key)
        if revision is not None and node.revision != revision:
            raise errors.RevisionMismatch(kind="node", key=key)
        return node

    def _shown_claims(self, claims):
        """Return claims with what their devices are, and what an operating system finds them by."""
        wanted = [store.Filter("uuid", "in", [claim.device_id for claim in claims])]
        devices = {row.uuid: row for row in self._store.list(models.Device, filters=wanted)}
        states = {row.uuid: row for row in self._store.list(models.ResourceState, filters=wanted)}
        shown = []
        parts = self._parts(claims)
        for claim in claims:
            device, state = devices.get(claim.device_id), states.get(claim.device_id)
            inside = parts.get(claim.device_id, [])
            own = state and state.identity
            identity = inside[0]["identity"] if not own and len(inside) == 1 else own
            more = {"device_type": device and device.device_type, "model": device and device.model}
            shown.append(claim.public() | more | {"identity": identity, "parts": inside})
        return shown

    def _parts(self, claims):
        """Return what claimed resource blocks consist of, by their uuids: the first resources below their URLs."""
        wanted = [
            store.Filter("uuid", "in", [claim.device_id for claim in claims]),
            store.Filter("resource_type", "eq", "Resource Block"),
        ]
        blocks = self._store.list(models.Resource, filters=wanted)
        found = {block.resource_url: [] for block in blocks}
        for row in self._below(blocks):
            for url in _ancestors(row.resource_url):
                found.get(url, []).append(row)
        return {block.uuid: _shown_parts(found[block.resource_url]) for block in blocks}

    def _below(self, blocks):
        """Return the resources below the URLs of blocks, which one pod manager has, in the order of their URLs."""
        if not blocks:
            return []
        inside = [
            store.Filter("podm_id", "eq", blocks[0].podm_id),
            store.Filter("resource_url", "begins", [f"{block.resource_url}/" for block in blocks]),
        ]
        fields, sort = ("resource_url", *PART_FIELDS), [store.Sort("resource_url")]
        return self._store.list(models.ResourceWithState, filters=inside, sort=sort, fields=fields)

    def _manage(self, context, values, remember):
        resource = self._adoptable(values.get("resource_id") or node_filters.indexed(self._store, values))
        self._refuse_other_hardware(resource)
        pod_manager = rights.usable(self._store, resource.podm_id)
        now = self._store.at()
        node = models.Node(
            name=values.get("name") or resource.name or f"node-{resource.uuid[:8]}",
            description=values.get("description") or "",
            project_id=values.get("project_id") or context.project_id or "",
            podm_id=resource.podm_id,
            kind="allocated" if resource.resource_type == rights.ALLOCATED_NODE else "system",
            resource_url=resource.resource_url,
            created_at=now,
            updated_at=now,
        )
        operation = operations.new(context, "adopt", "node", node.uuid, now=now, project_id=node.project_id)
        answer = {"node": self._shown([node])[0], "operation": operation.public()}
        if node.kind == turns.ALLOCATED:
            turns.require_unknown(self._store, node, resource.resource_url, resource.uuid)
        try:
            changes = [
                store.Create(node),
                *rights.adoption(self._store, node, resource.uuid),
                store.Create(operation),
                store.Require(pod_manager),
                outbox.event("node", context, "create", new=node),
                *remember(answer),
            ]
            quotas.commit(self._store, node.project_id, changes, is_new=True)
        except errors.Duplicate as error:
            if error.kwargs.get("kind") != models.Claim.kind:
                raise
            self._refuse_taken(resource.uuid)
        return answer

    def _adoptable(self, uuid):
        try:
            resource = self._store.get(models.ResourceWithState, uuid)
        except errors.NotFound:
            problem = {
                "path": "$.resource_id",
                "detail": f"There is no resource {uuid}.",
                "hint": "GET /v1/systems lists the machines that can be adopted.",
            }
            raise errors.ValidationFailed(problems=[problem]) from None
        if resource.resource_type not in ADOPTABLE:
            problem = {
                "path": "$.resource_id",
                "detail": f"The resource {uuid} is a {resource.resource_type}, not a machine.",
                "hint": "GET /v1/systems lists the machines that can be adopted.",
            }
            raise errors.ValidationFailed(problems=[problem])
        return resource

    def _forget(self, context, node):
        """Remove a node; raise RevisionMismatch where a device vanished since it was read: it is done again."""
        try:
            self._store.commit(*rights.removal(self._store, context, node))
        except errors.NotFound as error:
            if error.kwargs.get("kind") != models.Device.kind:
                raise
            raise errors.RevisionMismatch(kind="node", key=node.uuid) from None

    def _refuse_other_hardware(self, resource):
        """Raise DeviceTaken for a system that is a node's already, or whose hardware is offered as other devices."""
        of_pod_manager = store.Filter("podm_id", "eq", resource.podm_id)
        same = store.Filter("resource_url", "eq", resource.resource_url)
        for node in self._store.list(models.Node, filters=[of_pod_manager, same], limit=1, fields=["uuid"]):
            reason = f"the node {node.uuid} has it"
            raise composition_errors.DeviceTaken(device=resource.uuid, reason=reason)
        if resource.resource_type == rights.ALLOCATED_NODE:
            return  # its operation claims the system that it stands on
        itself = store.Filter("uuid", "eq", resource.uuid)
        is_projected = self._store.count(models.Device, filters=[of_pod_manager])
        if is_projected and not self._store.count(models.Device, filters=[itself]):
            reason = "it is made of other devices, or stands in one; compose a node of those"
            raise composition_errors.DeviceTaken(device=resource.uuid, reason=reason)

    def _refuse_taken(self, uuid):
        """Raise DeviceTaken, with the node that has the device."""
        try:
            holder = self._store.get(models.Claim, f"{uuid}/1").node_id
        except errors.NotFound:
            holder = "another one"
        raise composition_errors.DeviceTaken(device=uuid, reason=f"the node {holder} has it")

    def _update(self, context, old, values):
        changes = {name: value for name, value in values.items() if getattr(old, name) != value}
        if changes:
            event = outbox.event("node", context, "update", old=old, new=old.replace(**changes))
            old = self._store.commit(store.Update(old, changes), event)[0]
        return self._shown([old])[0]

    def _act(self, context, node, action, remember):
        [kind] = action
        rights.require_idle(self._store, node)
        if node.state != COMPOSED:
            why = (node.error or "it has no machine").rstrip(".")
            kind = composition_errors.NodeInError if node.state == ERROR else errors.Conflict
            raise kind(reason=f"The node {node.uuid} is in the state {node.state}: {why}.")
        # A device can be added to a machine that runs; who manages the machine switches it.
        if node.managed_by and (kind != "attach" or action[kind].get("power_off")):
            raise composition_errors.NodeManaged(key=node.uuid, manager=node.managed_by)
        rights.usable(self._store, node.podm_id)
        answers = []

        def changes(more):
            handle = action | job.lasting(node.handle) | more
            changed = rights.change(context, node, kind, handle, self._store.at())
            answers.append(changed[0].obj.public())
            return [*changed, *remember(answers[-1])]

        if kind == "attach":
            additions.add(self._store, node, action[kind], changes)
        elif kind == "detach":
            claim = additions.removable(self._store, node, action[kind])
            detaching = store.Update(claim, {"state": attach.DETACHING})
            self._store.commit(*changes({"devices": [claim.device_id]}), detaching)
        elif kind == "erase":
            claims = erasing.erasable(self._store, node, action[kind])
            self._store.commit(*changes({"devices": [claim.device_id for claim in claims]}))
        else:
            self._store.commit(*changes({}))
        return answers[-1]

    def _delete(self, context, node, force, erase):
        if node.managed_by and not force:
            raise composition_errors.NodeManaged(key=node.uuid, manager=node.managed_by)
        has_hardware = rights.has_hardware(self._store, node)
        if has_hardware or not force:
            rights.require_idle(self._store, node)
        if not has_hardware:
            self._forget(context, node)
            return None
        rights.usable(self._store, node.podm_id)
        changes = rights.decomposition(context, node, self._store.at(), force=force, erase=erase)
        return self._store.commit(*changes)[0].public()


def _of(project):
    """Return the filters of the nodes of a project, none for those of all projects."""
    return [] if project is None else [store.Filter("project_id", "eq", project)]


def _ancestors(url):
    """Yield the URLs above a URL."""
    while url := url.rpartition("/")[0]:
        yield url


def _shown_parts(rows):
    """Return the first parts of a block as clients see them."""
    return [
        {"resource_id": row.uuid} | {name: getattr(row, name) for name in PART_FIELDS}
        for row in rows[:MOST_PARTS]
    ]
