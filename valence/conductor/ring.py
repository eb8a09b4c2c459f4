# SPDX-License-Identifier: Apache-2.0
"""Who serves what: a hash ring on which nobody gets much more than an even share. Pure functions on plain data."""

import math

from tooz import hashring

#: how much more than an even share one member may get
MOST = 1.05
#: points of each member on the ring; many of them make the shares even before anybody is full
POINTS = 128


def assign(members, things):
    """Return ``{thing: member}``, the same for everybody who knows the same.

    ``members`` is ``{name: groups that it serves}``, ``things`` is ``{key: its group}``. A thing whose group nobody
    serves is left out. When a member comes or goes, little moves but what it gets or had.
    """
    groups = {}
    for key, group in things.items():
        groups.setdefault(group, []).append(key)
    assigned = {}
    for group, keys in groups.items():
        assigned |= _assign([name for name, serves in members.items() if group in serves], keys)
    return assigned


def moves(before, after):
    """Return how many things changed from one member to another, between two results of ``assign``."""
    return sum(before[key] != after.get(key) for key in before)


def _assign(names, keys):
    """Return the member of each key: the next on the ring that is not full."""
    if not names:
        return {}
    ring = hashring.HashRing(names, partitions=POINTS)
    most = math.ceil(MOST * len(keys) / len(names))
    assigned, loads, full = {}, dict.fromkeys(names, 0), set()
    for key in sorted(keys):
        [name] = ring.get_nodes(key.encode(), ignore_nodes=full)
        assigned[key] = name
        loads[name] += 1
        if loads[name] == most:
            full.add(name)
    return assigned
