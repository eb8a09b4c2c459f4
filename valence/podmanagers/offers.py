# SPDX-License-Identifier: Apache-2.0
"""Offers: what a pod manager has that a node can be made of, as a crawl found it."""

import typing


class Measures(typing.NamedTuple):
    """What an offer brings, with the model and the kind of the parts that lead; fields are those of a Device."""

    cores: int = 0
    memory_mib: int = 0
    storage_gib: int = 0
    accelerators: int = 0
    speed_mbps: int = 0
    model: str | None = None
    architecture: str | None = None
    media: str | None = None


#: type of device -> the measure that devices of this type are ordered by
LEADING = {
    "Compute": "cores",
    "System": "cores",
    "Memory": "memory_mib",
    "Storage": "storage_gib",
    "Accelerator": "accelerators",
    "Network": "speed_mbps",
}


class Offer(typing.NamedTuple):
    """A resource that can become part of a node as a whole.

    ``device_type`` to ``consumers`` are those of a Device; ``zones`` are paths, ``method`` is one of METHODS. ``state``
    is None where it seems free, and what uses it may be what could not be read.
    ``limits`` is None where they could not be read. ``unread`` says that some of its parts could not be read, so that
    its measures may be too small; ``dead`` that links to parts led nowhere, which a machine that starts may cause for a
    time; ``unplaced`` that its zones or the ways to compose it could not be read, so that ``zones`` and ``method`` say
    nothing. ``users`` are the paths of all systems that have it, a system in it too. ``fault`` says why a machine that
    has it cannot use it.
    """

    resource_url: str
    device_type: str
    state: str | None
    reason: str | None
    slots: int
    consumers: int
    measures: Measures
    zones: tuple[str, ...]
    method: str
    limits: tuple[tuple[str, int], ...] | None = ()
    unread: bool = False
    dead: bool = False
    unplaced: bool = False
    users: tuple[str, ...] = ()
    fault: str | None = None

    @property
    def size(self) -> int:
        """The measure that leads for its type."""
        return typing.cast(int, getattr(self.measures, LEADING[self.device_type]))
