# SPDX-License-Identifier: Apache-2.0
"""Nodes of Intel RSD, which a pod manager allocates and assembles (RSD pod manager API 1.2 to 2.5).

A node stands on one system, and gets drives that belong to none. A request names a processor of the claimed system; a
service that refuses such a link (1.2) is told what the system has, and chooses one itself. Services keep what they like
of a node's name and description, and some do not say which system a node stands on: then a node is known by its
Location, or because it is the only one that was not there before.

Targets of actions are used only where they lie below the node's own path: a simulator gives all nodes those of the
first one. Each action has a JSON body: another simulator ends without one.
"""

import re
import typing

from valence.common import errors
from valence.common import introspection_errors
from valence.podmanagers import base
from valence.podmanagers import composers
from valence.podmanagers.redfish import connection as connections
from valence.podmanagers.redfish import tasks
from valence.podmanagers.redfish.composition import blocks
from valence.podmanagers.redfish.composition import marks
from valence.podmanagers.redfish.crawl import collection_pages
from valence.podmanagers.redfish.crawl import measures
from valence.podmanagers.redfish.crawl import properties
from valence.podmanagers.redfish.http import failures

#: where versions of the API link the collection of nodes
PLACES = (("Nodes",), ("Oem", "Intel_RackScale", "Nodes"))
_SYSTEM = ("Links", "ComputerSystem")
#: links of a node to what was attached to it, in one version or another
_ATTACHED = (*measures.DRIVES_OF_NODE, "Processors", "Endpoints")
_STATES = {
    "assembled": composers.COMPOSED,
    "failed": composers.FAILED,
    "allocated": composers.ALLOCATED,
}
_BAD_REQUEST, _CONFLICT, _GONE = 400, 409, (404, 410)
#: properties of a node that say who made it
_TEXTS = ("Description", "Name")
#: words of the texts that services give to nodes by themselves, such as "Composed Node 3"
_OF_SERVICES = frozenset(
    [
        "allocated",
        "composed",
        "compute",
        "computer",
        "default",
        "logical",
        "machine",
        "node",
        "server",
        "system",
    ]
)
_WORDS = re.compile(r"[^\W\d_]+")

Document = dict[str, typing.Any]


def nodes_path(connection: connections.Connection, root: Document) -> str | None:
    """Return the path of the collection of nodes, None where the service root links none."""
    links = (properties.reference(properties.at(root, place)) for place in PLACES)
    return next(filter(None, map(connection.paths.link, links)), None)


class Allocate(composers.Composer):
    """Allocates on one connection, in the collection at the path ``nodes``; raise NotOffered where that cannot be."""

    def __init__(self, connection: connections.Connection, nodes: str) -> None:
        self._connection, self._nodes = connection, nodes
        self._walker = collection_pages.walker(connection)

    def look(self, resource_urls: typing.Sequence[str]) -> list[composers.Part]:
        nodes = self._users(resource_urls)
        return [self._part(url, nodes.get(url, ())) for url in resource_urls]

    def machines(self) -> list[str]:
        return collection_pages.all_members(self._connection, self._nodes)

    def compose(self, plan: composers.Plan) -> base.Outcome:
        """Request a node on the claimed system, or with ``plan.may_differ`` on any that has as much.

        Raise NotOffered where the pod manager takes no link to the claimed one: nothing was made.
        """
        target = self._target()
        system = plan.resource_urls[0]
        text = {"Name": plan.name, "Description": blocks.mark(plan)}
        wanted = self._amounts(plan) if plan.may_differ else self._pins(system)
        answer = self._connection.exchange("POST", target, text | wanted)
        if not plan.may_differ and self._takes_no_links(answer):
            reason = failures.status_reason(answer.status_code, answer.content)
            raise introspection_errors.NotOffered(what=f"allocation of a given system ({reason})")
        return tasks.outcome(
            self._connection, self._nodes, answer, action="allocation of nodes", device=system
        )

    def find(self, plan: composers.Plan) -> list[composers.Composed]:
        """Return the nodes that may be the one of a plan.

        Besides those with the mark, on the claimed system, or that an answer named: all that were not there before,
        where they do not say on which system they stand, or where the pod manager may have chosen another one. A node
        with a name or description that somebody else gave it is none of these.
        """
        before = frozenset(plan.before or ())
        documents = {url: self._read(url) for url in self.machines() if url not in before}
        marked = {url for url, each in documents.items() if marks.is_of(each, plan.node_id)}
        unsigned = {url: each for url, each in documents.items() if not _is_of_others(each, plan)}
        standing = {url for url, each in unsigned.items() if self._system(each) in plan.resource_urls}
        named = {url for url in documents if url == plan.machine_url}
        others = {url for url, each in unsigned.items() if plan.may_differ or self._system(each) is None}
        found = marked or standing or named or (others if plan.before is not None else set())
        machines = [self._composed(url, documents[url], plan.resource_urls) for url in sorted(found)]
        return [_signed(each, documents[each.resource_url], plan.node_id) for each in machines]

    def machine(
        self, machine_url: str, resource_urls: typing.Sequence[str], node_id: str | None = None
    ) -> composers.Composed:
        document = self._connection.get(machine_url).content or {}
        return _signed(self._composed(machine_url, document, resource_urls), document, node_id)

    def assemble(self, machine_url: str) -> base.Outcome:
        target = self._action(machine_url, self._read(machine_url), "Assemble")
        answer = self._connection.exchange("POST", target, {})
        if answer.status_code == _CONFLICT:
            return base.Outcome(base.UNKNOWN)  # it is assembled, or being assembled, by an earlier request
        return tasks.outcome(self._connection, machine_url, answer, action="assembly of nodes")

    def attach(self, machine_url: str, resource_url: str) -> base.Outcome:
        return self._change(machine_url, resource_url, ("AttachResource", "AttachEndpoint"), resource_url)

    def detach(self, machine_url: str, resource_url: str, *, force: bool = False) -> base.Outcome:
        return self._change(machine_url, resource_url, ("DetachResource", "DetachEndpoint"), None)

    def decompose(self, machine_url: str, *, is_created: bool = False, force: bool = False) -> base.Outcome:
        """Request that a node is deleted; with ``force`` whatever fails on the way, where the node offers that."""
        document = self._read(machine_url) if force else {}
        if _offers(document, "ForceDelete"):
            target = self._action(machine_url, document, "ForceDelete")
            answer = self._connection.exchange("POST", target, {})
        else:
            answer = self._connection.exchange("DELETE", machine_url)
        if answer.status_code in _GONE:
            return base.Outcome(base.DONE)
        return tasks.outcome(self._connection, machine_url, answer, action="removal of nodes")

    def exists(self, machine_url: str, *, is_created: bool = False) -> bool:
        """Return whether a node is in the collection: its own path may be answered after it was deleted."""
        return machine_url in self.machines()

    def _change(
        self, url: str, resource_url: str, names: typing.Sequence[str], device: str | None
    ) -> base.Outcome:
        """Request an action about a resource, by the first of its ``names`` that the node has."""
        document = self._read(url)
        name = next((each for each in names if _offers(document, each)), None)
        if name is None:
            raise introspection_errors.NotOffered(what="change of nodes")
        body = {"Resource": {"@odata.id": resource_url}}
        answer = self._connection.exchange("POST", self._action(url, document, name), body)
        outcome = tasks.outcome(self._connection, url, answer, action="change of nodes", device=device)
        return outcome._replace(resource_url=url) if outcome.state == base.DONE else outcome

    def require_offered(self) -> dict[str, typing.Any]:
        """Return the actions of the collection; raise NotOffered where none of them allocates."""
        document = self._read(self._nodes)
        if not measures.has_allocation(document):
            raise introspection_errors.NotOffered(what="allocation of nodes")
        return typing.cast(dict[str, typing.Any], document["Actions"])

    def _target(self) -> str:
        """Return the path of the action that allocates."""
        actions = self.require_offered()
        action = next(actions[name] for name in sorted(actions) if name.endswith("Allocate"))
        return self._below(self._nodes, action) or f"{self._nodes}/Actions/Allocate"

    def _action(self, url: str, document: Document, name: str) -> str:
        """Return the path of an action of the node at a path."""
        action = properties.at(document, ("Actions", f"#ComposedNode.{name}"))
        return self._below(url, action) or f"{url}/Actions/ComposedNode.{name}"

    def _below(self, url: str, action: object) -> str | None:
        """Return the target of an action if it lies below a path."""
        target = action.get("target") if isinstance(action, dict) else None
        path = self._connection.paths.link(target) if isinstance(target, str) else None
        return path if path and path.startswith(f"{url}/") else None

    def _pins(self, system: str) -> Document:
        """Return what lets a request mean one system: the link of a processor of it.

        Raise NotOffered where it shows none, PodManagerUnreachable where that cannot be read.
        """
        document = self._read(system)
        path = next(self._walker.paths(document.get("Processors")), None)
        if path:
            return {"Processors": [{"Resource": {"@odata.id": path}}]}
        if self._walker.unread:
            reason = f"{min(self._walker.unread)} could not be read"
            raise errors.PodManagerUnreachable(url=self._connection.paths.url, reason=reason)
        raise introspection_errors.NotOffered(what="allocation of a system that shows no processor")

    def _takes_no_links(self, answer: typing.Any) -> bool:
        """Return whether a request was refused for another reason than that the system is somebody else's."""
        return answer.status_code == _BAD_REQUEST and not tasks.is_taken(answer)

    def _amounts(self, plan: composers.Plan) -> Document:
        """Return a request for as much as the claimed system has, each processor and module by itself.

        Raise PodManagerUnreachable where they cannot be read: a request without them would get too little.
        """
        url = plan.resource_urls[0]
        system, wanted = self._read(url), plan.required.get(url, ())
        processors = [
            {"TotalCores": cores}
            | ({"Model": each["Model"]} if "model" in wanted and each.get("Model") else {})
            for each in self._walker.members(system.get("Processors"))
            if each.get("ProcessorType", "CPU") == "CPU"
            and (cores := measures.number(each.get("TotalCores")))
        ]
        memory = [
            {"CapacityMiB": size}
            for each in self._walker.members(system.get("Memory"))
            if (size := measures.number(each.get("CapacityMiB")))
        ]
        if self._walker.unread or not (processors or memory):
            reason = f"{url}, or a part of it, could not be read"
            raise errors.PodManagerUnreachable(url=self._connection.paths.url, reason=reason)
        return {"Processors": processors, "Memory": memory}

    def _users(self, resource_urls: typing.Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the nodes on each of some systems, or with each of some drives, that have one."""
        found: dict[str, tuple[str, ...]] = {}
        for url in self.machines():
            document = self._read(url)
            has = {self._system(document), *self._attached(document, resource_urls)}
            for each in has.intersection(resource_urls):
                found[each] = (*found.get(each, ()), url)
        return found

    def _part(self, url: str, nodes: tuple[str, ...]) -> composers.Part:
        document = self._read(url)
        if not document:
            return composers.Part(url, False, "it is gone", nodes)
        reason = f"the node {', '.join(nodes)} has it" if nodes else _unusable(document)
        return composers.Part(url, reason is None, reason, nodes)

    def _composed(
        self, url: str, document: Document, resource_urls: typing.Sequence[str]
    ) -> composers.Composed:
        """Return a node; one that does not say on which system it stands is taken to stand on the claimed one."""
        state = _STATES.get(str(document.get("ComposedNodeState")).lower(), composers.COMPOSING)
        system = self._system(document)
        parts = resource_urls if system is None else (system, *self._attached(document, resource_urls))
        power_state = properties.power_state(document)
        return composers.Composed(url, state, tuple(dict.fromkeys(parts)), power_state=power_state)

    def _attached(self, document: Document, resource_urls: typing.Sequence[str]) -> list[str]:
        """Return which of some resources are linked by a node; all of its drives where none are given."""
        names = _ATTACHED if resource_urls else measures.DRIVES_OF_NODE
        lists = (properties.at(document, ("Links", name)) for name in names)
        links = [each for found in lists if isinstance(found, list) for each in found]
        paths = [self._connection.paths.link(properties.reference(each)) for each in links]
        return [url for url in resource_urls or dict.fromkeys(paths) if url and url in paths]

    def _system(self, document: Document) -> str | None:
        """Return the path of the system that a node stands on, None where it does not say."""
        return self._connection.paths.link(properties.reference(properties.at(document, _SYSTEM)))

    def _read(self, url: str) -> Document:
        """Return a document, an empty one where there is none; raise where it cannot be read."""
        try:
            return self._connection.get(url).content or {}
        except errors.ResourceGone:
            return {}


def _offers(document: Document, name: str) -> bool:
    """Return whether a node has an action."""
    return isinstance(properties.at(document, ("Actions", f"#ComposedNode.{name}")), dict)


def _signed(machine: composers.Composed, document: Document, node_id: str | None) -> composers.Composed:
    return marks.signed(machine, document, node_id, properties.identity(document))


def _is_of_others(document: Document, plan: composers.Plan) -> bool:
    """Return whether the name or the description of a node says that another client made it.

    Texts that name no client, such as "Composed Node 3" or the Id, are the service's own.
    """
    own = ("", plan.name, str(document.get("Id")), str(document.get("UUID")))
    texts = [text.strip() for name in _TEXTS if isinstance(text := document.get(name), str)]
    return not marks.is_of(document, plan.node_id) and any(
        text not in own and not _OF_SERVICES.issuperset(_WORDS.findall(text.casefold())) for text in texts
    )


def _unusable(document: Document) -> str | None:
    """Return why nobody can have a system, None where it can be used; one that is off may call itself disabled."""
    status = document.get("Status")
    status = status if isinstance(status, dict) else {}
    if status.get("Health") == "Critical":
        return "its health is Critical"
    is_off = status.get("State") == "Disabled" and document.get("PowerState") == "Off"
    if status.get("State") in (None, "Enabled", "StandbyOffline") or is_off:
        return None
    return f"its state is {status['State']}"
