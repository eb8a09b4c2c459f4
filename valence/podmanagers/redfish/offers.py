# SPDX-License-Identifier: Apache-2.0
"""What a Redfish service offers that nodes can be made of, from the facts that a crawl collects.

Services differ in what they say, so numbers come from parts and not from summaries, and zones and consumers from both
sides of a link. One piece of hardware is one offer: the processors of a system that is made of blocks, or that a block
contains, are offered once, with the block.
"""

import functools
import typing

from valence.common import words
from valence.db.models import device
from valence.podmanagers import offers
from valence.podmanagers.redfish.crawl import facts as crawled
from valence.podmanagers.redfish.crawl import measures
from valence.podmanagers.redfish.crawl import properties

#: states of a resource that can be used; a machine that is switched off may be in standby
_USABLE = (None, "Enabled", "StandbyOffline")
#: values of CompositionState
_BROKEN, _COMPOSED = ("Failed", "Unavailable"), ("Composed", "ComposedAndAvailable")
#: ResourceBlockType -> type of device, where a block has no parts that show it
_DECLARED = {
    "Compute": "Compute",
    "ComputerSystem": "Compute",
    "Processor": "Accelerator",
    "Memory": "Memory",
    "Storage": "Storage",
    "Network": "Network",
}

#: kinds of parts in the order in which they decide of which type a block is
_TYPES = {
    measures.CPU: "Compute",
    measures.ACCELERATOR: "Accelerator",
    measures.MEMORY: "Memory",
    measures.DRIVE: "Storage",
    measures.INTERFACE: "Network",
}
_KIND_OF = {name: kind for kind, name in _TYPES.items()} | {"System": measures.CPU}


class Offering:
    """Makes offers of the facts of a crawl."""

    def __init__(self, facts: crawled.Facts) -> None:
        self._facts = facts
        self._sums = facts.parts.sums()
        self._incomplete = _incomplete(facts)
        self._consumers, self._zones_of = _users(facts), _zones(facts)
        self._bases = self._zones_with_bases()
        self._contained = _contained(facts)

    def __iter__(self) -> typing.Iterator[offers.Offer]:
        for url, block in self._facts.blocks:
            if (kind := self._type(url, block)) is not None:
                yield self._of_block(url, block, kind)
        for url, system in self._facts.systems:
            if not self._is_elsewhere(url, system):
                yield self._of_system(url, system)
        for url, drive in self._facts.drives.items() if self._facts.has_allocation else ():
            if hash(url) in self._facts.attached or not self._facts.parts.is_owned(url):
                yield self._of_drive(url, drive)

    def _is_elsewhere(self, url, system):
        """Whether the hardware of a system is offered with blocks."""
        parts = self._facts.parts
        is_lent = hash(url) in parts.lent
        return system.is_logical or bool(system.blocks) or is_lent or parts.is_linked(url)

    def _of_system(self, url, system):
        is_allocated = hash(url) in self._facts.allocated
        state, reason = self._beside_nodes(
            system.status, is_allocated, "A node of the pod manager stands on it."
        )
        return offers.Offer(
            url,
            "System",
            state,
            reason,
            slots=1,
            consumers=int(is_allocated),
            measures=self._measures(url, "System", system),
            zones=(),
            method="allocate" if self._facts.has_allocation else device.NONE,
            unplaced=self._facts.has_allocation is None,
            fault=_fault(system.status),
            **self._missing(url),
        )

    def _of_drive(self, url, drive):
        """Return the offer of a drive that belongs to no system, but to a node that it is attached to."""
        users = self._facts.attached.get(hash(url), ())
        status = drive.status or measures.Status(None, None)
        state, reason = self._beside_nodes(status, bool(users), "A node of the pod manager has it.")
        return offers.Offer(
            url,
            "Storage",
            state,
            reason,
            slots=1,
            consumers=len(users),
            measures=offers.Measures(storage_gib=drive.amount, model=drive.model, media=drive.detail),
            zones=(),
            method="allocate",
            users=users,
            fault=_fault(status),
        )

    def _beside_nodes(self, status, has_node, why):
        """Return state and reason of hardware that a node may have; the state is None while nodes are unread."""
        state, reason = _usable(status) or (device.FREE, None)
        if state == device.FREE and has_node:
            return device.IN_USE, why
        return None if state == device.FREE and self._facts.has_unread_nodes else state, reason

    def _of_block(self, url, block, kind):
        zones = self._zones_of.get(url, ())
        method, limits = self._method(zones)
        contained, consumers = self._split(url, block)
        used = max(len(consumers), block.composition.taken)
        unplaced = self._is_unplaced(block, method)
        if method == device.NONE and not unplaced:
            state, reason = device.UNAVAILABLE, "No way to compose it is offered."
        elif kind == "Compute" and method == "expand" and self._is_bare(zones, contained or used):
            state, reason = device.UNAVAILABLE, "No machine is in it, and blocks are only added to machines."
        else:
            state, reason = _usable(block.status) or _composition(block.composition, used, bool(contained))
        if state == device.FREE and not used and self._may_be_used:
            state = None
        return offers.Offer(
            url,
            kind,
            state,
            reason,
            slots=block.composition.slots,
            consumers=used,
            measures=self._measures(url, kind, self._summary(block)),
            zones=zones,
            method=method,
            limits=limits,
            unplaced=unplaced,
            users=tuple(sorted(contained | consumers)),
            fault=_fault(block.status, block.composition),
            **self._missing(url),
        )

    @functools.cached_property
    def _may_be_used(self):
        """Whether a system that could not be read may use blocks that do not say so.

        The blocks of some services never do: then a system that was read lists one that seems free.
        """
        facts = self._facts
        if not facts.has_unread_systems:
            return False
        blocks = {hash(url): block for url, block in facts.blocks}
        found = (blocks.get(hash(url)) for urls in facts.made_of.values() for url in urls)
        return any(block and not block.consumers and block.composition.state == "Unused" for block in found)

    def _missing(self, url):
        flags = self._incomplete.get(hash(url), 0)
        return {"unread": bool(flags & _UNREAD), "dead": bool(flags & _DEAD)}

    def _measures(self, url, kind, system):
        """Return the sums of the parts; the summaries of a system count only where there are none of a kind."""
        sums, leading = self._sums, _KIND_OF[kind]
        amounts = [sums.amount(url, each) for each in measures.KINDS]
        if system is not None and not sums.has(url, measures.CPU):
            amounts[measures.CPU] = system.cores
        if system is not None and not sums.has(url, measures.MEMORY):
            amounts[measures.MEMORY] = system.memory_mib
        model = sums.names(url, leading)[0] or (system.model if system else None)
        is_accelerator = leading == measures.ACCELERATOR
        architecture = sums.names(url, measures.ACCELERATOR if is_accelerator else measures.CPU)[1]
        cores, accelerators, memory, capacity, speed = amounts
        media = sums.names(url, measures.DRIVE)[1]
        return offers.Measures(cores, memory, capacity, accelerators, speed, model, architecture, media)

    def _type(self, url, block):
        """Return the type of a block by its parts, else by what it says; None if neither tells."""
        if block.systems:
            return "Compute"
        found = next((name for kind, name in _TYPES.items() if self._sums.has(url, kind)), None)
        return found or next(filter(None, map(_DECLARED.get, block.types)), None)

    def _split(self, url, block):
        """Return the systems in a block, and the systems elsewhere that use it.

        A machine that is not composed and has this block alone is in it, even if the block calls that a use.
        """
        users = self._consumers.get(hash(url), set()) | set(block.consumers)
        facts = self._facts
        own = {system for system in users if self._is_own(system, url)}
        inside = {each for each in block.systems if set(facts.made_of.get(hash(each), ())) <= {url}}
        return own | set(block.systems), (users - own - inside) | (set(block.systems) - inside)

    def _is_own(self, system, url):
        made_of = self._facts.made_of.get(hash(system), ())
        return hash(system) not in self._facts.logical and set(made_of) == {url}

    def _summary(self, block):
        """Return the only system in a block, whose summaries may stand for parts; None if there is not one."""
        return self._contained.get(block.systems[0]) if len(block.systems) == 1 else None

    def _method(self, zones):
        """Return how blocks of some zones are composed, and the limits that all these zones keep."""
        service = self._facts.service
        if service is None or not service.enabled:
            return device.NONE, ()
        found = self._capabilities(zones)
        cases = {each.use_case for each in found}
        case = measures.CREATE if measures.CREATE in cases else measures.CONSTRAINED
        paths = {each.limits for each in found if each.use_case == case and each.limits}
        return self._first(cases, zones), _strictest([self._facts.limits.get(path, {}) for path in paths])

    def _capabilities(self, zones):
        """Return the capabilities of some zones, and those of the collection of systems that hold for them."""
        found = [capability for zone in zones for capability in self._facts.zones[zone].capabilities]
        of_systems = self._facts.capabilities or ()
        return found + [each for each in of_systems if not each.zones or {*each.zones} & {*zones}]

    def _is_bare(self, zones, users):
        """Whether a block without users is no base of a machine, where none is made of blocks alone either."""
        is_created = any(each.use_case == measures.CONSTRAINED for each in self._capabilities(zones))
        return not (users or is_created or self._facts.has_unread_systems)

    def _is_unplaced(self, block, method):
        """Whether what could not be read may say of other zones of a block, or of another method."""
        facts = self._facts
        if facts.capabilities is None or (method == device.NONE and facts.has_unread_systems):
            return True
        return facts.has_unread_zones and not (block.zones and facts.zones.keys() >= {*block.zones})

    def _first(self, cases, zones):
        if measures.CREATE in cases:
            return "blocks"
        if self._facts.service.has_action:
            return "manifest"
        if self._bases & {*(zones or [None])}:
            return "expand"
        return "constrained" if measures.CONSTRAINED in cases else device.NONE

    def _zones_with_bases(self):
        """Return the zones, None for those without one, with a machine to which blocks can be added."""
        found = set()
        for url, block in self._facts.blocks:
            if self._split(url, block)[0]:
                found |= {*(self._zones_of.get(url) or [None])}
        return found


_UNREAD, _DEAD = 1, 2
#: use cases whose limits are read
_USED = (measures.CREATE, measures.CONSTRAINED)


#: a function that returns what a function makes of the document at a path, None where that cannot be read
Told = typing.Callable[[str, typing.Callable[[measures.Document], typing.Any]], typing.Any]


def allocated_at(root: measures.Document, follow: measures.Follow) -> str | None:
    """Return the path of the nodes of Intel RSD, None where the service root has none."""
    nodes = (properties.at(root, path) for path in (("Nodes",), ("Oem", "Intel_RackScale", "Nodes")))
    return next(filter(None, map(follow, nodes)), None)


def complete(facts: crawled.Facts, root: measures.Document, told: Told, follow: measures.Follow) -> None:
    """Read the few documents that a crawl does not read: what can be created where, and within which limits."""
    if nodes_path := allocated_at(root, follow):
        facts.has_allocation = told(nodes_path, measures.has_allocation)
    if not facts.blocks:
        return
    if systems_path := follow(root.get("Systems")):
        facts.capabilities = told(systems_path, lambda each: measures.capabilities(each, follow))
    every = [
        *(facts.capabilities or ()),
        *(each for zone in facts.zones.values() for each in zone.capabilities),
    ]
    for path in {each.limits for each in every if each.use_case in _USED and each.limits}:
        facts.limits[path] = told(path, measures.limits)


def _incomplete(facts):
    """Return the hashes of the paths of systems and blocks of which a part is unread -> how."""
    found: dict[int, int] = {}
    for path, dead in facts.unread.items():
        flag, above = _DEAD if dead else _UNREAD, path
        while above:
            place = hash(above)
            for each in facts.parts.concerned(place):
                found[each] = found.get(each, 0) | flag
            above = above.rpartition("/")[0]
    return found


def _contained(facts):
    """Return the systems that blocks contain, by path."""
    paths = {path for _, block in facts.blocks for path in block.systems}
    return {url: system for url, system in facts.systems if url in paths} if paths else {}


def _users(facts):
    """Return the paths of the systems that say they are made of a block, by the hash of its path."""
    found: dict[int, set[str]] = {}
    for url, system in facts.systems if facts.made_of else ():
        for block in system.blocks:
            found.setdefault(hash(block), set()).add(url)
    return found


def _zones(facts):
    """Return the paths of the zones of each block that is in one: by what the blocks say, and what the zones say."""
    found: dict[str, set[str]] = {}
    for url, zone in facts.zones.items():
        for block in zone.blocks:
            found.setdefault(block, set()).add(url)
    for url, block in facts.blocks if facts.zones else ():
        if known := facts.zones.keys() & set(block.zones):
            found.setdefault(url, set()).update(known)
    return {url: tuple(sorted(zones)) for url, zones in found.items()}


def _usable(status):
    """Return state and reason of what is not usable, None if it is."""
    if status.health == "Critical":
        return device.UNHEALTHY, "Its health is Critical."
    if status.state not in _USABLE:
        return device.UNAVAILABLE, f"Its state is {status.state}."
    return None


def _fault(status, composition=None):
    """Return why a machine cannot use what it has, None if it can. Other states pass: a part may be starting."""
    if status.health == "Critical":
        return "Its health is Critical."
    if status.state == "Absent":
        return "Its state is Absent."
    if composition is not None and composition.state == "Failed":
        return "Its composition state is Failed."
    return None


def _composition(composition, used, is_base):
    """Return state and reason by what a block says of its composition, and who was seen to use it."""
    state = composition.state
    if state in _BROKEN:
        return device.UNAVAILABLE, f"Its composition state is {state}."
    if used >= composition.slots:
        return device.IN_USE, f"{used} of {words.counted(composition.slots, 'possible system')} use it."
    if state == "Composing" or (state in _COMPOSED and not used and not is_base):
        return device.IN_USE, f"Its composition state is {state}."
    if composition.reserved:
        return device.RESERVED, "A client of the pod manager has reserved it."
    return device.FREE, None


def _strictest(limits):
    """Return the limits that satisfy all of several, sorted by name; None if some of them could not be read."""
    if None in limits:
        return None
    found: dict[str, int] = {}
    for each in limits:
        for name, value in each.items():
            choose = max if name.startswith("Min") else min
            found[name] = choose(found.get(name, value), value)
    return tuple(sorted(found.items()))
