# SPDX-License-Identifier: Apache-2.0
"""The nodes of Intel RSD: which system each stands on, and how far it is."""

import dataclasses
import typing

ALLOCATING, ALLOCATED, ASSEMBLING, ASSEMBLED, FAILED = (
    "Allocating",
    "Allocated",
    "Assembling",
    "Assembled",
    "Failed",
)
NAME = "Composed Node"


@dataclasses.dataclass(slots=True, eq=False)
class Node:
    """A node on ``system`` (``pod.System``), None where there is none; ``resources`` are paths that were attached."""

    id: str
    system: typing.Any
    state: str = ASSEMBLED
    name: str = NAME
    description: str = ""
    resources: tuple = ()


class Nodes:
    """The nodes of ``pod`` by id; some stand there from the start, as many a rack as the inventory says."""

    def __init__(self, pod):
        self._pod = pod
        self._nodes = {}
        #: nodes whose system nobody else can have, and which clients do not see yet; those that were deleted
        self._hidden, self.deleted = [], {}
        self._last = 0

    def fill(self):
        """Put the first systems of each rack into nodes."""
        for index in range(self._pod.inventory.nodes):
            for rack in self._pod.racks:
                systems = [system for sled in rack.contains for system in sled.systems]
                node = self.make(systems[index] if index < len(systems) else None)
                node.state, node.name = ASSEMBLED, f"Node {node.id}"
                self.show(node)

    def make(self, system, **values):
        """Return a new node on a system; clients see it from ``show`` on."""
        self._last += 1
        node = Node(str(self._last), system, ALLOCATING, **values)
        self._hidden.append(node)
        return node

    def show(self, node):
        """Give a node its place in the collection."""
        self._hidden.remove(node)
        self._nodes[node.id] = node

    def remove(self, node):
        """Remove a node; its system and what was attached to it are free."""
        if node in self._hidden:
            self._hidden.remove(node)
        elif self._nodes.pop(node.id, None):
            self.deleted[node.id] = node

    def get(self, node_id):
        """Return a node, None where there is none."""
        return self._nodes.get(node_id)

    def known(self, node_id):
        """Return a node, or one that was deleted."""
        return self._nodes.get(node_id) or self.deleted[node_id]

    @property
    def ids(self):
        return list(self._nodes)

    @property
    def all(self):
        """The nodes that clients see, in the order in which they were made."""
        return list(self._nodes.values())

    def first(self):
        """Return the node that was there first, None where there is none."""
        return next(iter(self._nodes.values()), None)

    def on(self, system):
        """Return the node that stands on a system, None where there is none."""
        return next((each for each in (*self._hidden, *self.all) if each.system is system), None)

    def having(self, path):
        """Return the node that a resource was attached to, None where there is none."""
        return next((each for each in self.all if path in each.resources), None)
