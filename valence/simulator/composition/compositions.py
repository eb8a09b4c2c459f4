# SPDX-License-Identifier: Apache-2.0
"""The state of composition: which system uses which block. Kept only for blocks that somebody touched."""

from valence.simulator import options as simulator_options
from valence.simulator.composition import blocks

COMPOSING, COMPOSED, FAILED = "Composing", "Composed", "Failed"


class Compositions:
    """What of ``pod`` is composed, as ``options`` (``options.Composition``) allow.

    ``listener(block_ids)`` of ``listeners`` is called after every change of blocks. ``is_stale(block_id)`` says
    which blocks always call themselves Unused.
    """

    def __init__(self, pod, options):
        self._pod = pod
        self.options = options
        self.ways = simulator_options.names(pod.inventory.composition)
        #: whether there are resource blocks, and a service that composes with them
        self.has_blocks = bool(self.ways - {"allocate"})
        self.refused = simulator_options.names(options.refused)
        self.quirks = simulator_options.names(options.quirks)
        self.places = simulator_options.names(options.capabilities)
        self.limits = simulator_options.limits(options.limits)
        self.listeners = []
        self.is_stale = lambda block_id: False
        self.clear()

    def clear(self):
        """Forget everything; the systems are the pod's to remove."""
        self._uses = {}
        self.reserved = set()
        self.broken = set()
        self.last = 0

    @property
    def touched(self):
        """The ids of blocks that something is known of, sorted."""
        return sorted({*self._uses, *self.reserved, *self.broken})

    def next_id(self):
        """Return an id for a composed system, which was never used."""
        self.last += 1
        return f"Composed{self.last}"

    def slots(self, block_id):
        """Return how many systems a block can be part of."""
        is_shared = blocks.find(self._pod, block_id).kind in blocks.EVERYWHERE
        return max(1, self.options.sharing) if is_shared else 1

    def is_free(self, block_id):
        """Say whether another system can have the block."""
        return len(self._uses.get(block_id, ())) < self.slots(block_id) and not self.is_broken(block_id)

    def is_broken(self, block_id):
        return block_id in self.broken

    def is_reserved(self, block_id):
        return block_id in self.reserved

    def users(self, block_id):
        """Return the systems that a client can see using the block."""
        base = self._pod.bases.get(block_id)
        if base is not None:
            return [base]
        uses = self._uses.get(block_id, ())
        return [system for system in uses if block_id in system.blocks and self._is_there(system)]

    def holders(self, block_id):
        """Return all systems that have the block, those not yet seen by clients too."""
        return list(self._uses.get(block_id, ()))

    def use_state(self, system, block_id):
        """Return COMPOSING, COMPOSED or FAILED, or None where the system does not use the block."""
        return self._uses.get(block_id, {}).get(system)

    def number(self, block_id):
        """Return how many systems use the block."""
        base = self._pod.bases.get(block_id)
        return int(bool(base.blocks)) if base is not None else len(self._uses.get(block_id, ()))

    def state(self, block_id):
        """Return the CompositionState of a block."""
        base = self._pod.bases.get(block_id)
        if self.is_stale(block_id):
            return "Unused"
        if base is not None:
            states = {self.use_state(base, each) for each in base.blocks}
        else:
            states = set(self._uses.get(block_id, {}).values())
        if self.is_broken(block_id) or FAILED in states:
            return FAILED
        if COMPOSING in states:
            return COMPOSING
        if not states:
            return "Unused"
        is_full = base is not None or self.number(block_id) >= self.slots(block_id)
        return COMPOSED if is_full else "ComposedAndAvailable"

    def system_state(self, system):
        """Return how far a system is: its worst block decides."""
        states = {self.use_state(system, block_id) for block_id in system.blocks}
        return next((state for state in (FAILED, COMPOSING) if state in states), COMPOSED)

    def use(self, system, block_ids, state):
        """Note that a system uses blocks, or in which state it does."""
        for block_id in block_ids:
            self._uses.setdefault(block_id, {})[system] = state
        self._changed(block_ids)

    def settle(self, system, block_ids, state):
        """Change the state of blocks that the system still uses."""
        self.use(system, [each for each in block_ids if self.use_state(system, each)], state)

    def release(self, system, block_ids):
        """Note that a system uses blocks no longer."""
        for block_id in block_ids:
            uses = self._uses.get(block_id, {})
            uses.pop(system, None)
            if not uses:
                self._uses.pop(block_id, None)
        self._changed(block_ids)

    def release_all(self, system):
        """Take all blocks from a system."""
        block_ids, system.blocks = system.blocks, ()
        self.release(system, block_ids)

    def reserve(self, block_id, is_reserved):
        """Set Reserved of a block."""
        (self.reserved.add if is_reserved else self.reserved.discard)(block_id)
        self._changed([block_id])

    def set_broken(self, block_id, is_broken):
        """Break a block, or mend it."""
        (self.broken.add if is_broken else self.broken.discard)(block_id)
        self._changed([block_id])

    def _is_there(self, system):
        return self._pod.systems.get(system.id) is system

    def _changed(self, block_ids):
        for listener in self.listeners:
            listener(block_ids)
