# SPDX-License-Identifier: Apache-2.0
"""Another client of the same service, which composes systems and takes them apart as it likes."""

import random

from valence.simulator import redfish
from valence.simulator.composition import blocks
from valence.simulator.composition import requests
from valence.simulator.composition import work

#: compositions that the intruder has at a time, at most
MOST = 5
#: blocks that it tries before it does without
TRIES = 20
KINDS = ("Storage", "Accelerator", "Network", "Memory")


class Intruder:
    """Begins or ends a composition with every ``step``, by the seed; neither tasks nor faults befall it."""

    def __init__(self, pod):
        self._pod = pod
        self._random = random.Random(f"{pod.inventory.seed}/intruder")
        self._mine = []

    def step(self):
        """Compose a system or expand one, or give back what an earlier step took."""
        self._mine = [system for system in self._mine if self._pod.systems.get(system.id) is system]
        if self._mine and (len(self._mine) >= MOST or self._random.random() < 0.5):
            self._give_back(self._mine.pop(0))
            return
        change = self._change()
        if change is not None:
            change.begin()
            change.show()
            change.finish()
            self._mine.append(change.system)

    def _give_back(self, system):
        change = (
            work.Decompose(self._pod, system) if system.is_composed else work.Replace(self._pod, system, ())
        )
        change.begin()
        change.show()

    def _change(self):
        """Return something to compose, None where the blocks chosen do not go together."""
        rack = self._random.choice(self._pod.racks)
        extra = self._free(rack, self._random.choice(KINDS))
        try:
            if self._pod.compositions.ways & {"blocks", "constrained", "manifest"}:
                return self._compose(self._free(rack, "Compute"), extra)
            return self._expand(extra)
        except redfish.RedfishError:
            return None

    def _compose(self, compute, extra):
        if compute is None:
            return None
        block_ids = (compute,) if extra is None else (compute, extra)
        requests.check(self._pod, block_ids)
        requests.check_limits(self._pod, block_ids)
        return work.Compose(self._pod, requests.Request(block_ids, {"name": "Intruder"}))

    def _expand(self, extra):
        bases = [
            system for system in self._pod.bases.values() if not system.blocks and system not in self._mine
        ]
        if extra is None or not bases:
            return None
        base = self._random.choice(bases)
        requests.check(self._pod, (extra,), (base.base,))
        return work.Replace(self._pod, base, (extra,))

    def _free(self, rack, kind):
        """Return the id of a free block of a kind in a rack, by chance; None where none was found."""
        number = blocks.count(self._pod, kind)
        for _ in range(TRIES if number else 0):
            block_id = f"{rack.id}-{kind}{self._random.randint(1, number)}"
            if self._pod.compositions.is_free(block_id) and not self._pod.compositions.is_reserved(block_id):
                return block_id
        return None
