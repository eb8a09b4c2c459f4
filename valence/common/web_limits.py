# SPDX-License-Identifier: Apache-2.0
"""Limits of the HTTP server: connections, deadlines and sizes, and which connection is closed when there are too many.

To make room, a connection is closed that has been the same for a second: one that never sent a whole request, one that
is idle, one whose body is being received, or one whose client does not read its response. A younger one goes only if
there is no such, so that a newcomer can send its request. One whose request is being worked on is kept.
"""

import collections
import dataclasses
import ipaddress
import logging
import resource
import threading
import time

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
    exempt: tuple = LOOPBACK
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

    def __init__(self, limits: Limits, most: int, clock=time.monotonic):
        self._limits, self._most, self._clock = limits, most, clock
        self._exempt = [ipaddress.ip_network(each, strict=False) for each in limits.exempt]
        self._kinds: list[dict] = [{} for _ in KINDS]
        self._by_address: collections.Counter = collections.Counter()
        self._kind_of: dict = {}
        self._since: dict = {}

    def __len__(self):
        return len(self._kind_of)

    def __iter__(self):
        return iter(list(self._kind_of))

    def of(self, *kinds: int) -> list:
        """Return the connections of these kinds."""
        return [connection for kind in kinds for connection in self._kinds[kind]]

    def make_room(self, address: str):
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

    def put(self, connection, kind: int):
        """Note a new kind of a connection; it is the youngest of that kind."""
        before = self._kind_of.get(connection)
        if before is None:
            self._by_address[connection.address] += 1
        else:
            del self._kinds[before][connection]
        self._kinds[kind][connection] = None
        self._kind_of[connection], self._since[connection] = kind, self._clock()

    def remove(self, connection):
        """Forget a connection; twice does no harm."""
        kind = self._kind_of.pop(connection, None)
        if kind is None:
            return
        del self._kinds[kind][connection], self._since[connection]
        self._by_address[connection.address] -= 1
        if not self._by_address[connection.address]:
            del self._by_address[connection.address]

    def _first(self, address):
        until = self._clock() - GRACE
        for kind in range(BUSY):
            found = self._oldest(kind, address)
            if found and self._since[found] <= until:
                return found
        for kind in YOUNG:
            if found := self._oldest(kind, address):
                return found
        raise LookupError(address)

    def _oldest(self, kind, address):
        """Return the oldest connection of a kind; of those with a body, the one of which the least has come."""
        ours = (each for each in self._kinds[kind] if address in (None, each.address))
        if kind == RECEIVING:
            return min(ours, key=lambda each: each.received, default=None)
        return next(ours, None)


class Descriptors:
    """Shares the descriptors of this process among its servers."""

    def __init__(self):
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

    def give_back(self, granted: int):
        """Take what a server got."""
        with self._lock:
            self._granted -= granted

    @staticmethod
    def _available():
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

    def __init__(self, most: int):
        self._lock = threading.Lock()
        self._left = most

    def take(self, number: int) -> bool:
        """Take bytes, and tell whether there were enough."""
        with self._lock:
            if number > self._left:
                return False
            self._left -= number
            return True

    def give_back(self, number: int):
        """Let others have these bytes."""
        with self._lock:
            self._left += number


class Journal:
    """Logs what clients do wrong, each kind at most once in ``seconds``, with the number of the others."""

    def __init__(self, name: str, seconds: float = 10, clock=time.monotonic):
        self._name, self._seconds, self._clock = name, seconds, clock
        self._last: dict[str, float] = {}
        self._more: collections.Counter = collections.Counter()

    def note(self, what: str, detail: object):
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
