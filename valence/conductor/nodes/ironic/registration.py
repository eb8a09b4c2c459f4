# SPDX-License-Identifier: Apache-2.0
"""Register a node in Ironic, and remove it there.

The node in Ironic has the UUID of the node here, so that each step looks for it before it asks for anything: a
conductor that continues an operation finds what the one before it has done. The request is kept encrypted in
``handle["register"]``, because it may have passwords.
"""

import functools
import typing

from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.conductor.inventory import connections
from valence.conductor.nodes import job
from valence.conductor.nodes.ironic import access
from valence.conductor.nodes.ironic import enrollment
from valence.db.models.node import COMPOSED

#: what ``managed_by`` says of a node that Ironic has
MANAGER = "ironic"
#: seconds between two requests to an Ironic that is not available, and for which a step repeats them
INTERVAL, PATIENCE = 2.0, 60.0
#: states in which Ironic lets a node go
REMOVABLE = ("enroll", "manageable", "available", "adopt failed")
#: states in which somebody's operating system runs; not even maintenance of a node makes it removable
DEPLOYED = ("active", "rescue")
#: what the paths of network interfaces have in common
_INTERFACES = "/EthernetInterfaces"
#: what the handle of a node has only while it is being removed from Ironic
_OF_REMOVAL = ("unregister", "since", "asked")


def kinds(ironic: access.Ironic) -> dict[str, typing.Callable[[job.Job], job.Steps]]:
    """Return what runs the operations of this module, by their kinds."""
    return {
        "register": functools.partial(Register, ironic=ironic),
        "unregister": functools.partial(Unregister, ironic=ironic),
    }


def reason_to_keep(found: dict[str, typing.Any]) -> str | None:
    """Return why a node of Ironic must not be removed there now, None if it may be."""
    state, instance = found.get("provision_state"), found.get("instance_uuid")
    if instance:
        return f"it has the instance {instance}"
    if state in DEPLOYED or (state not in REMOVABLE and not found.get("maintenance")):
        return f"its provision state is {state}"
    return "it is protected there" if found.get("protected") else None


class _Change(job.Steps):
    """What both operations share: patience with Ironic, and a node that keeps its machine in any case."""

    def __init__(self, one: job.Job, *, ironic: access.Ironic) -> None:
        super().__init__(one)
        self._ironic = ironic

    def pause(self, error: errors.ValenceError) -> float | None:
        """Repeat a step for PATIENCE while Ironic is not available."""
        if not isinstance(error, composition_errors.IronicUnavailable):
            return None
        step, now = self.job.step, self.job.store.now()
        since = self.job.handle.get("since") or {}
        if since.get("step") != step:
            since = {"step": step, "at": now}
            self.job.save(since=since)
        return INTERVAL if now - since["at"] <= PATIENCE else None

    def remove(self) -> None:
        """Remove the node from Ironic, with its ports; one that is gone is gone.

        Raise IronicInUse, IronicUnavailable while Ironic works on it.
        """
        client, uuid = self._ironic.client(), self.job.node.uuid
        found = client.node(uuid)
        if found is None:
            return
        if reason := reason_to_keep(found):
            raise composition_errors.IronicInUse(key=uuid, reason=reason)
        self.job.save(asked=True)
        refused = client.delete_node(uuid)
        if refused is None or (found := client.node(uuid)) is None:
            return
        if reason := reason_to_keep(found):
            raise composition_errors.IronicInUse(key=uuid, reason=reason)
        raise composition_errors.IronicUnavailable(reason=refused)  # somebody has it locked


class Register(_Change):
    """Create the node in Ironic, with a port for each network interface."""

    names = ("read", "register", "ports")
    undo = ("remove",)

    def is_undone(self) -> bool:
        """Whether this operation may have created the node: one that was there before stays."""
        return bool(self.job.handle.get("enrolled"))

    def read(self) -> None:
        """Read what Ironic has to know of the machine."""
        url = typing.cast(str, self.job.node.resource_url)
        with self.job.driver() as driver:
            path = driver.system_path(url)
            try:
                inspected = driver.inspect(path)
            except introspection_errors.NotOffered:
                inspected = {}  # the request may say it
        unread = [each for each in inspected.get("unread", ()) if _INTERFACES in each]
        if unread and "mac" not in self._request:
            reason = f"{unread[0]} could not be read; give the addresses of the machine in mac, or try again"
            raise errors.PodManagerError(url=self.job.node.podm_id, reason=reason)
        self.job.save(machine=enrollment.machine(path, inspected)._asdict())

    def register(self) -> None:
        """Create the node, unless it is there."""
        client = self._ironic.client()
        if client.node(self.job.node.uuid) is not None:
            return
        pod_manager = connections.read(self.job.store, self.job.node.podm_id)
        if pod_manager.password is None:
            raise errors.SecretUnreadable(file=self._ironic.key_file)
        values = enrollment.node(
            self.job.node,
            pod_manager,
            self._machine,
            self._request,
            resource_class=self._ironic.resource_class,
        )
        self.job.save(enrolled=True)
        client.create_node(values)

    def ports(self) -> None:
        """Create the ports that are not there; raise IronicPortTaken for one that another node has."""
        client, uuid = self._ironic.client(), self.job.node.uuid
        given = self._request.get("mac")
        named = [given] if isinstance(given, str) else given
        for address in self._machine.addresses if named is None else enrollment.addresses(named):
            port = client.port(address)
            if port is None:
                client.create_port(uuid, address)
                port = client.port(address)
            if port is not None and port["node_uuid"] != uuid:
                raise composition_errors.IronicPortTaken(address=address, port=port["uuid"])

    def succeeded(self) -> job.Ending:
        ending = super().succeeded()
        return ending._replace(values=ending.values | {"managed_by": MANAGER})

    def failed(self, error: errors.ValenceError) -> job.Ending:
        """Leave the node as it was: what this operation made in Ironic was removed."""
        return super().succeeded()

    def stranded(self, error: errors.ValenceError) -> job.Ending:
        """Keep the node as one of Ironic, which may have it: who unregisters it finds out."""
        return self.succeeded()

    @property
    def _machine(self) -> enrollment.Machine:
        return enrollment.Machine(**self.job.handle["machine"])

    @property
    def _request(self) -> dict[str, typing.Any]:
        return self._ironic.opened(self.job.handle["register"])


class Unregister(_Change):
    """Remove the node from Ironic: ``handle["unregister"]`` has the state and the error that the node returns to."""

    names = ("remove",)

    def may_cancel(self) -> bool:
        """Whether Ironic was not asked to remove the node yet: an answer may have been lost."""
        return not self.job.handle.get("asked")

    def succeeded(self) -> job.Ending:
        ending = self.failed(errors.Cancelled())
        return ending._replace(values=ending.values | {"managed_by": None})

    def failed(self, error: errors.ValenceError) -> job.Ending:
        """Leave the node as it was."""
        before = self.job.handle["unregister"]
        kept = {name: value for name, value in self.job.handle.items() if name not in _OF_REMOVAL}
        return job.Ending({"state": before["state"], "error": before["error"], "handle": kept})


def initial(node: typing.Any) -> dict[str, typing.Any]:
    """Return what the handle of a node keeps for Unregister."""
    is_ready = node.state == COMPOSED
    kept = job.lasting(node.handle) if is_ready else node.handle
    return kept | {"unregister": {"state": node.state, "error": node.error}}
