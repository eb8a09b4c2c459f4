# SPDX-License-Identifier: Apache-2.0
"""What a document says of hardware that nodes can be made of: parts, what they belong to, and who uses it.

The results are small tuples: a crawl remembers them of each document, and counts them at its end (``offers.py``).
"""

import sys
import typing

from valence.podmanagers.redfish.composition import marks
from valence.podmanagers.redfish.crawl import properties

#: what a part is counted as; its amount is in cores, accelerators, MiB, GiB, Mbps
CPU, ACCELERATOR, MEMORY, DRIVE, INTERFACE = KINDS = range(5)
#: states of a part that does not count
_MISSING = frozenset({"Absent", "Disabled"})
#: values of ProcessorType of parts of a processor
_WITHIN_PROCESSORS = frozenset({"Core", "Thread"})
#: SystemType of systems that are no hardware of their own
LOGICAL = frozenset({"Composed", "OS"})
#: links of a resource block to its parts
_PARTS_OF_BLOCK = (
    "Processors", "Memory", "Storage", "SimpleStorage", "Drives", "EthernetInterfaces", "ComputerSystems",
)  # fmt: skip
#: links of a node of Intel RSD to its drives, in one version or another
DRIVES_OF_NODE = ("Storage", "LocalDrives", "RemoteDrives")
#: values of UseCase in the capabilities of a collection or a zone
CREATE, CONSTRAINED = "ComputerSystemComposition", "ComputerSystemConstrainedComposition"
_MOST = 2**53
_BYTES = 1024**3

#: a function that returns the path that a link leads to, None where it leads nowhere
Follow = typing.Callable[[typing.Any], str | None]
Document = dict[str, typing.Any]


class Part(typing.NamedTuple):
    """A part that counts, or with the kind None something between a part and its system, such as a storage.

    ``parent`` is the path of the resource that led to it. ``detail`` is an instruction set, a ProcessorType or a
    MediaType. ``status`` is that of a drive.
    """

    parent: str
    kind: int | None
    amount: int = 0
    model: str | None = None
    detail: str | None = None
    status: "Status | None" = None


class Status(typing.NamedTuple):
    """State and health of Redfish, None where the document does not say."""

    state: str | None
    health: str | None


class System(typing.NamedTuple):
    """A system, with the paths of the blocks that it is made of; ``cores`` and ``memory_mib`` are of its summaries.

    ``mark`` is the UUID of the node that it was made for, None where it carries no mark.
    """

    status: Status
    blocks: tuple[str, ...]
    is_logical: bool
    model: str | None
    cores: int
    memory_mib: int
    mark: str | None = None


class Composition(typing.NamedTuple):
    """CompositionStatus of a block: its state, whether it is reserved, who can share it, and how many do."""

    state: str | None
    reserved: bool
    slots: int
    taken: int


class Block(typing.NamedTuple):
    """A resource block: paths of its parts, of the systems in it, of the systems that use it, and of its zones."""

    types: tuple[str, ...]
    status: Status
    composition: Composition
    parts: tuple[str, ...]
    systems: tuple[str, ...]
    consumers: tuple[str, ...]
    zones: tuple[str, ...]


class Capability(typing.NamedTuple):
    """What can be created: a UseCase, the path of an object with the limits, and its zones, () for all."""

    use_case: str
    limits: str | None
    zones: tuple[str, ...]


class Zone(typing.NamedTuple):
    """A resource zone: paths of its blocks, and its capabilities."""

    blocks: tuple[str, ...]
    capabilities: tuple[Capability, ...]


class Node(typing.NamedTuple):
    """A node of Intel RSD: paths of the systems that it stands on, and of the drives that it has; its mark."""

    systems: tuple[str, ...]
    drives: tuple[str, ...] = ()
    mark: str | None = None


class Service(typing.NamedTuple):
    """The composition service: whether it is enabled, and whether it has the action Compose."""

    enabled: bool
    has_action: bool


Fact = Part | System | Block | Zone | Node | Service


def of(kind: str, document: Document, parent: str, follow: Follow) -> Fact | None:
    """Return what a document of a kind says, None if that is nothing that counts."""
    reader = _READERS.get(kind)
    return reader(document, parent, follow) if reader else None


def capabilities(document: Document, follow: Follow) -> tuple[Capability, ...]:
    """Return the capabilities of a collection or a zone."""
    listed = properties.at(document, ("@Redfish.CollectionCapabilities", "Capabilities"))
    return tuple(
        Capability(
            case, follow(each.get("CapabilitiesObject")), _linked(each, ("Links", "RelatedItem"), follow)
        )
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, dict) and (case := _text(each.get("UseCase"), 64))
    )


def limits(document: Document) -> dict[str, int]:
    """Return the limits of a capabilities object, such as ``{"MaxStorage": 8}`` (ResourceBlockLimits, DSP0266)."""
    given = document.get("@Redfish.ResourceBlockLimits", document.get("ResourceBlockLimits"))
    found = given.items() if isinstance(given, dict) else ()
    return {
        name[:64]: value
        for name, value in found
        if name[:3] in ("Min", "Max") and type(value) is int and 0 <= value <= _MOST
    }


def has_allocation(document: Document) -> bool:
    """Return whether a collection of nodes has the action of Intel RSD that allocates one; its name has two forms."""
    actions = document.get("Actions")
    return isinstance(actions, dict) and any(name.endswith("Allocate") for name in actions)


def number(value: typing.Any) -> int:
    """Return a number that is above 0, rounded down; 0 for anything else. Some services write numbers as texts."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value[:20])
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0
    return int(value) if 0 < value <= _MOST else 0


def _processor(document, parent, follow):
    sort = _text(document.get("ProcessorType"), 64)
    if sort in _WITHIN_PROCESSORS or _status(document).state in _MISSING:
        return None
    model = _text(document.get("Model"), 255)
    if sort not in (None, "CPU"):
        return Part(parent, ACCELERATOR, 1, model, sort)
    cores = number(document.get("TotalCores")) or number(document.get("TotalEnabledCores"))
    names = (document.get(name) for name in ("InstructionSet", "ProcessorArchitecture"))
    return Part(parent, CPU, cores, model, next(filter(None, (_text(name, 64) for name in names)), None))


def _memory(document, parent, follow):
    capacity = number(document.get("CapacityMiB"))
    if not capacity or _status(document).state in _MISSING:
        return None
    model = _text(document.get("Model"), 255) or _text(document.get("PartNumber"), 255)
    return Part(parent, MEMORY, capacity, model)


def _drive(document, parent, follow):
    status = _status(document)
    if status.state in _MISSING:
        return None
    is_nvme = "NVMe" in (document.get("Protocol"), document.get("Interface"))
    media = _text(document.get("MediaType"), 32) or ("SSD" if is_nvme else None)
    return Part(parent, DRIVE, _capacity(document), _text(document.get("Model"), 255), media, status)


def _capacity(document):
    """Return the capacity of a drive in whole GiB; Intel RSD 1.2 gives it in GB."""
    return number(document.get("CapacityBytes")) // _BYTES or number(document.get("CapacityGB"))


def _storage(document, parent, follow):
    """Return a storage; those of the type SimpleStorage have their drives in them."""
    devices = document.get("Devices")
    if not isinstance(devices, list):
        return Part(parent, None)
    there = [each for each in devices if isinstance(each, dict) and _status(each).state not in _MISSING]
    total = sum(map(_capacity, there))
    if not total:
        return Part(parent, None)
    return Part(parent, DRIVE, total, next((_text(each.get("Model"), 255) for each in there), None))


def _interface(document, parent, follow):
    if _status(document).state in _MISSING:
        return None
    return Part(parent, INTERFACE, number(document.get("SpeedMbps")))


def _system(document, parent, follow):
    processors, memory = (document.get(f"{name}Summary") or {} for name in ("Processor", "Memory"))
    gibibytes = properties.at(memory, ("TotalSystemMemoryGiB",))
    is_number = isinstance(gibibytes, (int, float)) and not isinstance(gibibytes, bool)
    status = _status(document)
    if status.state == "Disabled" and document.get("PowerState") == "Off":
        status = status._replace(state="StandbyOffline")  # it can be switched on
    return System(
        status,
        _linked(document, ("Links", "ResourceBlocks"), follow),
        document.get("SystemType") in LOGICAL,
        _text(document.get("Model"), 255),
        number(properties.at(processors, ("CoreCount",))) or number(properties.at(processors, ("Count",))),
        number(gibibytes * 1024 if is_number else 0),
        marks.sign(document).mark,
    )


def _block(document, parent, follow):
    types = document.get("ResourceBlockType")
    types = types if isinstance(types, list) else [types]
    parts = (path for name in _PARTS_OF_BLOCK for path in _linked(document, (name,), follow))
    return Block(
        tuple(sys.intern(each) for each in types if isinstance(each, str) and each),
        _status(document),
        _composition(document.get("CompositionStatus")),
        tuple(dict.fromkeys(parts)),
        _linked(document, ("ComputerSystems",), follow),
        _linked(document, ("Links", "ComputerSystems"), follow),
        _linked(document, ("Links", "Zones"), follow),
    )


def _composition(status):
    if not isinstance(status, dict):
        return Composition(None, False, 1, 0)
    shared = status.get("SharingCapable") in (True, "true")
    return Composition(
        _text(status.get("CompositionState"), 32),
        status.get("Reserved") in (True, "true"),
        (number(status.get("MaxCompositions")) or 1) if shared else 1,
        number(status.get("NumberOfCompositions")) if shared else 0,
    )


def _zone(document, parent, follow):
    return Zone(_linked(document, ("Links", "ResourceBlocks"), follow), capabilities(document, follow))


def _node(document, parent, follow):
    drives = (path for name in DRIVES_OF_NODE for path in _linked(document, ("Links", name), follow))
    systems = _linked(document, ("Links", "ComputerSystem"), follow)
    return Node(systems, tuple(dict.fromkeys(drives)), marks.sign(document).mark)


def _service(document, parent, follow):
    action = properties.at(document, ("Actions", "#CompositionService.Compose"))
    return Service(document.get("ServiceEnabled") not in (False, "false"), isinstance(action, dict))


def _linked(document, path, follow):
    """Return the paths that a link or a list of links leads to."""
    value = properties.at(document, path)
    found = (follow(each) for each in (value if isinstance(value, list) else [value]))
    return tuple(dict.fromkeys(each for each in found if each))


def _status(document):
    status = document.get("Status")
    if not isinstance(status, dict):
        status = {"State": status}
    return Status(_text(status.get("State"), 32), _text(status.get("Health"), 32))


def _text(value, limit):
    """Return a text that can be stored, the same object each time: there are few different ones."""
    if not isinstance(value, str):
        return None
    text = "".join(each if each.isprintable() else " " for each in value).strip()[:limit]
    return sys.intern(text) if text else None


_READERS = {
    "Processor": _processor,
    "Memory": _memory,
    "Drive": _drive,
    "Storage": _storage,
    "Ethernet Interface": _interface,
    "System": _system,
    "Resource Block": _block,
    "Zone": _zone,
    "Node": _node,
    "CompositionService": _service,
}
#: kinds whose documents are remembered, even if they lead nowhere, because an ETag that still holds brings no numbers
COUNTED = frozenset(_READERS)
