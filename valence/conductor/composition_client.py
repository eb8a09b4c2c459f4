# SPDX-License-Identifier: Apache-2.0
"""The part of the contract between API and conductors that is about nodes: see ``valence.conductor.client``."""
# mypy: disable-error-code="no-any-return"

import random
import time
import typing

from valence.bus import rpc_client
from valence.bus import wire
from valence.common import composition_errors
from valence.common.context import RequestContext

#: time-out in seconds of a call that chooses among all devices of the site
SELECTION_TIMEOUT = 10
#: and of one that loads the libraries of Ironic, or waits some seconds for it
IRONIC_TIMEOUT = 10
#: seconds for which a request waits for others of its project, and between two calls meanwhile
QUOTA_PATIENCE, QUOTA_PAUSES = 20.0, (0.1, 0.6)


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
        return wire.unpacked(self._read(context, "list", project=project, query=wire.ALL | query))

    def count(self, context: RequestContext, project: str | None, *, filters: wire.Filters = ()) -> int:
        """Return how many nodes there are; ``filters`` are those of ``list``."""
        return self._read(context, "count", project=project, filters=filters)

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
        return self._add(context, "create", SELECTION_TIMEOUT, values=values, idempotency=idempotency)

    def explain(self, context: RequestContext, values: wire.Row) -> wire.Document:
        """Return the explanation of what ``create`` would choose; nothing is stored."""
        return self._call(context, "explain", SELECTION_TIMEOUT, values=values, repeatable=True)

    def manage(
        self, context: RequestContext, values: wire.Row, *, idempotency: wire.Idempotency | None = None
    ) -> wire.Start:
        """Adopt a machine, ``resource_id`` or ``node_index`` of ``podm_id``.

        Raise ValidationFailed, DeviceTaken, InMaintenance.
        """
        return self._add(context, "manage", None, values=values, idempotency=idempotency)

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

        ``action`` is ``{"power": name}``, ``{"boot": {"target", "enabled", "mode"}}``, ``{"attach": …}``,
        ``{"detach": …}`` or ``{"erase": …}``. The last three name a device by ``resource_id``, ``device_id`` or
        ``uuid``; the first two of them have ``power_off`` where the machine is to be off; ``attach`` may have
        requirements in their normal form instead, ``erase`` no device, which is all of them; ``detach`` has ``erase``
        where the device is to be erased: raise NothingFits, DeviceTaken, ValidationFailed.
        """
        timeout = SELECTION_TIMEOUT if "attach" in action else None
        return self._add(
            context, "act", timeout, project=project, node=node, action=action, idempotency=idempotency
        )

    def _add(
        self, context: RequestContext, method: str, timeout: float | None, **kwargs: typing.Any
    ) -> typing.Any:
        """Return the answer of a call that may add to what a project has.

        Where other requests of the project come first, the call was not worked on. It waits here and is made again: in
        a conductor it would take a thread from other projects. Raise QuotaBusy after QUOTA_PATIENCE.
        """
        end = time.monotonic() + QUOTA_PATIENCE
        while True:
            try:
                return self._call(context, method, timeout, **kwargs)
            except composition_errors.QuotaBusy:
                if time.monotonic() >= end:
                    raise
            time.sleep(random.uniform(*QUOTA_PAUSES))

    def register(
        self,
        context: RequestContext,
        project: str | None,
        node: str,
        values: wire.Row,
        *,
        idempotency: wire.Idempotency | None = None,
    ) -> wire.Operation:
        """Request that Ironic gets a node; raise IronicNotConfigured, NodeBusy, InMaintenance, Conflict.

        ``values`` are fields of Ironic's node that replace Valence's, and ``mac``, an address or a list of them.
        """
        return self._call(
            context,
            "register",
            IRONIC_TIMEOUT,
            project=project,
            node=node,
            values=values,
            idempotency=idempotency,
        )

    def unregister(
        self,
        context: RequestContext,
        project: str | None,
        node: str,
        *,
        idempotency: wire.Idempotency | None = None,
    ) -> wire.Operation:
        """Request that Ironic loses a node; raise IronicInUse, IronicNotConfigured, NodeBusy, Conflict."""
        return self._call(
            context, "unregister", IRONIC_TIMEOUT, project=project, node=node, idempotency=idempotency
        )

    def delete(
        self,
        context: RequestContext,
        project: str | None,
        node: str,
        *,
        revision: int | None = None,
        force: bool = False,
        erase: bool = False,
    ) -> wire.Operation | None:
        """Release a node; raise NodeBusy while an operation is under way, NodeManaged.

        ``force`` overrides both, but NodeBusy only of a node that has nothing to be taken apart. ``erase`` wants its
        storage devices to be erased, whatever the site's default is.

        Return the operation that takes its machine apart, None where the node is gone already.
        """
        more = {"erase": True} if erase else {}  # conductors of the release before do not know it
        return self._call(
            context, "delete", project=project, node=node, revision=revision, force=force, **more
        )


class Devices(rpc_client.Namespace):
    """What nodes can be made of; rows are those of ``models.Device``, and are read with ``records``."""

    namespace = "devices"

    def update(self, context: RequestContext, uuid: str, values: wire.Row) -> wire.Row:
        """Free a dirty device, ``{"state": "free"}``, and return it; raise NotFound, Conflict for another state."""
        return self._call(context, "update", uuid=uuid, values=values)


class Quotas(rpc_client.Namespace):
    """What projects may have; rows are those of ``models.QuotaWithUse``. Conductors of the version before have none.

    ``project_id`` is the key of a quota: ``models.quota.NO_PROJECT`` for the empty project.
    """

    namespace = "quotas"

    def list(
        self, context: RequestContext, project: str | None, **query: typing.Unpack[wire.Query]
    ) -> wire.Page:
        """Return a page of the stored quotas, or that of ``project`` alone, stored or not."""
        return self._read(context, "list", project=project, query=wire.ALL | query)

    def count(self, context: RequestContext, project: str | None, *, filters: wire.Filters = ()) -> int:
        """Return how many quotas ``list`` shows."""
        return self._read(context, "count", project=project, filters=filters)

    def get(self, context: RequestContext, project_id: str) -> wire.Row:
        """Return the quota of a project, with the limits of the site where it has no own ones."""
        return self._read(context, "get", project_id=project_id)

    def update(
        self,
        context: RequestContext,
        project_id: str,
        limits: typing.Mapping[str, int | None],
        **options: typing.Mapping[str, int],
    ) -> wire.Row:
        """Set limits by resource, None to the limit of the site, and return the quota; others stay.

        The option ``expected`` has the limits that it must have itself, or RevisionMismatch is raised.
        """
        return self._call(context, "update", project_id=project_id, limits=dict(limits), **options)


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
