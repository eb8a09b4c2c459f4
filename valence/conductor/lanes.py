# SPDX-License-Identifier: Apache-2.0
"""The lanes in which events go to the bus: all events of an object are in one, so that each keeps its order.

A lane holds the objects whose identifiers, which are random, begin with certain digits: that needs no column, and
events of the version before, which knew no lanes, are in them too.
"""

import bisect
import typing

from valence.conductor import ring
from valence.db import store

#: where each lane begins; the first begins at the beginning
BOUNDS = (None, "2", "4", "6", "8", "a", "c", "e", None)
GROUP = "lanes"


class Lane(typing.NamedTuple):
    """Events of objects from ``low`` on and below ``high``; None is no limit."""

    name: str
    low: str | None
    high: str | None

    @property
    def filters(self):
        """What its events have in common."""
        low = [store.Filter("object_id", "gte", self.low)] if self.low else []
        return low + ([store.Filter("object_id", "lt", self.high)] if self.high else [])


LANES = tuple(
    Lane(f"notifications/{number}", low, high)
    for number, (low, high) in enumerate(zip(BOUNDS[:-1], BOUNDS[1:], strict=True))
)


def of(object_id):
    """Return the lane of an object."""
    return LANES[bisect.bisect_right(BOUNDS[1:-1], object_id)]


def share(members, host):
    """Return the lanes that ``host`` sees to, of the conductors ``members``."""
    owners = ring.assign(dict.fromkeys(members, [GROUP]), {lane.name: GROUP for lane in LANES})
    return [lane for lane in LANES if owners.get(lane.name) == host]
