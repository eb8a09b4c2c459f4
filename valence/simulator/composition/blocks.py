# SPDX-License-Identifier: Apache-2.0
"""Which resource blocks and zones a pod has, and of what parts each block consists.

Nothing is kept for a block: its id says what it is, and its sizes follow from the seed.
"""

import collections.abc
import dataclasses
import re

from valence.simulator import redfish

CORES = (16, 24, 32, 48, 64)
DIMM_MIB = (16384, 32768, 65536)
DRIVE_BYTES = (960_197_124_096, 1_920_383_410_176, 3_840_755_982_336, 7_681_501_126_656)
POOLED_DRIVE_BYTES = 16_000_900_661_248
SPEEDS_MBPS = (25_000, 100_000)
GPUS = ("GX-40", "GX-80")


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of block: ``types`` (ResourceBlockType), the option that says how many, and its parts.

    ``parts`` maps a property of the block to the numbers of parts among which the seed chooses.
    """

    types: tuple
    option: str
    parts: dict


KINDS = {
    "System": Kind(("ComputerSystem",), "system_blocks", {}),
    "Pool": Kind(("Storage",), "drives", {}),
    "Compute": Kind(
        ("Compute",),
        "compute_blocks",
        {"Processors": (1, 2), "Memory": (2, 4), "EthernetInterfaces": (1,)},
    ),
    "Memory": Kind(("Memory",), "memory_blocks", {"Memory": (2, 4, 8)}),
    "Storage": Kind(("Storage",), "storage_blocks", {"Drives": (1, 2, 4)}),
    "Network": Kind(("Network",), "network_blocks", {"EthernetInterfaces": (1, 2)}),
    "Accelerator": Kind(("Processor",), "accelerator_blocks", {"Processors": (1, 2, 4)}),
}
#: kinds that are in every zone of their rack
EVERYWHERE = ("Pool", "Storage")
ID = re.compile(rf"(Rack[1-9]\d*)-({'|'.join(KINDS)})([1-9]\d*)")


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """A resource block: the ``number``-th (from 1) of its ``kind`` in a rack."""

    id: str
    rack: str
    kind: str
    number: int

    @property
    def types(self):
        return KINDS[self.kind].types


class Ids(collections.abc.Collection):
    """The ids of all blocks of a pod, or of one rack, counted and never listed."""

    def __init__(self, pod, racks=None):
        self._pod = pod
        self._racks = pod.racks if racks is None else racks

    def __contains__(self, block_id):
        return find(self._pod, block_id) is not None

    def __iter__(self):
        for rack in self._racks:
            for kind in KINDS:
                for number in self._numbers(rack, kind):
                    yield f"{rack.id}-{kind}{number}"

    def __len__(self):
        numbers = (self._numbers(rack, kind) for rack in self._racks for kind in KINDS)
        return sum(len(each) for each in numbers)

    def _numbers(self, rack, kind):
        if kind == "System":
            most = self._pod.inventory.system_blocks
            return [number for number in range(1, most + 1) if f"{rack.id}-System{number}" in self._pod.bases]
        return range(1, count(self._pod, kind) + 1)


def count(pod, kind):
    """Return how many blocks of a kind a rack has at most; its pooled drives are one block."""
    number = getattr(pod.inventory, KINDS[kind].option)
    return min(1, number) if kind == "Pool" else number


def find(pod, block_id):
    """Return the Block with this id, or None."""
    match = ID.fullmatch(block_id)
    if not match or match[1] not in pod.chassis:
        return None
    block = Block(block_id, match[1], match[2], int(match[3]))
    if block.kind == "System":
        return block if block_id in pod.bases else None
    return block if block.number <= count(pod, block.kind) else None


def part_ids(pod, block_id, name):
    """Return the ids of the parts of a block by the property, such as ``Drives``, that links to them."""
    block = find(pod, block_id)
    choices = KINDS[block.kind].parts.get(name)
    return redfish.numbered(pod.identity.choose(choices, block_id, name)) if choices else ()


def part_links(pod, block_id, name):
    """Return links to the parts of a block; the parts of a pool are the pooled drives of its rack."""
    block = find(pod, block_id)
    if block.kind == "Pool" and name == "Drives":
        return redfish.links(redfish.numbered(pod.inventory.drives), "Chassis", block.rack, "Drives")
    place = ("CompositionService", "ResourceBlocks", block_id, name)
    return redfish.links(part_ids(pod, block_id, name), *place)


def cores(pod, block_id):
    """Return the cores of each processor of a block."""
    return pod.identity.choose(CORES, block_id, "cores")


def cpu(pod, block_id):
    """Return the model of each processor of a block."""
    return f"Example {8500 + cores(pod, block_id)}"


def dimm_mib(pod, block_id):
    """Return the size of each memory module of a block in MiB."""
    return pod.identity.choose(DIMM_MIB, block_id, "memory")


def drive_bytes(pod, block_id):
    """Return the size of each drive of a block in bytes."""
    if find(pod, block_id).kind == "Pool":
        return POOLED_DRIVE_BYTES
    return pod.identity.choose(DRIVE_BYTES, block_id, "drive")


def speed_mbps(pod, block_id):
    """Return the speed of each network port of a block in Mbit/s."""
    return pod.identity.choose(SPEEDS_MBPS, block_id, "speed")


def gpu(pod, block_id):
    """Return the model of each GPU of a block."""
    return pod.identity.choose(GPUS, block_id, "gpu")


def zone_ids(pod):
    """Return the ids of all zones: that of the rack where it is the only one."""
    return tuple(zone_id for rack in pod.racks for zone_id in _zones(pod, rack.id))


def _zones(pod, rack_id):
    number = pod.inventory.zones
    return [rack_id] if number == 1 else [f"{rack_id}-{zone}" for zone in redfish.numbered(number)]


def zones(pod, block_id):
    """Return the ids of the zones that a block is in."""
    block = find(pod, block_id)
    every = _zones(pod, block.rack)
    if block.kind in EVERYWHERE or not every:
        return every
    return [every[(block.number - 1) % len(every)]]


def of_zone(pod, zone_id):
    """Return the ids of the blocks in a zone."""
    rack = pod.chassis[zone_id.partition("-")[0]]
    return [block_id for block_id in Ids(pod, [rack]) if zone_id in zones(pod, block_id)]
