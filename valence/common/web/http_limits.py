# SPDX-License-Identifier: Apache-2.0
"""Limits of the HTTP server: connections, deadlines and sizes, and the turns of requests.

To make room, a connection is closed that has been the same for a second: one that never sent a whole request, one that
is idle, one whose body is being received, or one whose client does not read its response. A younger one goes only if
there is no such, so that a newcomer can send its request. One whose request is being worked on is kept.

Requests wait between the event loop and the worker threads, in a queue that is fair to the addresses of clients. A
request has a turn from the moment when a worker thread takes it. The turn ends when the request is answered, or when it
waits for hardware, a limited place or its client. The number of turns is limited, because more running threads only
contend for the interpreter lock. Addresses get the next turn round robin.
"""

import collections
import dataclasses
import functools
import ipaddress
import logging
import resource
import threading
import time
import typing

#: an address gets at most 1/ALONE of the turns while no other address sends requests, and 1/SHARE while others do
ALONE, SHARE = 2, 16
#: seconds for which a request of another address counts after it came
RECENT = 10
#: seconds after which a turn ends in a process that leaves its processor idle, and in any
TURN, LONGEST = 0.02, 1
#: part of a processor below which the process leaves it idle
IDLE_SHARE = 0.5
_thread = threading.local()

LOG = logging.getLogger(__name__)
#: kinds of connections, in the order in which they are closed to make room, and the order among young ones
FRESH, IDLE, RECEIVING, SENDING, BUSY = KINDS = range(5)
YOUNG = RECEIVING, SENDING, IDLE, FRESH
#: seconds for which a connection is young
GRACE = 1
#: share of the descriptors that connections of HTTP clients leave to the message bus, the database and files
RESERVED_SHARE, RESERVED_LEAST = 4, 128
#: this host
LOOPBACK = ("127.0.0.0/8", "::1/128")
#: limit of descriptors that is asked for at most, where the hard limit allows it
MOST_DESCRIPTORS = 65536


@dataclasses.dataclass(frozen=True)
class Limits:
    """Limits of one server; times are in seconds, rates in bytes a second."""

    connections: int = 256
    connections_per_address: int = 64
    #: networks without a limit per address: this machine, and proxies
    exempt: tuple[str, ...] = LOOPBACK
    head_bytes: int = 32 * 1024
    headers: int = 128
    #: bytes of a body that are kept in memory, and of all bodies of the process, the rest in temporary files
    body_memory: int = 64 * 1024
    bodies: int = 1024 * 1024 * 1024
    #: bytes of responses that clients have not read yet
    unsent: int = 64 * 1024 * 1024
    handshake: float = 10
    #: time without a request on an open connection, and from the first byte of a request until its head is complete
    idle: float = 20
    head: float = 10
    #: a body, and a response that its client reads slowly, have this time, more by what was moved, and an upper bound
    transfer: float = 20
    transfer_rate: float = 16 * 1024
    transfer_most: float = 300
    #: time that a request waits for a thread
    queue: float = 30
    #: time for which a refused body is read so that its sender sees why, and between two parts of it
    linger: float = 5
    linger_silence: float = 1
    #: at the stop: time in which clients learn that their connection ends, to receive bodies, and for running requests
    goodbye: float = 1
    receive: float = 5
    drain: float = 30


class Places:
    """The connections of a server by kind; all methods belong to the thread of its event loop."""

    def __init__(self, limits: Limits, most: int, clock: typing.Callable[[], float] = time.monotonic) -> None:
        self._limits, self._most, self._clock = limits, most, clock
        self._exempt = [ipaddress.ip_network(each, strict=False) for each in limits.exempt]
        self._kinds: list[dict[typing.Any, None]] = [{} for _ in KINDS]
        self._by_address: collections.Counter[str] = collections.Counter()
        self._kind_of: dict[typing.Any, int] = {}
        self._since: dict[typing.Any, float] = {}

    def __len__(self) -> int:
        return len(self._kind_of)

    def __iter__(self) -> typing.Iterator[typing.Any]:
        return iter(list(self._kind_of))

    def of(self, *kinds: int) -> list[typing.Any]:
        """Return the connections of these kinds."""
        return [connection for kind in kinds for connection in self._kinds[kind]]

    def make_room(self, address: str) -> typing.Any:
        """Return the connection to close before one from ``address`` is accepted, None if there is room.

        Raises LookupError if there is no room and none can be made.
        """
        most = self._limits.connections_per_address
        if self._by_address[address] >= most and not self.is_exempt(address):
            return self._first(address)
        if len(self) < self._most:
            return None
        crowded, _ = self._by_address.most_common(1)[0]
        try:
            return self._first(crowded)
        except LookupError:
            return self._first(None)

    def is_exempt(self, address: str) -> bool:
        """Tell whether an address may have any number of connections."""
        own = ipaddress.ip_address(address.partition("%")[0])
        own = getattr(own, "ipv4_mapped", None) or own
        return any(own in network for network in self._exempt)

    def put(self, connection: typing.Any, kind: int) -> None:
        """Note a new kind of a connection; it is the youngest of that kind."""
        before = self._kind_of.get(connection)
        if before is None:
            self._by_address[connection.address] += 1
        else:
            del self._kinds[before][connection]
        self._kinds[kind][connection] = None
        self._kind_of[connection], self._since[connection] = kind, self._clock()

    def remove(self, connection: typing.Any) -> None:
        """Forget a connection; twice does no harm."""
        kind = self._kind_of.pop(connection, None)
        if kind is None:
            return
        del self._kinds[kind][connection], self._since[connection]
        self._by_address[connection.address] -= 1
        if not self._by_address[connection.address]:
            del self._by_address[connection.address]

    def _first(self, address: str | None) -> typing.Any:
        until = self._clock() - GRACE
        for kind in range(BUSY):
            found = self._oldest(kind, address)
            if found and self._since[found] <= until:
                return found
        for kind in YOUNG:
            if found := self._oldest(kind, address):
                return found
        raise LookupError(address)

    def _oldest(self, kind: int, address: str | None) -> typing.Any:
        """Return the oldest connection of a kind; of those with a body, the one of which the least has come."""
        ours = (each for each in self._kinds[kind] if address in (None, each.address))
        if kind == RECEIVING:
            return min(ours, key=lambda each: each.received, default=None)
        return next(ours, None)


@functools.lru_cache(1024)
def network(address: str) -> str:
    """Return what counts as one address: of IPv6 the network (/64) that a client can choose from."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if mapped := getattr(parsed, "ipv4_mapped", None):
        return str(mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address


class Descriptors:
    """Shares the descriptors of this process among its servers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._granted = 0

    def grant(self, wanted: int) -> int:
        """Return how many connections a server may have: at most half of those that are left."""
        with self._lock:
            left = self._available() - self._granted
            most = max(1, min(wanted, left // 2))
            self._granted += most
        if most < wanted:
            LOG.warning(
                "%d connections instead of %d: raise the limit of open files (LimitNOFILE)", most, wanted
            )
        return most

    def give_back(self, granted: int) -> None:
        """Take what a server got."""
        with self._lock:
            self._granted -= granted

    @staticmethod
    def _available() -> int:
        limit = raise_limit()
        return limit - max(RESERVED_LEAST, limit // RESERVED_SHARE)


def raise_limit() -> int:
    """Raise this process's limit of descriptors as far as it may; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    wanted = MOST_DESCRIPTORS if hard == unlimited else min(hard, MOST_DESCRIPTORS)
    if soft != unlimited and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return MOST_DESCRIPTORS if soft == unlimited else soft


#: those of this process
DESCRIPTORS = Descriptors()


class Budget:
    """A number of bytes that several threads share."""

    def __init__(self, most: int) -> None:
        self._lock = threading.Lock()
        self._left = most

    def take(self, number: int) -> bool:
        """Take bytes, and tell whether there were enough."""
        with self._lock:
            if number > self._left:
                return False
            self._left -= number
            return True

    def give_back(self, number: int) -> None:
        """Let others have these bytes."""
        with self._lock:
            self._left += number


class Journal:
    """Logs what clients do wrong, each kind at most once in ``seconds``, with the number of the others."""

    def __init__(
        self, name: str, seconds: float = 10, clock: typing.Callable[[], float] = time.monotonic
    ) -> None:
        self._name, self._seconds, self._clock = name, seconds, clock
        self._last: dict[str, float] = {}
        self._more: collections.Counter[str] = collections.Counter()

    def note(self, what: str, detail: object) -> None:
        """Log ``what`` happened, a constant, with a detail of this time."""
        now = self._clock()
        if now - self._last.get(what, -self._seconds) < self._seconds:
            self._more[what] += 1
            return
        self._last[what] = now
        more = self._more.pop(what, 0)
        LOG.info(
            "%s: %s %s%s", self._name, what, detail, f" ({more} more since the last line)" if more else ""
        )


def end_turn() -> None:
    """End the turn of the request that this thread answers, because it waits from now on; twice does no harm."""
    if (item := getattr(_thread, "item", None)) is not None:
        _thread.queue.end(item)


class FairQueue:
    """Items, which are hashable, by the address that they come from; ``turns`` are had at the same time at most.

    Any thread may call any method. ``clock`` and ``cpu`` return seconds: the time, and the process's use of processors.
    """

    def __init__(
        self,
        turns: int,
        clock: typing.Callable[[], float] = time.monotonic,
        cpu: typing.Callable[[], float] = time.process_time,
    ) -> None:
        self._most, self._alone, self._share = turns, max(1, turns // ALONE), max(1, turns // SHARE)
        self._clock, self._cpu = clock, cpu
        self._changed = threading.Condition()
        self._is_closed = False
        # What waits, by address in the order of their turns; turns and their begin; the number of turns of an address.
        self._waiting: dict[str, dict[typing.Any, None]] = {}
        self._turns: dict[typing.Any, tuple[str, float]] = {}
        self._taken: collections.Counter[str] = collections.Counter()
        # The address of the newest item, when another one was that before, and the use of the processor at a time.
        self._newest, self._mixed_at = "", -float("inf")
        self._used = clock(), cpu()

    def put(self, item: typing.Any, address: str) -> None:
        """Add an item. While anything waits, ``relieve`` has to be called each TURN seconds."""
        with self._changed:
            now = self._clock()
            if self._newest != address:
                self._newest, self._mixed_at = address, now if self._newest else self._mixed_at
            if not self._waiting:
                self._used = now, self._cpu()
            if not self._is_closed:
                self._waiting.setdefault(address, {})[item] = None
            self._wake()

    def get(self) -> typing.Any:
        """End the turn of the item that this thread got before; return the next one, None once it is closed."""
        before, _thread.item = getattr(_thread, "item", None), None
        with self._changed:
            self._end(before)
            del before  # an idle thread would keep the request and its connection in memory
            while (address := self._next()) is None:
                if self._is_closed:
                    return None
                self._changed.wait()
            item = self._take(address)
            self._wake()
        _thread.queue, _thread.item = self, item
        return item

    def end(self, item: typing.Any) -> None:
        """End the turn of an item; twice does no harm."""
        with self._changed:
            self._end(item)
            self._wake()

    def discard(self, item: typing.Any, address: str) -> bool:
        """Remove an item that waits; return whether it did."""
        with self._changed:
            if item not in (items := self._waiting.get(address, {})):
                return False
            self._remove(item, address, items)
            self._changed.notify_all()
            return True

    def relieve(self) -> bool:
        """End turns that last too long; return whether anything waits still."""
        with self._changed:
            now, used = self._clock(), self._cpu()
            before, used_before = self._used
            self._used = now, used
            is_idle = used - used_before < IDLE_SHARE * (now - before)
            oldest = now - (TURN if is_idle else LONGEST)
            for item in [each for each, (_, since) in self._turns.items() if since <= oldest]:
                self._end(item)
            self._wake()
            return bool(self._waiting)

    def close(self) -> None:
        """Forget what waits, and wake up every thread that waits in ``get``."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify_all()

    # The lock is held in what follows.

    def _next(self) -> str | None:
        """Return the address whose item is the next one, None if there is none that may have a turn."""
        if not self._waiting or len(self._turns) >= self._most:
            return None
        is_alone = self._clock() - self._mixed_at > RECENT
        most = self._alone if is_alone else self._share
        return next((address for address in self._waiting if self._taken[address] < most), None)

    def _wake(self) -> None:
        """Wake up a thread if an item may have a turn."""
        if self._next() is not None:
            self._changed.notify()

    def _take(self, address: str) -> typing.Any:
        items = self._waiting[address]
        item = next(iter(items))
        self._remove(item, address, items)
        if items:  # this address comes after the others
            self._waiting[address] = self._waiting.pop(address)
        self._turns[item] = address, self._clock()
        self._taken[address] += 1
        return item

    def _remove(self, item: typing.Any, address: str, items: dict[typing.Any, None]) -> None:
        del items[item]
        if not items:
            del self._waiting[address]

    def _end(self, item: typing.Any) -> None:
        address, _ = self._turns.pop(item, (None, 0))
        if address is None:
            return
        self._taken[address] -= 1
        if not self._taken[address]:
            del self._taken[address]
