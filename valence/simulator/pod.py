# SPDX-License-Identifier: Apache-2.0
"""The state of a simulated pod: which racks, sleds and systems there are, and what of them can change.

Documents are built from it on demand. It is used by one thread only, and tells ``listeners`` of every change:
``listener(system)`` where the values of one system changed, ``listener(None)`` where the pod was rearranged.

Names and numbers of hardware that follow from a seed, so that they are the same after a restart.
"""

import collections
import dataclasses
import hashlib
import random
import re
import uuid

from valence.simulator import options
from valence.simulator.composition import compositions
from valence.simulator.composition import nodes
from valence.simulator.composition import tasks
from valence.simulator.storage import erasing


class Identity:
    """Answer the same for the same ``seed`` and the same ``names`` of a piece of hardware, always."""

    def __init__(self, seed):
        self._seed = seed

    def uuid(self, *names):
        return str(uuid.UUID(bytes=self._digest("uuid", names), version=4))

    def serial(self, *names):
        return self._digest("serial", names).hex()[:12].upper()

    def mac(self, *names):
        # 02: locally administered, unicast
        return ":".join(["02", *(f"{byte:02X}" for byte in self._digest("mac", names)[:5])])

    def choose(self, values, *names):
        return values[self._number(names) % len(values)]

    def share(self, *names):
        """Return a number from 0 to below 1."""
        return self._number(names) / 2**32

    def _number(self, names):
        return int.from_bytes(self._digest("number", names)[:4], "big")

    def _digest(self, purpose, names):
        text = "/".join(map(str, (self._seed, purpose, *names)))
        return hashlib.blake2b(text.encode(), digest_size=16).digest()


ID = re.compile(r"[A-Za-z0-9._-]+")
HEALTHS = ("OK", "Warning", "Critical")
BOOT = {
    "BootSourceOverrideEnabled": "Disabled",
    "BootSourceOverrideTarget": "None",
    "BootSourceOverrideMode": "UEFI",
}


@dataclasses.dataclass(slots=True, eq=False)
class System:
    """A computer. ``number`` is its identity and never changes, ``id`` is its place in the tree of URLs.

    A composed one has no ``sled``; ``base`` is the id of the resource block that a system stands in, ``blocks`` are
    those that were added to it or that it was composed of.
    """

    id: str
    number: int
    sled: "Chassis | None"
    uuid: str
    power: str = "On"
    health: str = "OK"
    asset_tag: str = ""
    boot: dict = dataclasses.field(default_factory=BOOT.copy)
    indicator: bool = False
    power_changes: int = 0
    base: str = ""
    blocks: tuple = ()
    name: str = ""
    description: str = ""
    host_name: str = ""

    @property
    def is_composed(self):
        return self.sled is None


@dataclasses.dataclass(slots=True, eq=False)
class Chassis:
    """A rack, or a sled in the rack ``parent``. ``number`` of a rack counts from 1."""

    id: str
    number: int
    parent: "Chassis | None" = None
    contains: list = dataclasses.field(default_factory=list)
    systems: list = dataclasses.field(default_factory=list)


class Pod:
    """Everything that ``inventory`` (``options.Inventory``) asks for, as it is now.

    ``compositions`` says what of it is composed, within what ``composition`` (``options.Composition``) allows;
    ``bases`` are the systems that stand in a resource block, by the id of the block; ``age`` counts resets.
    """

    def __init__(self, inventory, composition=None):
        self.inventory = inventory
        self.identity = Identity(inventory.seed)
        self.listeners = []
        self.compositions = compositions.Compositions(self, composition or options.Composition())
        self.erasures = erasing.Erasures(options.names(self.compositions.options.erase))
        self.age = 0
        self.reset()

    def reset(self):
        """Set everything back to how it was made."""
        self.random = random.Random(self.inventory.seed)
        self.systems = {}
        self.bases = {}
        self._base_numbers = collections.Counter()
        self.tasks = tasks.Tasks()
        self.age += 1
        self.compositions.clear()
        self.erasures.clear()
        self.chassis = {f"Rack{number}": Chassis(f"Rack{number}", number) for number in self.rack_numbers}
        self.racks = list(self.chassis.values())
        self.last_number = 0
        for index in range(self.inventory.systems):
            self._insert(self.racks[index * len(self.racks) // self.inventory.systems])
        self.nodes = nodes.Nodes(self)
        self.nodes.fill()
        self.changed(None)

    @property
    def rack_numbers(self):
        return range(1, max(1, self.inventory.racks) + 1)

    def add_system(self, rack=None):
        """Put a new system into the rack with the id ``rack``, by default the last one; return the system."""
        system = self._insert(self._rack(rack) if rack else self.racks[-1])
        self.changed(None)
        return system

    def make_composed(self, system_id, **values):
        """Return a new system without a sled; it can be seen from ``show`` on."""
        self.last_number += 1
        number = self.last_number
        identity = self.identity.uuid("system", number)
        return System(system_id, number, None, identity, power="Off", **values)

    def show(self, system):
        """Give a composed system its place in the tree of URLs."""
        self.systems[system.id] = system
        self.changed(None)

    def remove_system(self, system_id):
        """Remove a system; the blocks that were added to it or that it was composed of are free."""
        system = self.systems.pop(system_id)
        self.compositions.release_all(system)
        self.bases.pop(system.base, None)
        if not system.is_composed:
            system.sled.systems.remove(system)
        self.changed(None)

    def move_system(self, system_id, new_id):
        """Give a system another place in the tree of URLs; its uuid and serial number stay."""
        if not isinstance(new_id, str) or not ID.fullmatch(new_id):
            raise ValueError(f"no URL can have a system {new_id!r}")
        if new_id in self.systems:
            raise ValueError(f"there is a system {new_id} already")
        system = self.systems.pop(system_id)
        system.id = new_id
        self.systems[new_id] = system
        self.changed(None)

    def set_health(self, system_id, health):
        if health not in HEALTHS:
            raise ValueError(f"health is one of {', '.join(HEALTHS)}")
        self._set(self.systems[system_id], health=health)

    def set_values(self, system_id, **values):
        self._set(self.systems[system_id], **values)

    def change_some_health(self):
        """Let one system fall ill or recover, as the seed will have it."""
        if not self.systems:
            return
        system = self.random.choice(list(self.systems.values()))
        self._set(
            system, health=self.random.choice([health for health in HEALTHS if health != system.health])
        )

    def changed(self, system):
        for listener in self.listeners:
            listener(system)

    def _rack(self, rack_id):
        found = self.chassis[rack_id]
        if found.parent:
            raise ValueError(f"{rack_id} is no rack")
        return found

    def _set(self, system, **values):
        for name, value in values.items():
            setattr(system, name, value)
        self.changed(system)

    def _insert(self, rack):
        self.last_number += 1
        number = self.last_number
        system = System(
            f"System{number}", number, self._sled_with_room(rack), self.identity.uuid("system", number)
        )
        self.systems[system.id] = system
        system.sled.systems.append(system)
        self._make_base(system)
        return system

    def _make_base(self, system):
        """Let a system stand in a block of its own, as the first ones of a rack do."""
        rack = system.sled.parent.id
        self._base_numbers[rack] += 1
        number = self._base_numbers[rack]
        if self.compositions.has_blocks and number <= self.inventory.system_blocks:
            system.base = f"{rack}-System{number}"
            self.bases[system.base] = system

    def _sled_with_room(self, rack):
        if rack.contains and len(rack.contains[-1].systems) < self.inventory.systems_per_sled:
            return rack.contains[-1]
        number = len(rack.contains) + 1
        sled = Chassis(f"{rack.id}-Sled{number}", number, parent=rack)
        rack.contains.append(sled)
        self.chassis[sled.id] = sled
        return sled
