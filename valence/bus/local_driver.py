# SPDX-License-Identifier: Apache-2.0
"""``local://``: an oslo.messaging driver for an API and a conductor in one process, without a broker.

Messages are encoded as JSON, as over RabbitMQ, so code that works here works there. Nothing polls: the sender passes
the message to the server's thread pool. ``local:///name`` is a bus of its own.
"""

import collections
import itertools
import queue
import threading
import time
import typing
import weakref

import oslo_messaging
from oslo_config import cfg
from oslo_messaging._drivers import base
from oslo_messaging._drivers import common
from oslo_serialization import jsonutils

#: messages that wait in one queue at most; then the oldest are dropped, as in RabbitMQ with overflow=drop-head
MAX_LENGTH = 10_000
#: messages that a consumer may hold without having acknowledged them
MAX_UNACKNOWLEDGED = 100

#: exchange and routing key
Address = tuple[str, str]
#: where the reply to a call, encoded as JSON, is put
Replies = queue.SimpleQueue[str]


class LocalDriver(base.BaseDriver):
    """The driver that oslo.messaging loads for a transport URL ``local://``."""

    _buses: weakref.WeakValueDictionary[str | None, "Bus"] = weakref.WeakValueDictionary()
    _lock = threading.Lock()

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        url: oslo_messaging.TransportURL,
        default_exchange: str | None = None,
        allowed_remote_exmods: list[str] | None = None,
    ) -> None:
        super().__init__(conf, url, default_exchange, allowed_remote_exmods)
        with self._lock:
            self._bus = self._buses.setdefault(url.virtual_host, Bus())

    def require_features(self, requeue: bool = False) -> None:
        """Do nothing: this driver has every feature that oslo.messaging may require."""

    def send(
        self,
        target: oslo_messaging.Target,
        ctxt: dict[str, typing.Any],
        message: dict[str, typing.Any],
        wait_for_reply: bool | None = None,
        timeout: float | None = None,
        **_options: typing.Any,
    ) -> typing.Any:
        """Deliver a message and return the reply to a call; raise MessagingTimeout when none comes in time.

        There is no connection to retry and nothing to monitor: caller and server are one process.
        """
        replies: Replies | None = queue.SimpleQueue() if wait_for_reply else None
        letter = Letter(jsonutils.dumps([ctxt, message]), replies, timeout and time.monotonic() + timeout)
        if target.fanout:
            self._bus.send(_fanout(target.topic), letter)
        else:
            topic = f"{target.topic}.{target.server}" if target.server else target.topic
            self._bus.send(self._address(target, topic), letter)
        return self._answer(replies, timeout, target) if replies else None

    def send_notification(
        self,
        target: oslo_messaging.Target,
        ctxt: dict[str, typing.Any],
        message: dict[str, typing.Any],
        version: float,
        retry: int | None = None,
    ) -> None:
        """Deliver a notification; keep it in a queue while there is no listener, as RabbitMQ's driver does."""
        address = self._address(target, target.topic)
        self._bus.bind(address, target.topic)
        self._bus.send(address, Letter(jsonutils.dumps([ctxt, message]), None, None))

    def listen(
        self, target: oslo_messaging.Target, batch_size: int, batch_timeout: float | None
    ) -> "Listener":
        """Return the listener of an RPC server: for its topic, its own name, and fanout messages."""
        own = f"{target.topic}.{target.server}"
        fanout = _fanout(target.topic)
        queues = [
            self._bus.bind(self._address(target, target.topic), target.topic),
            self._bus.bind(self._address(target, own), own),
            self._bus.bind(fanout, f"{own}.fanout"),
        ]
        return Listener(self._bus, queues)

    def listen_for_notifications(
        self,
        targets_and_priorities: typing.Iterable[tuple[oslo_messaging.Target, str]],
        pool: str | None,
        batch_size: int,
        batch_timeout: float | None,
    ) -> "Listener":
        """Return a listener on topics; each ``pool`` gets every message once."""
        topics = [(target, f"{target.topic}.{priority}") for target, priority in targets_and_priorities]
        return Listener(self._bus, [self._bus.bind(self._address(*each), pool or each[1]) for each in topics])

    def cleanup(self) -> None:
        """Keep the queues: other transports of this process may still use the bus."""

    def _address(self, target: oslo_messaging.Target, topic: str) -> Address:
        return target.exchange or self._default_exchange, topic

    def _answer(self, replies: Replies, timeout: float | None, target: oslo_messaging.Target) -> typing.Any:
        try:
            reply = jsonutils.loads(replies.get(timeout=timeout))
        except queue.Empty:
            raise oslo_messaging.MessagingTimeout(f"no reply on {target.topic} in {timeout} s") from None
        if reply["failure"]:
            raise common.deserialize_remote_exception(reply["failure"], self._allowed_remote_exmods)
        return reply["result"]


def _fanout(topic: str) -> Address:
    return "fanout", topic


class Bus:
    """Addresses, the queues that are bound to them, and the listeners of those queues."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bindings: dict[Address, dict[str, Queue]] = {}

    def bind(self, address: Address, name: str) -> "Queue":
        """Return the queue of that name at an address; create it if there is none."""
        with self._lock:
            return self._bindings.setdefault(address, {}).setdefault(name, Queue())

    def send(self, address: Address, letter: "Letter") -> None:
        """Put a letter into every queue at an address; drop it where there is none, as RabbitMQ does."""
        with self._lock:
            for each in self._bindings.get(address, {}).values():
                each.put(letter)

    def attach(self, listener: "Listener") -> None:
        """Begin to deliver waiting and new letters to a listener."""
        with self._lock:
            for each in listener.queues:
                each.listeners.append(listener)
                each.deliver()

    def detach(self, listener: "Listener") -> None:
        """Stop delivering to a listener."""
        with self._lock:
            for each in listener.queues:
                each.listeners.remove(listener)

    def release(self, listener: "Listener") -> None:
        """Note that a listener has acknowledged a letter, and deliver the next ones."""
        with self._lock:
            listener.room += 1
            for each in listener.queues:
                each.deliver()

    def put_back(self, source: "Queue", letter: "Letter") -> None:
        """Put a letter at the head of its queue again."""
        with self._lock:
            source.letters.appendleft(letter)


class Queue:
    """Letters in the order they came, delivered to the listeners in turn; the bus locks."""

    def __init__(self) -> None:
        self.letters: collections.deque[Letter] = collections.deque(maxlen=MAX_LENGTH)
        self.listeners: collections.deque[Listener] = collections.deque()

    def put(self, letter: "Letter") -> None:
        """Add a letter and deliver it if a listener has capacity."""
        self.letters.append(letter)
        self.deliver()

    def deliver(self) -> None:
        """Deliver letters while there are any, and listeners that have capacity."""
        while self.letters and (listener := self._next_listener()):
            letter = self.letters.popleft()
            if not letter.is_expired():
                listener.receive(self, letter)

    def _next_listener(self) -> "Listener | None":
        for _each in range(len(self.listeners)):
            self.listeners.rotate(-1)
            if self.listeners[-1].room > 0:
                return self.listeners[-1]
        return None


class Letter:
    """An encoded context and message, where its reply goes, and when the caller gives up (monotonic seconds)."""

    __slots__ = ("deadline", "replies", "text")

    def __init__(self, text: str, replies: Replies | None, deadline: float | None) -> None:
        self.text, self.replies, self.deadline = text, replies, deadline

    def is_expired(self) -> bool:
        """Return whether the caller has given up."""
        return self.deadline is not None and time.monotonic() > self.deadline


class Listener(base.Listener):
    """One RPC server or notification listener; its callback passes the work to a thread pool and returns at once."""

    def __init__(self, bus: Bus, queues: list[Queue]) -> None:
        super().__init__(batch_size=1, batch_timeout=None)
        self._bus = bus
        self.queues = queues
        self.room = MAX_UNACKNOWLEDGED

    def start(self, on_incoming_callback: typing.Callable[[list["Incoming"]], None]) -> None:
        """Start receiving."""
        super().start(on_incoming_callback)
        self._bus.attach(self)

    def stop(self) -> None:
        """Stop receiving; work on what was received goes on."""
        self._bus.detach(self)
        super().stop()

    def cleanup(self) -> None:
        """Do nothing: a listener holds no resources."""

    def receive(self, source: Queue, letter: Letter) -> None:
        """Pass a letter to the callback."""
        self.room -= 1
        self.on_incoming_callback([Incoming(self._bus, self, source, letter)])


class Incoming(base.RpcIncomingMessage):
    """A message that a server has received."""

    _numbers = itertools.count(1)

    def __init__(self, bus: Bus, listener: Listener, source: Queue, letter: Letter) -> None:
        ctxt, message = jsonutils.loads(letter.text)
        super().__init__(ctxt, message, msg_id=next(self._numbers))
        self._bus, self._listener, self._source, self._letter = bus, listener, source, letter

    def acknowledge(self) -> None:
        """Make room for the next message."""
        self._bus.release(self._listener)

    def requeue(self) -> None:
        """Give the message back, for the next listener."""
        self._bus.put_back(self._source, self._letter)
        self._bus.release(self._listener)

    def reply(self, reply: typing.Any = None, failure: typing.Any = None) -> None:
        """Send the reply to a call; do nothing for a cast."""
        if self._letter.replies is None:
            return
        failure = failure and common.serialize_remote_exception(failure)
        self._letter.replies.put(jsonutils.dumps({"result": reply, "failure": failure}))

    def heartbeat(self) -> None:
        """Do nothing: a caller in the same process needs no sign of life."""
