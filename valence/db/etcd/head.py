# SPDX-License-Identifier: Apache-2.0
"""The head of a store: the one value that each commit changes, so that commits come one after the other."""

import dataclasses
import json
import typing

#: commits that the head remembers, for those whose answer got lost
REMEMBERED = 100


@dataclasses.dataclass
class Head:
    """``number`` counts commits; ``journal`` is what remains to be written of the last one; see ``journal``.

    ``queue`` are the commits that wait for their turn, the first alone may be made. ``tables`` has the number of
    the commit that last changed the table of an index, where the API needs tables.
    """

    number: int = 0
    recent: tuple = ()
    journal: typing.Any = None
    queue: tuple = ()
    tables: dict = dataclasses.field(default_factory=dict)

    @classmethod
    def load(cls, text):
        """Return the head that ``text`` holds; None is that of an empty store."""
        if text is None:
            return cls()
        values = json.loads(text)
        return cls(**values | {name: tuple(values[name]) for name in ("recent", "queue")})

    def dump(self):
        """Return the text that holds this head."""
        return json.dumps(dataclasses.asdict(self), separators=(",", ":"))

    def after(self, identity, journal=None):
        """Return the head after one more commit."""
        recent = (*self.recent[1 - REMEMBERED :], identity)
        return Head(self.number + 1, recent, journal, self.without(identity).queue, dict(self.tables))

    def settled(self):
        """Return the head when nothing remains to be written."""
        return dataclasses.replace(self, journal=None)

    def with_last(self, identity):
        """Return the head with ``identity`` at the end of the queue."""
        return dataclasses.replace(self, queue=(*self.queue, identity))

    def without(self, identity):
        """Return the head without ``identity`` in the queue."""
        return dataclasses.replace(self, queue=tuple(each for each in self.queue if each != identity))
