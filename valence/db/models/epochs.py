# SPDX-License-Identifier: Apache-2.0
"""Epochs of events: a restored backup takes event numbers back, and each restore begins a new epoch.

An epoch is ``(id, after)``: ``id`` is when it began, in milliseconds since 1970, and its events are those numbered
above ``after``. An event number means something only together with the epoch in which it was seen.
"""

import bisect
import re
import typing

POSITION = re.compile("(?:([0-9]{1,18})-)?([0-9]{1,18})")


class Epoch(typing.NamedTuple):
    """One epoch."""

    id: int
    after: int


class Position(typing.NamedTuple):
    """A place in the order of events: the number of an event, and an epoch in which it had it; 0 is not known."""

    epoch: int
    number: int


class Epochs:
    """The epochs of one database, oldest first."""

    def __init__(self, pairs: typing.Iterable[typing.Any] = ()) -> None:
        self.all = sorted(Epoch(*pair) for pair in pairs)

    @property
    def newest(self) -> int:
        """Return the id of the newest epoch, 0 if there is none."""
        return self.all[-1].id if self.all else 0

    def of(self, number: int) -> int:
        """Return the id of the epoch in which an event has its number, 0 before the first epoch."""
        return max((epoch.id for epoch in self.all if epoch.after < number), default=0)

    def label(self, number: int) -> str:
        """Return what clients are told of the position of an event."""
        epoch = self.of(number)
        return f"{epoch}-{number}" if epoch else str(number)

    def common(self, position: Position) -> int:
        """Return the number of the last event before ``position`` that no restore since then took back."""
        later = bisect.bisect_right(self.all, position.epoch, key=lambda epoch: epoch.id)
        return min([position.number, *(epoch.after for epoch in self.all[later:])])

    def resolve(self, position: Position, newest: int) -> int:
        """Return the number after which a client goes on that comes back with ``position``.

        ``newest`` is the number of the newest event. A number without an epoch that was not given yet, and an epoch
        that is not known though it is the newest, belong to what a restore took back: then the newest epoch is told
        from its beginning.
        """
        is_ahead = not position.epoch and position.number > newest
        is_lost = position.epoch > self.newest
        if self.all and (is_ahead or is_lost):
            return min(position.number, self.all[-1].after)
        return min(self.common(position) if position.epoch else position.number, newest)


def parse(text: str) -> Position | None:
    """Return the position that a client was told, None for what is none; an event's number alone is one too."""
    found = POSITION.fullmatch(text)
    return Position(int(found[1] or 0), int(found[2])) if found else None
