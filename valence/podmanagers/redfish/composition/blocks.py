# SPDX-License-Identifier: Apache-2.0
"""Machines that are made of resource blocks by a POST to the collection of systems (DSP2050, specific composition).

A machine carries the node's mark, ``valence:<uuid>``, in its description, or in its Id where the service wants one.
Services keep what they like of that, and of the state of blocks: what a block says is asked for again by looking at the
machines.
"""

import typing

from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.podmanagers import base
from valence.podmanagers import composers
from valence.podmanagers.redfish import connection as connections
from valence.podmanagers.redfish import tasks
from valence.podmanagers.redfish.composition import marks
from valence.podmanagers.redfish.composition import membership
from valence.podmanagers.redfish.crawl import collection_pages
from valence.podmanagers.redfish.crawl import properties

#: states of a block (CompositionState) in which nobody can have it, and the ones of a block that is being used
BROKEN, BUSY = ("Failed", "Unavailable"), ("Composing", "Composed")
_STATUS, _CONSUMERS, _BLOCKS = (
    ("CompositionStatus",),
    ("Links", "ComputerSystems"),
    ("Links", "ResourceBlocks"),
)
_BAD_REQUEST, _GONE = 400, (404, 410)


class Blocks(composers.Composer):
    """Composes on one connection, below the service root ``root``.

    ``capabilities`` is the path of the object that says what a request may have, None where there is none.
    """

    def __init__(
        self,
        connection: connections.Connection,
        root: dict[str, typing.Any],
        capabilities: str | None = None,
    ) -> None:
        self._connection = connection
        self._walker = collection_pages.walker(connection)
        systems = self._walker.path(root.get("Systems"))
        if systems is None or not isinstance(root.get("CompositionService"), dict):
            raise introspection_errors.NotOffered(what="composition")
        self._systems: str = systems
        self._service, self._capabilities = root["CompositionService"], capabilities

    def look(self, resource_urls: typing.Sequence[str]) -> list[composers.Part]:
        return [self._part(url) for url in resource_urls]

    def machines(self) -> list[str]:
        return collection_pages.all_members(self._connection, self._systems)

    def reserve(self, resource_urls: typing.Sequence[str], wanted: bool) -> None:
        for url in resource_urls:
            if not isinstance(self._status(self._read(url)).get("Reserved"), bool):
                continue  # the service keeps no reservations
            try:
                self._connection.send("PATCH", url, {"CompositionStatus": {"Reserved": wanted}})
            except (errors.PodManagerAuthFailed, composition_errors.HardwareOutcomeUnknown):
                return
            except errors.PodManagerUnreachable:
                raise
            except errors.PodManagerError:
                return  # it is advice: the claim decides

    def compose(self, plan: composers.Plan) -> base.Outcome:
        body = self._allowed(self._wanted(plan), plan)
        answer = self._connection.exchange("POST", self._systems, body)
        if answer.status_code == _BAD_REQUEST and "Id" not in body and _names_id(answer.content):
            # Some services want an Id, and overwrite the machine that has it: the node's is nobody else's.
            answer = self._connection.exchange("POST", self._systems, body | {"Id": _id(plan)})
        device = ", ".join(plan.resource_urls)
        return tasks.outcome(self._connection, self._systems, answer, action="composition", device=device)

    def _allowed(self, body: dict[str, typing.Any], plan: composers.Plan) -> dict[str, typing.Any]:
        """Return what the service takes of a body, and what it requires besides.

        Raise NotOffered where it requires what Valence does not know.
        """
        document = self._walker.document(self._capabilities) or {}
        required, known = on_create(document, "RequiredOnCreate"), on_create(document)
        if not known:
            return body
        usual = {"Id": _id(plan), "HostName": _id(plan), **body}
        if unknown := required - usual.keys():
            raise introspection_errors.NotOffered(what=f"composition without {', '.join(sorted(unknown))}")
        # Services may take the links without saying so.
        names = required | (body.keys() & {*known, "Links"})
        return {name: each for name, each in usual.items() if name in names}

    @staticmethod
    def _wanted(plan: composers.Plan) -> dict[str, typing.Any]:
        """Return the machine of a plan as a request for it says."""
        links = [{"@odata.id": url} for url in plan.resource_urls]
        return {"Name": plan.name, "Description": mark(plan), "Links": {"ResourceBlocks": links}}

    def find(self, plan: composers.Plan) -> list[composers.Composed]:
        before = frozenset(plan.before or ())
        documents = {url: self._read(url) for url in self.machines() if url not in before}
        marked = {url: each for url, each in documents.items() if marks.is_of(each, plan.node_id)}
        wanted = frozenset(plan.resource_urls)
        # What carries another mark is the machine of another node, whatever it is made of.
        unmarked = {url: each for url, each in documents.items() if marks.sign(each).mark is None}
        alike = {url: each for url, each in unmarked.items() if wanted and self._blocks(each) == wanted}
        named = {url: each for url, each in documents.items() if url == plan.machine_url}
        found = marked or alike or named
        parts = {url: self._read(url) for url in plan.resource_urls} if found else {}
        machines = [self._composed(url, document, parts) for url, document in found.items()]
        return [marks.signed(each, documents[each.resource_url], plan.node_id) for each in machines]

    def machine(
        self, machine_url: str, resource_urls: typing.Sequence[str], node_id: str | None = None
    ) -> composers.Composed:
        document = self._connection.get(machine_url).content or {}
        parts = {url: self._read(url) for url in resource_urls}
        return marks.signed(self._composed(machine_url, document, parts), document, node_id)

    def attach(self, machine_url: str, resource_url: str) -> base.Outcome:
        return self._change(machine_url, added=(resource_url,))

    def detach(self, machine_url: str, resource_url: str, *, force: bool = False) -> base.Outcome:
        return self._change(machine_url, removed=(resource_url,))

    def decompose(self, machine_url: str, *, is_created: bool = False, force: bool = False) -> base.Outcome:
        answer = self._connection.exchange("DELETE", machine_url)
        if answer.status_code in _GONE:
            return base.Outcome(base.DONE)
        return tasks.outcome(self._connection, machine_url, answer, action="removal of machines")

    def exists(self, machine_url: str, *, is_created: bool = False) -> bool:
        return machine_url in self.machines()

    def _change(self, machine_url: str, **blocks: tuple[str, ...]) -> base.Outcome:
        change = membership.Change(**blocks)
        return membership.Membership(self._connection, machine_url).apply(change)

    def _part(self, url: str) -> composers.Part:
        document = self._read(url)
        if not document:
            return composers.Part(url, False, "it is gone")
        consumers = self._consumers(document)
        reason = self._reason(document, consumers)
        is_changing = self._status(document).get("CompositionState") == "Composing"
        return composers.Part(url, reason is None, reason, consumers, is_changing)

    def _consumers(self, document: dict[str, typing.Any]) -> tuple[str, ...]:
        """Return the machines that use a block, without those that it contains itself: it may be a free base."""
        inside = set(self._paths(document.get("ComputerSystems")))
        return tuple(url for url in self._paths(properties.at(document, _CONSUMERS)) if url not in inside)

    def _reason(self, document: dict[str, typing.Any], consumers: tuple[str, ...]) -> str | None:
        """Return why nobody else can have a block, None where it is free."""
        own = document.get("Status")
        own = own if isinstance(own, dict) else {}
        if own.get("State") not in (None, "Enabled", "StandbyOffline", "StandbySpare"):
            return f"its state is {own['State']}"
        if own.get("Health") == "Critical":
            return "its health is Critical"
        status = self._status(document)
        state = status.get("CompositionState")
        if state in BROKEN:
            return f"the pod manager says that it is {state}"
        if len(consumers) >= _slots(status):
            return f"{', '.join(consumers)} uses it"
        is_base = bool(self._paths(document.get("ComputerSystems")))
        if state in BUSY and not consumers and not is_base:
            return f"the pod manager says that it is {state}"
        return None

    def _composed(
        self, url: str, document: dict[str, typing.Any], parts: dict[str, dict[str, typing.Any]]
    ) -> composers.Composed:
        """Return the state of a machine; services say on one side or the other what it is made of."""
        used = self._blocks(document) | {part for part, each in parts.items() if url in self._consumers(each)}
        states = {self._status(each).get("CompositionState") for each in parts.values()}
        state = composers.COMPOSED
        if "Failed" in states:
            state = composers.FAILED
        elif "Composing" in states or properties.at(document, ("Status", "State")) == "Starting":
            state = composers.COMPOSING
        power_state = properties.power_state(document)
        return composers.Composed(url, state, tuple(used), power_state=power_state)

    def _blocks(self, document: dict[str, typing.Any]) -> frozenset[str]:
        return frozenset(self._paths(properties.at(document, _BLOCKS)))

    def _paths(self, links: object) -> list[str]:
        found = map(self._walker.path, links if isinstance(links, list) else [])
        return [self._connection.paths.link(path) or path for path in found if path]

    def _read(self, url: str) -> dict[str, typing.Any]:
        """Return a document, an empty one where there is none; raise where it cannot be read."""
        try:
            return self._connection.get(url).content or {}
        except errors.ResourceGone:
            return {}

    @staticmethod
    def _status(document: dict[str, typing.Any]) -> dict[str, typing.Any]:
        status = properties.at(document, _STATUS)
        return status if isinstance(status, dict) else {}


def _slots(status: dict[str, typing.Any]) -> int:
    """Return how many machines can use a block at the same time."""
    most = status.get("MaxCompositions")
    is_shared = status.get("SharingCapable") is True and status.get("SharingEnabled") is not False
    return most if is_shared and isinstance(most, int) and most > 0 else 1


def mark(plan: composers.Plan) -> str:
    """Return what a machine's description says of whose it is."""
    return f"{marks.TEXT}{plan.node_id}"


def _id(plan: composers.Plan) -> str:
    return f"{marks.ID}{plan.node_id}"


def is_created(document: dict[str, typing.Any]) -> bool:
    """Return whether a machine was created by a request of Valence: machines that exist by themselves get no mark."""
    return str(document.get("Description")).startswith(marks.TEXT) or str(document.get("Id")).startswith(
        marks.ID
    )


def on_create(capabilities: dict[str, typing.Any], *marks: str) -> set[str]:
    """Return the properties with one of these marks in a capabilities object; with any of those for a request."""
    marks = marks or ("RequiredOnCreate", "OptionalOnCreate")
    names = (name.partition("@Redfish.") for name, value in capabilities.items() if value is True)
    return {name for name, _, mark in names if mark in marks}


def _names_id(content: bytes) -> bool:
    """Return whether an error says that the property Id is missing."""
    text = content.decode(errors="replace")
    return any(form in text for form in ("attribute: Id", "property Id", "'Id'", '\\"Id\\"', "#/Id", '"Id"'))
