# SPDX-License-Identifier: Apache-2.0
"""The part of the contract between API and conductors that is about nodes: see ``valence.conductor.client``."""
# mypy: disable-error-code="no-any-return"

import typing

from valence.bus import rpc_client
from valence.bus import wire
from valence.common.context import RequestContext

#: time-out in seconds of a call that chooses among all devices of the site
SELECTION_TIMEOUT = 10


class Nodes(rpc_client.Namespace):
    """Machines that projects have. ``project`` is the one whose nodes a call is about, None all of them.

    ``node`` is a UUID, or a name that no other node of the project has. Rows are those of ``models.NodeWithState``.
    """

    namespace = "nodes"

    def list(
        self, context: RequestContext, project: str | None, **query: typing.Unpack[wire.Query]
    ) -> wire.Page:
        """Return a page of the nodes that ``query`` selects.

        Its filters may be ``["device_id", "eq", uuid]`` and ``["system_uuid", "eq", uuid]`` too: see
        ``conductor.endpoints.node_filters``.
        """
        return self._read(context, "list", project=project, query=wire.ALL | query)

    def get(self, context: RequestContext, project: str | None, node: str) -> wire.Row:
        """Return one node; raise NotFound, Conflict for a name of several."""
        return self._read(context, "get", project=project, node=node)

    def devices(self, context: RequestContext, project: str | None, node: str) -> wire.Rows:
        """Return the claims of a node; raise NotFound."""
        return self._read(context, "devices", project=project, node=node)

    def create(
        self, context: RequestContext, values: wire.Row, *, idempotency: wire.Idempotency | None = None
    ) -> wire.Start:
        """Choose and claim devices for a new node; raise NothingFits with the explanation, DeviceTaken.

        ``values`` are ``name``, one of ``flavor_id``, ``properties`` in their normal form and ``resources``, uuids of
        devices, and ``description``, ``podm_id``, ``zone_id``, ``policy``, ``project_id``, ``boot`` and ``power``, as
        ``act`` takes them, where given.
        """
        return self._call(context, "create", SELECTION_TIMEOUT, values=values, idempotency=idempotency)

    def explain(self, context: RequestContext, values: wire.Row) -> wire.Document:
        """Return the explanation of what ``create`` would choose; nothing is stored."""
        return self._call(context, "explain", SELECTION_TIMEOUT, values=values, repeatable=True)

    def manage(
        self, context: RequestContext, values: wire.Row, *, idempotency: wire.Idempotency | None = None
    ) -> wire.Start:
        """Adopt the machine ``resource_id``; raise ValidationFailed, DeviceTaken, InMaintenance."""
        return self._call(context, "manage", values=values, idempotency=idempotency)

    def update(
        self,
        context: RequestContext,
        project: str | None,
        node: str,
        values: wire.Row,
        *,
        revision: int | None = None,
    ) -> wire.Row:
        """Change name or description and return the node; raise RevisionMismatch unless it has ``revision``."""
        return self._call(context, "update", project=project, node=node, values=values, revision=revision)

    def act(
        self,
        context: RequestContext,
        project: str | None,
        node: str,
        action: wire.Row,
        *,
        idempotency: wire.Idempotency | None = None,
    ) -> wire.Operation:
        """Request an action; raise NodeBusy, InMaintenance, NotOffered.

        ``action`` is ``{"power": name}``, ``{"boot": {"target", "enabled", "mode"}}``, ``{"attach": …}`` or
        ``{"detach": …}``. The last two name a device by ``resource_id``, ``device_id`` or ``uuid``, and have
        ``power_off`` where the machine is to be off; ``attach`` may have requirements in their normal form instead:
        raise NothingFits, DeviceTaken, ValidationFailed.
        """
        timeout = SELECTION_TIMEOUT if "attach" in action else rpc_client.STORE_TIMEOUT
        return self._call(
            context, "act", timeout, project=project, node=node, action=action, idempotency=idempotency
        )

    def delete(
        self,
        context: RequestContext,
        project: str | None,
        node: str,
        *,
        revision: int | None = None,
        force: bool = False,
    ) -> wire.Operation | None:
        """Release a node; raise NodeBusy while an operation is under way, NodeManaged.

        ``force`` overrides both, but NodeBusy only of a node that has nothing to be taken apart.

        Return the operation that takes its machine apart, None where the node is gone already.
        """
        return self._call(context, "delete", project=project, node=node, revision=revision, force=force)


class Devices(rpc_client.Namespace):
    """What nodes can be made of; rows are those of ``models.Device``, and are read with ``records``."""

    namespace = "devices"

    def update(self, context: RequestContext, uuid: str, values: wire.Row) -> wire.Row:
        """Free a dirty device, ``{"state": "free"}``, and return it; raise NotFound, Conflict for another state."""
        return self._call(context, "update", uuid=uuid, values=values)


class Flavors(rpc_client.Namespace):
    """Named requirements; rows are those of ``models.Flavor``, and are read with ``records``."""

    namespace = "flavors"

    def create(
        self, context: RequestContext, values: wire.Row, *, idempotency: wire.Idempotency | None = None
    ) -> dict[str, wire.Row]:
        """Store a flavor and return ``{"flavor": row}``; raise Duplicate. Requirements are in their normal form."""
        return self._call(context, "create", values=values, idempotency=idempotency)

    def update(
        self, context: RequestContext, uuid: str, values: wire.Row, *, revision: int | None = None
    ) -> wire.Row:
        """Change fields and return the flavor; raise NotFound, Duplicate, RevisionMismatch."""
        return self._call(context, "update", uuid=uuid, values=values, revision=revision)

    def delete(
        self, context: RequestContext, uuid: str, *, revision: int | None = None, force: bool = False
    ) -> None:
        """Remove a flavor; raise NotFound, RevisionMismatch. ``force`` changes nothing: nodes do not hold it."""
        self._call(context, "delete", uuid=uuid, revision=revision, force=force)
