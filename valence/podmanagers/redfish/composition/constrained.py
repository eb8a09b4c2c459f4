# SPDX-License-Identifier: Apache-2.0
"""Machines for which the service chooses the blocks (DSP2050, constrained composition).

A request says how many parts of which size the machine has. Valence asks for what the devices of the plan have, which
are claimed and free, so that equal ones will do, and the claims follow to the devices that the service took. Models,
instruction sets and media types are named where the node requires them and the service's capabilities have a place for
them; the exchange of the claims checks all of them. A machine is known by the node's mark or by the answer that names
it, because nobody knows its blocks before.
"""

import collections
import typing

from valence.common import errors
from valence.common import introspection_errors
from valence.podmanagers import base
from valence.podmanagers import composers
from valence.podmanagers.redfish import tasks
from valence.podmanagers.redfish.composition import blocks
from valence.podmanagers.redfish.crawl import measures
from valence.podmanagers.redfish.crawl import properties

_COUNT = "@Redfish.RequestedCount"
#: properties of a block, or of a system in it, that lead to parts -> their kind in a crawl
_PARTS = {
    "Processors": "Processor",
    "Memory": "Memory",
    "Drives": "Drive",
    "EthernetInterfaces": "Ethernet Interface",
}

#: kind of part -> what a node may require of it beyond its size
_ABOUT = {measures.CPU: frozenset(("model", "architecture")), measures.DRIVE: frozenset(("media",))}
#: values of ProcessorArchitecture; x86 is one of InstructionSet too, and means less there
_GENERAL = ("x86", "ARM", "MIPS", "Power", "RISC-V")

Document = dict[str, typing.Any]


class _Kind(typing.NamedTuple):
    """Parts that one member of a request is about; ``named`` is what the node requires besides their amount."""

    kind: int
    amount: int
    model: str | None
    detail: str | None
    named: frozenset[str]


class Constrained(blocks.Blocks):
    """Composes on one connection, below the service root ``root``."""

    def compose(self, plan: composers.Plan) -> base.Outcome:
        if not plan.may_differ:
            raise introspection_errors.NotOffered(what="composition of the devices that a client names")
        stanza = self._stanza(plan)
        # A service chooses no reserved block, and the devices of the plan may be all that fit.
        self.reserve(plan.resource_urls, False)
        body = {"Name": plan.name, "Description": blocks.mark(plan), **stanza}
        answer = self._connection.exchange("POST", self._systems, body)
        device = ", ".join(plan.resource_urls)
        return tasks.outcome(
            self._connection, self._systems, answer, action="composition by constraints", device=device
        )

    def find(self, plan: composers.Plan) -> list[composers.Composed]:
        found, wanted = super().find(plan), set(plan.resource_urls)
        if plan.may_differ:  # a machine that does not list its blocks may have more than those of the plan
            return [self._with_its_own(each) for each in found]
        return [each if wanted <= set(each.resource_urls) else self._with_its_own(each) for each in found]

    def _with_its_own(self, machine: composers.Composed) -> composers.Composed:
        """Return a machine with the blocks that the service chose, and their state."""
        url = machine.resource_url
        document = self._read(url)
        own = self._blocks(document) or self._listing(url)
        composed = self._composed(url, document, {each: self._read(each) for each in own})
        return composed._replace(is_marked=machine.is_marked, sign=machine.sign)

    def _listing(self, machine_url: str) -> frozenset[str]:
        """Return the blocks that list a machine: some machines do not list their blocks."""
        service = self._walker.document(self._service) or {}
        every = self._walker.paths(service.get("ResourceBlocks"))
        return frozenset(url for url in every if machine_url in self._consumers(self._read(url)))

    def _stanza(self, plan: composers.Plan) -> Document:
        """Return what a request says of the parts that the blocks at some paths have.

        Raise PodManagerUnreachable where they cannot be read: a request without them would get too little.
        """
        counts: collections.Counter[_Kind] = collections.Counter()
        for url in plan.resource_urls:
            parts = list(self._parts(self._read(url)))
            self._require_read(*([] if parts else [url]))
            counts.update(_Kind(*part, _named(part[0], plan.required.get(url, ()))) for part in parts)
        capabilities = self._walker.document(self._capabilities) or {}
        self._require_read()  # a request without them would not name the models that the node requires
        offered = _offered(capabilities)
        members: dict[str, list[Document]] = {}
        for kind, number in counts.items():
            name, member = _member(kind, number, offered)
            members.setdefault(name, []).append(member)
        return {name: {"Members": each} for name, each in members.items()}

    def _require_read(self, *paths: str) -> None:
        """Raise PodManagerUnreachable for the first document that could not be read; ``paths`` are others of them."""
        unread = sorted(self._walker.unread) or list(paths)
        if unread:
            reason = f"{unread[0]}, or a part of it, could not be read"
            raise errors.PodManagerUnreachable(url=self._connection.paths.url, reason=reason)

    def _parts(self, block: Document) -> typing.Iterator[tuple[int, int, str | None, str | None]]:
        """Yield kind, amount, model and detail of the parts of a block, those of a system in it too."""
        inside = [self._read(path) for path in self._paths(block.get("ComputerSystems"))]
        seen: set[str] = set()
        for place in (block, *inside, *self._storages([block, *inside])):
            for name, kind in _PARTS.items():
                for path, document in self._documents(place.get(name)):
                    if not document:
                        continue  # a link that leads to nothing
                    part = measures.of(kind, document, "", self._walker.path)
                    if path not in seen and isinstance(part, measures.Part) and part.kind is not None:
                        seen.add(path)
                        yield part.kind, part.amount, part.model, part.detail

    def _storages(self, places: typing.Iterable[Document]) -> typing.Iterator[Document]:
        for place in places:
            for _, document in self._documents(place.get("Storage")):
                yield document

    def _documents(self, links: object) -> typing.Iterator[tuple[str, Document]]:
        """Yield path and document of what a list of links, or a link to a collection, leads to."""
        paths = self._paths(links) if isinstance(links, list) else self._walker.paths(links)
        for path in paths:
            yield path, self._read(path)


def _named(kind: int, required: typing.Collection[str]) -> frozenset[str]:
    """Return what of a requirement is about parts of a kind."""
    return frozenset(required) & _ABOUT.get(kind, frozenset())


def _offered(capabilities: Document) -> dict[str, set[str]]:
    """Return what a capabilities object lets a client name of the members of each collection, and of "Drives"."""
    found: dict[str, set[str]] = {}
    for name in ("Processors", "Storage"):
        members = properties.at(capabilities, (name, "Members"))
        for member in members if isinstance(members, list) else ():
            places = [(name, member), *(("Drives", each) for each in _dicts(member, "Drives"))]
            for place, document in places:
                if isinstance(document, dict):
                    found.setdefault(place, set()).update(blocks.on_create(document))
    return found


def _dicts(document: object, name: str) -> list[Document]:
    listed = document.get(name) if isinstance(document, dict) else None
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def _member(kind: _Kind, number: int, offered: typing.Mapping[str, set[str]]) -> tuple[str, Document]:
    """Return the collection that a request has parts of a kind in, and its member for ``number`` equal ones."""
    if kind.kind == measures.CPU:
        named = _allowed(_of_processor(kind), offered.get("Processors", ()))
        return "Processors", {_COUNT: number, "ProcessorType": "CPU", "TotalCores": kind.amount, **named}
    if kind.kind == measures.ACCELERATOR:
        named = {"Model": kind.model} if kind.model else {}
        return "Processors", {_COUNT: number, "ProcessorType": kind.detail or "Accelerator", **named}
    if kind.kind == measures.MEMORY:
        return "Memory", {_COUNT: number, "CapacityMiB": kind.amount}
    if kind.kind == measures.INTERFACE:
        return "EthernetInterfaces", {_COUNT: number, "SpeedMbps": kind.amount}
    named = _allowed({"MediaType": kind.detail} if kind.named else {}, offered.get("Drives", ()))
    return "Storage", {
        _COUNT: 1,
        "Drives": [{_COUNT: number, "CapacityBytes": kind.amount * 1024**3, **named}],
    }


def _of_processor(kind: _Kind) -> Document:
    """Return what a node requires of a CPU; Redfish has two names for its architecture."""
    is_general = kind.detail in _GENERAL
    architecture = {("ProcessorArchitecture" if is_general else "InstructionSet"): kind.detail}
    model = {"Model": kind.model} if "model" in kind.named else {}
    return model | (architecture if "architecture" in kind.named else {})


def _allowed(named: Document, offered: typing.Collection[str]) -> Document:
    """Return what has a value, and what the service lets a client name."""
    return {name: value for name, value in named.items() if value and name in offered}
