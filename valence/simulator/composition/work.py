# SPDX-License-Identifier: Apache-2.0
"""Changes to what is composed, each in steps: begin (blocks are Composing), show, finish; or fail, or undo."""

from valence.simulator import redfish
from valence.simulator.composition import compositions


class Compose:
    """Makes ``system`` of the blocks in ``request`` (``requests.Request``)."""

    name = "Compose a system"
    takes_time = True

    def __init__(self, pod, request, **values):
        self._pod = pod
        self._blocks = request.block_ids
        self.system = pod.make_composed(request.id or pod.compositions.next_id(), **request.values | values)
        self.path = f"{redfish.ROOT}/Systems/{self.system.id}"

    def begin(self):
        """Take the blocks."""
        self._pod.compositions.use(self.system, self._blocks, compositions.COMPOSING)

    def show(self):
        """Let clients see the system; one with the same id is overwritten."""
        overwritten = self._pod.systems.get(self.system.id)
        if overwritten is not None:
            self._pod.compositions.release_all(overwritten)
        self.system.blocks = self._blocks
        self._pod.show(self.system)

    def finish(self):
        self._settle(compositions.COMPOSED)

    def fail(self):
        """End with a system that is no good."""
        self._settle(compositions.FAILED)

    def undo(self):
        """Give the blocks back."""
        self._pod.compositions.release(self.system, self._blocks)

    def answer(self):
        return 201, self.path, {"Location": self.path}

    def _settle(self, state):
        self._pod.compositions.settle(self.system, self._blocks, state)
        if self._pod.systems.get(self.system.id) is self.system:
            self._pod.changed(self.system)


class Replace:
    """Gives ``system`` the blocks ``block_ids`` instead of those that it has; what stays comes first."""

    name = "Change the resource blocks of a system"
    takes_time = True

    def __init__(self, pod, system, block_ids, status=200):
        self._pod = pod
        self.system = system
        self._status = status
        self.added = tuple(each for each in block_ids if each not in system.blocks)
        self.kept = tuple(each for each in block_ids if each in system.blocks)
        self._removed = tuple(each for each in system.blocks if each not in block_ids)
        self.path = f"{redfish.ROOT}/Systems/{system.id}"

    def begin(self):
        """Take the blocks that are added; those to remove are Composing, too."""
        self._pod.compositions.use(self.system, (*self.added, *self._removed), compositions.COMPOSING)

    def show(self):
        """Change the list of blocks as it is now, after other changes; what is removed is free at once."""
        if self._pod.systems.get(self.system.id) is not self.system:
            self._pod.compositions.release(self.system, self.added)
            return
        kept = [each for each in self.system.blocks if each not in self._removed]
        self.system.blocks = tuple(dict.fromkeys((*kept, *self.added)))
        self._pod.compositions.release(self.system, self._removed)
        self._pod.changed(self.system)

    def finish(self):
        self._settle(compositions.COMPOSED)

    def fail(self):
        """End with blocks that are no good."""
        self._settle(compositions.FAILED)

    def undo(self):
        """Give back what was added, keep what was to be removed."""
        self._pod.compositions.release(self.system, self.added)
        self._pod.compositions.settle(self.system, self._removed, compositions.COMPOSED)

    def answer(self):
        return (204, None, {}) if self._status == 204 else (200, self.path, {})

    def _settle(self, state):
        self._pod.compositions.settle(self.system, self.added, state)
        if self._pod.systems.get(self.system.id) is self.system:
            self._pod.changed(self.system)


class Decompose:
    """Takes a composed ``system`` apart."""

    name = "Take a system apart"
    #: a system is gone at once, unless that is a task
    takes_time = False

    def __init__(self, pod, system):
        self._pod = pod
        self.system = system
        self.path = f"{redfish.ROOT}/Systems/{system.id}"

    def begin(self):
        self._settle(compositions.COMPOSING)

    def show(self):
        """Remove the system and free its blocks."""
        if self._pod.systems.get(self.system.id) is self.system:
            self._pod.remove_system(self.system.id)

    def finish(self):
        """Do nothing more: the blocks are free."""

    def fail(self):
        """Do nothing more: the system is gone."""

    def undo(self):
        self._settle(compositions.COMPOSED)

    def answer(self):
        return 204, None, {}

    def _settle(self, state):
        self._pod.compositions.settle(self.system, self.system.blocks, state)
