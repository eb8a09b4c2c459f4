# SPDX-License-Identifier: Apache-2.0
"""Collections for very many small things, which cost a fraction of the memory of a dict or a list of objects.

Things are known by ``hash()``, 64 bits whose key is random in each process: among 100,000 things the probability that
any two have the same one is below 10^-9, and nobody outside can look for such two.
"""

import array
import collections
import pickle
import typing
import zlib

#: things that are compressed together: the more, the smaller, and the longer it takes to get one
_BLOCK = 128
#: blocks of a Shelf that are kept as objects: as many as threads may be in at a time
_MOST_OPEN = 8
_FEWEST_SLOTS = 64
#: things at the beginning of a Queue that are not compressed
_MOST_PLAIN = 4096
#: zlib's fastest level
_LEVEL = 1


class Numbers:
    """Gives each hash a number, from 0, in the order in which they were added; about 20 bytes each."""

    def __init__(self) -> None:
        self._hashes = array.array("q")
        self._slots = array.array(
            "I", bytes(4 * _FEWEST_SLOTS)
        )  # number + 1 of what is there, 0 where nothing is
        self._most = _FEWEST_SLOTS // 2

    def __len__(self) -> int:
        return len(self._hashes)

    def __getitem__(self, number: int) -> int:
        """Return the hash that has a number."""
        return self._hashes[number]

    def find(self, value: int) -> int | None:
        """Return the number of a hash, None if it has none."""
        taken = self._slots[self._slot(value)]
        return taken - 1 if taken else None

    def add(self, value: int) -> int:
        """Return the number of a hash, a new one if it had none."""
        slot = self._slot(value)
        if taken := self._slots[slot]:
            return taken - 1
        count = len(self._hashes)
        if count >= self._most:
            self._grow()
            slot = self._slot(value)
        self._hashes.append(value)
        self._slots[slot] = count + 1
        return count

    def _slot(self, value: int) -> int:
        """Return the place where a hash is, or the empty one where it belongs."""
        slots, hashes = self._slots, self._hashes
        most = len(slots) - 1
        place = value & most
        while (taken := slots[place]) and hashes[taken - 1] != value:
            place = place + 1 & most
        return place

    def _grow(self) -> None:
        self._slots = slots = array.array("I", bytes(8 * len(self._slots)))
        self._most = 2 * len(slots) // 3
        last = len(slots) - 1
        for number, value in enumerate(self._hashes, 1):
            place = value & last
            while slots[place]:
                place = place + 1 & last
            slots[place] = number


class Queue:
    """A queue of things that can be pickled; of a long one all but the ends is compressed."""

    def __init__(self) -> None:
        self._first: collections.deque[typing.Any] = collections.deque()
        self._blocks: collections.deque[bytes] = collections.deque()
        self._last: list[typing.Any] = []

    def __len__(self) -> int:
        return len(self._first) + _BLOCK * len(self._blocks) + len(self._last)

    def __iter__(self) -> typing.Iterator[typing.Any]:
        yield from self._first
        for block in self._blocks:
            yield from _unpack(block)
        yield from self._last

    def append(self, thing: typing.Any) -> None:
        """Add a thing at the end."""
        self._last.append(thing)
        if len(self._last) == _BLOCK:
            if self._blocks or len(self._first) >= _MOST_PLAIN:
                self._blocks.append(_pack(self._last))
            else:
                self._first.extend(self._last)
            self._last = []

    def appendleft(self, thing: typing.Any) -> None:
        """Add a thing at the beginning."""
        self._first.appendleft(thing)

    def popleft(self) -> typing.Any:
        """Return the first thing, and forget it; raise IndexError if there is none."""
        if not self._first and self._blocks:
            self._first.extend(_unpack(self._blocks.popleft()))
        elif not self._first:
            self._first.extend(self._last)
            self._last = []
        return self._first.popleft()


class Shelf:
    """Things by hash, compressed in blocks; reading them in the order in which they were added is fast."""

    def __init__(self) -> None:
        self._empty()

    def _empty(self) -> None:
        self._numbers = Numbers()
        self._blocks: list[typing.Any] = []  # bytes, None of a block that is open
        self._open: dict[
            int, list[typing.Any]
        ] = {}  # number of a block -> its things, the one used last at the end
        self._changed: set[int] = set()
        self._used = bytearray()

    def __len__(self) -> int:
        return len(self._numbers)

    def get(self, key: int) -> typing.Any:
        """Return what is kept by a hash, None where nothing is."""
        number = self._numbers.find(key)
        if number is None:
            return None
        self._used[number] = True
        block, place = divmod(number, _BLOCK)
        return self._opened(block)[place]

    def put(self, key: int, thing: typing.Any) -> None:
        """Keep a thing by a hash."""
        number = self._numbers.add(key)
        block, place = divmod(number, _BLOCK)
        if number == len(self._used):
            self._used.append(False)
            if block == len(self._blocks):
                self._blocks.append(None)
                self._open[block] = []
            self._opened(block).append(thing)
        self._opened(block)[place] = thing
        self._changed.add(block)
        self._used[number] = True

    def forget_unused(self) -> None:
        """Forget whatever was neither got nor put since the last time, and compress the rest."""
        if not all(self._used):
            self._drop_unused()
        while self._open:
            self._close()
        self._used = bytearray(len(self._used))

    def _drop_unused(self) -> None:
        numbers, used, count = self._numbers, self._used, len(self._blocks)
        while self._open:
            self._close()
        blocks = self._blocks
        self._empty()
        for block in range(count):
            things = _unpack(blocks[block])
            blocks[block] = None  # so that things are not there twice
            for number, thing in enumerate(things, block * _BLOCK):
                if used[number]:
                    self.put(numbers[number], thing)

    def _opened(self, block: int) -> typing.Any:
        """Return the things of a block."""
        things = self._open.pop(block, None)
        if things is None:
            things = _unpack(self._blocks[block])
        self._open[block] = things
        if len(self._open) > _MOST_OPEN:
            self._close()
        return things

    def _close(self) -> None:
        """Compress the block that was not used for longest."""
        block = next(iter(self._open))
        things = self._open.pop(block)
        if block in self._changed:
            self._changed.remove(block)
            self._blocks[block] = _pack(things)


def _pack(things: list[typing.Any]) -> bytes:
    return zlib.compress(pickle.dumps(things, pickle.HIGHEST_PROTOCOL), _LEVEL)


def _unpack(block: bytes) -> typing.Any:
    return pickle.loads(zlib.decompress(block))  # noqa: S301 - of this process, and nobody else had it
