# SPDX-License-Identifier: Apache-2.0
"""Requirements: what a body wants of a node, in one normal form.

``normal`` reads a body and returns what is stored of it: lists are lists, numbers are numbers, and what was not given
is absent. ``wanted`` returns the parts of that form, each with the conditions on its devices. Bodies may have the form
of the first release too: numbers as text, ``{"pci_device": {"type": ["GPU"]}}``.
"""

import dataclasses
import re
import typing
from collections import abc

from valence.common import errors

#: requirements in their normal form, a JSON object
Requirements = dict[str, typing.Any]

MOST_ITEMS, MOST_OF_A_KIND, MOST_DEVICES = 16, 64, 128
LARGEST = 2**40
LONGEST_WORD = 128
_DIGITS = re.compile(r"[0-9]{1,15}")


@dataclasses.dataclass(frozen=True)
class Number:
    """A whole number from ``least`` to ``most``."""

    doc: str
    least: int = 1
    most: int = LARGEST

    def read(self, value: typing.Any) -> int:
        """Return the number; raise ValueError with a sentence for the client."""
        if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError("It must be a whole number.")
        if not self.least <= value <= self.most:
            raise ValueError(f"It must be from {self.least} to {self.most}.")
        return value

    def schema(self) -> dict[str, typing.Any]:
        """Return the JSON schema of what is read."""
        digits = {"type": "string", "pattern": "^[0-9]{1,15}$"}
        number = {"type": "integer", "minimum": self.least, "maximum": self.most}
        return {"anyOf": [number, digits], "description": self.doc}


@dataclasses.dataclass(frozen=True)
class Word:
    """A text; ``spellings`` are the known ones by their lower case."""

    doc: str
    spellings: abc.Mapping[str, str] = dataclasses.field(default_factory=dict)

    def read(self, value: typing.Any) -> str | None:
        """Return the text, None for one without characters; raise ValueError with a sentence for the client."""
        if not isinstance(value, str):
            raise ValueError("It must be text.")
        text = value.strip()
        if len(text) > LONGEST_WORD:
            raise ValueError(f"It must have at most {LONGEST_WORD} characters.")
        if not text.isprintable():
            raise ValueError("It contains a character that cannot be printed.")
        return self.spellings.get(text.lower(), text) or None

    def schema(self) -> dict[str, typing.Any]:
        """Return the JSON schema of what is read."""
        return {"type": "string", "maxLength": LONGEST_WORD, "description": self.doc}


def _spellings(*words: str) -> dict[str, str]:
    return {word.lower(): word for word in words}


ACCELERATORS = _spellings("GPU", "FPGA", "DSP", "Accelerator")
MEDIA = _spellings("SSD", "HDD", "SMR", "NVMe")
_MODEL = Word("Model, or a part of its name; case does not matter.")
_COUNT = Number("How many of them.", most=MOST_OF_A_KIND)

#: part of a node -> what can be required of it; the parts of MANY are lists
PARTS: dict[str, dict[str, Number | Word]] = {
    "processor": {
        "total_cores": Number("Least number of CPU cores."),
        "model": _MODEL,
        "architecture": Word("Instruction set, such as x86-64 or ARM."),
    },
    "memory": {"capacity_mib": Number("Least memory in MiB.")},
    "storage": {
        "capacity_gib": Number("Least capacity of each in GiB."),
        "count": _COUNT,
        "media": Word("SSD, which includes NVMe, or NVMe or HDD.", MEDIA),
    },
    "network": {"speed_mbps": Number("Least speed of each in Mbps."), "count": _COUNT},
    "accelerator": {
        "type": Word("Kind of accelerator, such as GPU or FPGA.", ACCELERATORS),
        "model": _MODEL,
        "count": Number("How many accelerators; one device may bring several.", most=MOST_OF_A_KIND),
    },
}
MANY = ("storage", "network", "accelerator")
#: the parts that a device brings, without which there is no machine
BASE = ("processor",)
#: what the first release called accelerators and drives
PCI_DEVICE = "pci_device"


def normal(body: typing.Any, path: str = "$.properties", *, parts: abc.Iterable[str] = PARTS) -> Requirements:
    """Return the normal form of requirements; an empty one is any machine.

    ``path`` is the JSON path of ``body``, ``parts`` are those that may be required. Raises ValidationFailed with all
    problems.
    """
    reader = _Reader(tuple(parts))
    found = reader.read(body, path)
    if reader.problems:
        raise errors.ValidationFailed(problems=reader.problems)
    return found


def schema() -> dict[str, typing.Any]:
    """Return the JSON schema of the bodies that ``normal`` takes."""
    properties = {name: _part_schema(name) for name in PARTS}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _part_schema(name: str) -> dict[str, typing.Any]:
    fields = {field: kind.schema() for field, kind in PARTS[name].items()}
    one = {"type": "object", "properties": fields, "additionalProperties": False}
    return {"anyOf": [one, {"type": "array", "items": one, "maxItems": MOST_ITEMS}]} if name in MANY else one


class _Reader:
    """Reads one body and collects its problems."""

    def __init__(self, parts: tuple[str, ...]) -> None:
        self._parts = parts
        self.problems: list[errors.Problem] = []

    def read(self, body: typing.Any, path: str) -> Requirements:
        """Return the normal form of ``body``, as far as it has no problems."""
        found: Requirements = {}
        for name, value in self._members(body, path, (*self._parts, PCI_DEVICE)):
            place = f"{path}.{name}"
            if name == PCI_DEVICE:
                self._read_pci_devices(value, place, found)
            elif name in MANY:
                found.setdefault(name, []).extend(self._items(name, value, place))
            else:
                found[name] = self._fields(name, value, place)
        self._limit(found, path)
        return {name: found[name] for name in PARTS if found.get(name)}

    def _members(
        self, value: typing.Any, path: str, known: abc.Sequence[str]
    ) -> abc.Iterator[tuple[str, typing.Any]]:
        """Yield the known members of an object that have a value."""
        if not isinstance(value, dict):
            self._note(path, "It must be an object.")
            return
        for name, member in value.items():
            if name not in known:
                hint = f"Leave it out. Known here: {', '.join(known)}."
                self._note(f"{path}.{name}"[:LONGEST_WORD], "It is unknown.", hint)
            elif member is not None:
                yield name, member

    def _items(self, name: str, value: typing.Any, path: str) -> list[Requirements]:
        items = value if isinstance(value, list) else [value]
        if len(items) > MOST_ITEMS:
            self._note(path, f"It must have at most {MOST_ITEMS} items.")
            return []
        places = [f"{path}[{number}]" for number in range(len(items))] if items is value else [path]
        return [
            {"count": 1} | self._fields(name, item, place) for item, place in zip(items, places, strict=True)
        ]

    def _fields(self, name: str, value: typing.Any, path: str) -> Requirements:
        fields, found = PARTS[name], {}
        for field, given in self._members(value, path, tuple(fields)):
            read = self._value(fields[field], given, f"{path}.{field}")
            if read is not None:
                found[field] = read
        return found

    def _value(self, kind: Number | Word, given: typing.Any, path: str) -> int | str | None:
        try:
            return kind.read(given)
        except ValueError as error:
            self._note(path, str(error), kind.doc)
            return None

    def _read_pci_devices(self, value: typing.Any, path: str, found: Requirements) -> None:
        for _, given in self._members(value, path, ("type",)):
            kinds = given if isinstance(given, list) else [given]
            known = ", ".join([*ACCELERATORS.values(), *MEDIA.values()])
            if not kinds:
                hint = f"Name kinds, or leave pci_device out. Known kinds: {known}."
                self._note(f"{path}.type", "It is an empty list.", hint)
            if len(kinds) > MOST_ITEMS:
                self._note(f"{path}.type", f"It must have at most {MOST_ITEMS} items.")
                continue
            for number, kind in enumerate(kinds):
                word = kind.strip().lower() if isinstance(kind, str) else None
                if word in ACCELERATORS and "accelerator" in self._parts:
                    found.setdefault("accelerator", []).append({"type": ACCELERATORS[word], "count": 1})
                elif word in MEDIA and "storage" in self._parts:
                    found.setdefault("storage", []).append({"media": MEDIA[word], "count": 1})
                else:
                    self._note(f"{path}.type[{number}]", "It is no known kind.", f"Known kinds: {known}.")

    def _limit(self, found: Requirements, path: str) -> None:
        for name in MANY:
            if len(found.get(name, ())) > MOST_ITEMS:
                self._note(f"{path}.{name}", f"It must have at most {MOST_ITEMS} items.")
        devices = sum(item["count"] for name in MANY for item in found.get(name, ()))
        if devices > MOST_DEVICES:
            self._note(path, f"It asks for {devices} devices; a node has at most {MOST_DEVICES}.")

    def _note(self, path: str, detail: str, hint: str = "Correct it.") -> None:
        self.problems.append({"path": path, "detail": detail, "hint": hint})


@dataclasses.dataclass(frozen=True)
class Part:
    """The devices that one requirement needs: ``count`` of a type, each of at least ``size``.

    Where ``is_summed`` the sizes of the devices have to make up ``count``. ``architectures`` and ``media`` are the
    values of devices that satisfy it, None for any. ``model`` is what a device's model has to contain; ``models`` are
    the models of devices that do, once they were looked for. ``memory_mib`` is only for the base, and may be completed
    by memory devices.
    """

    name: str
    device_type: str
    size: int = 0
    count: int = 1
    model: str | None = None
    architectures: tuple[str, ...] | None = None
    media: tuple[str, ...] | None = None
    memory_mib: int = 0
    models: tuple[str, ...] | None = None

    @property
    def is_summed(self) -> bool:
        """Whether one device may bring several of what is counted: accelerators, or MiB of memory."""
        return self.device_type in ("Accelerator", "Memory")


class Wanted(typing.NamedTuple):
    """What a node needs: ``base``, the machine, unless devices are added to one, and the parts that join it.

    ``memory_mib`` is the memory of memory devices where there is no base.
    """

    base: Part | None
    parts: tuple[Part, ...]
    memory_mib: int = 0


#: spellings of an instruction set in lower case -> those that pod managers use
ARCHITECTURES = {
    spelling: names
    for spellings, names in (
        (("x86-64", "x86_64", "amd64"), ("x86-64", "x86")),
        (("x86",), ("x86", "x86-64")),
        (("aarch64", "arm64", "arm-a64"), ("ARM-A64", "ARM")),
        (("arm",), ("ARM", "ARM-A64", "ARM-A32")),
        (("power", "powerisa", "ppc64le"), ("PowerISA", "Power")),
        (("ia-64", "ia64"), ("IA-64",)),
        (("risc-v", "riscv64"), ("RISC-V", "RV64")),
    )
    for spelling in spellings
}
_SSD = {"SSD": ("SSD", "NVMe")}
TYPES = {"storage": "Storage", "network": "Network", "accelerator": "Accelerator", "memory": "Memory"}
_SIZES = {"storage": "capacity_gib", "network": "speed_mbps"}


def wanted(requirements: Requirements, *, base: bool = True) -> Wanted:
    """Return what requirements in their normal form need; ``base=False`` adds to a machine that is there."""
    processor, memory = requirements.get("processor", {}), requirements.get("memory", {})
    memory_mib = memory.get("capacity_mib", 0)
    parts = [
        _part(name, f"{name}/{number}", item)
        for name in MANY
        for number, item in enumerate(requirements.get(name, ()))
    ]
    if not base:
        return Wanted(None, tuple(parts), memory_mib)
    machine = Part(
        "processor",
        "Compute",
        processor.get("total_cores", 0),
        model=processor.get("model"),
        architectures=_architectures(processor.get("architecture")),
        memory_mib=memory_mib,
    )
    return Wanted(machine, tuple(parts))


def _part(kind: str, name: str, item: Requirements) -> Part:
    media, accelerator = item.get("media"), item.get("type")
    return Part(
        name,
        TYPES[kind],
        item.get(_SIZES.get(kind, ""), 0),
        item["count"],
        item.get("model"),
        None if accelerator is None else (accelerator,),
        None if media is None else _SSD.get(media, (media,)),
    )


def _architectures(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else ARCHITECTURES.get(text.lower(), (text,))
