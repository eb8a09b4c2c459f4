# SPDX-License-Identifier: Apache-2.0
"""Collects the facts of one crawl in little memory: what there is, what it belongs to, and what could not be read."""

import array
import typing

from valence.common import compact
from valence.podmanagers import base
from valence.podmanagers.redfish.crawl import measures

_NO_PART = -1
#: where zones are those of fabrics, which say nothing of composition
_FABRICS = "/Fabrics/"
#: resources between a part and its system or block, at most
_DEEPEST = 16


class Facts:
    """The facts of one crawl: about 40 bytes for a part; systems and blocks are compressed.

    ``has_nodes`` says that there may be nodes of Intel RSD, which drives can be attached to.
    """

    def __init__(self, *, has_nodes: bool = False) -> None:
        self._has_nodes = has_nodes
        #: path of a drive -> what it is, where there may be nodes; hash of a path -> the nodes that have this drive
        self.drives: dict[str, measures.Part] = {}
        self.attached: dict[int, tuple[str, ...]] = {}
        self.service: measures.Service | None = None
        #: whether nodes of Intel RSD are allocated, None where that could not be read
        self.has_allocation: bool | None = False
        #: capabilities of the collection of systems, None where that could not be read
        self.capabilities: tuple[measures.Capability, ...] | None = ()
        #: path of a capabilities object -> its limits, None where it could not be read
        self.limits: dict[str, dict[str, int] | None] = {}
        self.zones: dict[str, measures.Zone] = {}
        self.systems, self.blocks = compact.Queue(), compact.Queue()
        self.parts = Parts()
        #: hash of the path of a system -> paths of the blocks that it is made of
        self.made_of: dict[int, tuple[str, ...]] = {}
        #: hashes of the paths of systems that are composed of blocks as a whole
        self.logical: set[int] = set()
        #: hashes of the paths of systems on which nodes of Intel RSD stand
        self.allocated: set[int] = set()
        #: path of a machine -> the UUID of the node whose mark it carries
        self.marks: dict[str, str] = {}
        #: path of what could not be read -> whether the link to it is dead
        self.unread: dict[str, bool] = {}
        #: whether a zone, or the composition service, could not be read; whether a system, or a node of RSD, could not
        self.has_unread_zones = self.has_unread_systems = self.has_unread_nodes = False

    def add(self, url: str, fact: measures.Fact | None) -> None:
        """Take what the document at a path says, None if that is nothing."""
        if fact is not None:
            self._TAKE[type(fact)](self, url, fact)

    def miss(self, unread: base.Unread) -> None:
        """Take that something could not be read."""
        if not unread.resource_types.isdisjoint(measures.COUNTED):
            self.unread[unread.parent] = unread.dead and self.unread.get(unread.parent, True)
            if not unread.dead:
                self.has_unread_systems |= "System" in unread.resource_types
                self.has_unread_nodes |= "Node" in unread.resource_types
                self.has_unread_zones |= "Zone" in unread.resource_types and _FABRICS not in unread.parent

    def _add_part(self, url, part):
        self.parts.add(url, part)
        if self._has_nodes and part.kind == measures.DRIVE:
            self.drives[url] = part

    def _add_system(self, url, system):
        self.parts.contain(url)
        self.systems.append((url, system))
        self._note_mark(url, system.mark)
        if system.blocks:
            self.made_of[hash(url)] = system.blocks
        if system.is_logical:
            self.logical.add(hash(url))

    def _add_block(self, url, block):
        self.parts.contain(url, block.parts)
        self.blocks.append((url, block))

    def _add_zone(self, url, zone):
        self.zones[url] = zone

    def _note_mark(self, url, mark):
        if mark is not None:
            self.marks[url] = mark

    def _add_node(self, url, node):
        self._note_mark(url, node.mark)
        self.allocated.update(map(hash, node.systems))
        for path in node.drives:
            self.attached[hash(path)] = (*self.attached.get(hash(path), ()), url)

    def _add_service(self, _, service):
        self.service = service

    _TAKE: typing.ClassVar[dict[type, typing.Any]] = {
        measures.Part: _add_part,
        measures.System: _add_system,
        measures.Block: _add_block,
        measures.Zone: _add_zone,
        measures.Node: _add_node,
        measures.Service: _add_service,
    }


class Parts:
    """The parts by the hash of their path, and the systems and blocks that contain them."""

    def __init__(self) -> None:
        self._numbers = compact.Numbers()
        self._parents, self._amounts = array.array("q"), array.array("q")
        self._kinds, self._texts = array.array("b"), array.array("I")
        self._names: dict[tuple[str | None, str | None], int] = {}
        self._containers, self._linked = compact.Numbers(), compact.Numbers()
        self._linked_to = array.array("I")
        #: hashes of the paths of what shows processors or memory that blocks have; of use after ``sums``
        self.lent: set[int] = set()

    def add(self, url: str, part: measures.Part) -> None:
        if self._numbers.add(hash(url)) < len(self._parents):
            return
        self._parents.append(hash(part.parent))
        self._kinds.append(_NO_PART if part.kind is None else part.kind)
        self._amounts.append(part.amount)
        self._texts.append(self._names.setdefault((part.model, part.detail), len(self._names)))

    def contain(self, url: str, parts: typing.Iterable[str] = ()) -> None:
        """Take a system, or a block that links to some parts."""
        number = self._containers.add(hash(url))
        for part in parts:
            if self._linked.add(hash(part)) == len(self._linked_to):
                self._linked_to.append(number)

    def is_linked(self, url: str) -> bool:
        """Return whether a block links to the resource at a path."""
        return self._linked.find(hash(url)) is not None

    def is_owned(self, url: str) -> bool:
        """Return whether the part at a path belongs to a system or a block; of use once all parts are there."""
        return self._owner(hash(url)) is not None

    def concerned(self, place: int) -> set[int]:
        """Return the hashes of the system or block with a hash, and of the block that links to what has it."""
        found = {place} if self._containers.find(place) is not None else set()
        if (link := self._linked.find(place)) is not None:
            found.add(self._containers[self._linked_to[link]])
        return found

    def _owner(self, place):
        """Return the number of the block that links to the part with a hash, else of the system or block above it."""
        if (link := self._linked.find(place)) is not None:
            return self._linked_to[link]
        for _ in range(_DEEPEST):
            number = self._numbers.find(place)
            if number is None:
                return None
            place = self._parents[number]
            if (link := self._linked.find(place)) is not None:
                return self._linked_to[link]
            if (container := self._containers.find(place)) is not None:
                return container
        return None

    def _note_lent(self, number, owner):
        """Note the system that shows a processor or memory that a block has."""
        is_base = self._kinds[number] in (measures.CPU, measures.MEMORY)
        if is_base and self._parents[number] != self._containers[owner]:
            self.lent.add(self._parents[number])

    def sums(self) -> "Sums":
        """Return the sums of the parts of each container."""
        sums = Sums(self._containers, list(self._names))
        for number, kind in enumerate(self._kinds):
            owner = None if kind == _NO_PART else self._owner(self._numbers[number])
            if owner is not None:
                sums.add(owner, kind, self._amounts[number], self._texts[number])
                self._note_lent(number, owner)
        return sums


class Sums:
    """Sums over the parts of each container, with the names of the first part of each kind."""

    def __init__(self, containers: compact.Numbers, names: list[tuple[str | None, str | None]]) -> None:
        self._containers, self._names = containers, names
        empty = bytes(8 * len(containers))
        self._amounts = [array.array("q", empty) for _ in measures.KINDS]
        self._counts = [array.array("I", bytes(4 * len(containers))) for _ in measures.KINDS]
        self._texts = [array.array("I", bytes(4 * len(containers))) for _ in measures.KINDS]

    def add(self, container: int, kind: int, amount: int, text: int) -> None:
        amounts, counts = self._amounts[kind], self._counts[kind]
        if kind == measures.INTERFACE:
            amounts[container] = max(amounts[container], amount)
        else:
            amounts[container] += amount
        if not counts[container]:
            self._texts[kind][container] = text
        counts[container] += 1

    def has(self, url: str, kind: int) -> bool:
        """Return whether the container at a path has parts of a kind."""
        return bool(self._counts[kind][self._number(url)])

    def amount(self, url: str, kind: int) -> int:
        return self._amounts[kind][self._number(url)]

    def names(self, url: str, kind: int) -> tuple[str | None, str | None]:
        """Return model and detail of the first part of a kind in the container at a path."""
        return self._names[self._texts[kind][self._number(url)]] if self.has(url, kind) else (None, None)

    def _number(self, url):
        return self._containers.find(hash(url))
