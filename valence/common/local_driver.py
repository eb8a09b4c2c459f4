# SPDX-License-Identifier: Apache-2.0
"""``local://``: an oslo.messaging driver for API and conductor in one process, without a broker.

Messages make the same journey through JSON as over RabbitMQ, so what works here works there. Nothing polls:
whoever sends hands the message to the server's pool of threads. ``local:///name`` is a bus of its own.
"""

import collections
import itertools
import queue
import threading
import time
import weakref

import oslo_messaging
from oslo_messaging._drivers import base
from oslo_messaging._drivers import common
from oslo_serialization import jsonutils

#: most messages that wait in one queue; the oldest give way, as in RabbitMQ with overflow=drop-head
MAX_LENGTH = 10_000
#: most messages that a consumer holds without having acknowledged them
MAX_UNACKNOWLEDGED = 100


class LocalDriver(base.BaseDriver):
    """What oslo.messaging loads for a transport URL ``local://``."""

    _buses = weakref.WeakValueDictionary()
    _lock = threading.Lock()

    def __init__(self, conf, url, default_exchange=None, allowed_remote_exmods=None):
        super().__init__(conf, url, default_exchange, allowed_remote_exmods)
        with self._lock:
            self._bus = self._buses.setdefault(url.virtual_host, Bus())

    def require_features(self, requeue=False):
        """Everything that oslo.messaging may ask for is there."""

    def send(self, target, ctxt, message, wait_for_reply=None, timeout=None, **_options):
        """Deliver a message and return the answer of a call; raise MessagingTimeout when none comes in time.

        There is no connection to retry and nothing to monitor: who works on a call dies with who waits for it.
        """
        replies = queue.SimpleQueue() if wait_for_reply else None
        letter = Letter(jsonutils.dumps([ctxt, message]), replies, timeout and time.monotonic() + timeout)
        if target.fanout:
            self._bus.send(_fanout(target.topic), letter)
        else:
            topic = f"{target.topic}.{target.server}" if target.server else target.topic
            self._bus.send(self._address(target, topic), letter)
        return self._answer(replies, timeout, target) if wait_for_reply else None

    def send_notification(self, target, ctxt, message, version, retry=None):
        """Deliver a notification; like RabbitMQ's driver, keep it in a queue when nobody listens yet."""
        address = self._address(target, target.topic)
        self._bus.bind(address, target.topic)
        self._bus.send(address, Letter(jsonutils.dumps([ctxt, message]), None, None))

    def listen(self, target, batch_size, batch_timeout):
        """Return the listener of an RPC server: on the topic, on its own name, and on what goes to all."""
        own = f"{target.topic}.{target.server}"
        fanout = _fanout(target.topic)
        queues = [
            self._bus.bind(self._address(target, target.topic), target.topic),
            self._bus.bind(self._address(target, own), own),
            self._bus.bind(fanout, f"{own}.fanout"),
        ]
        return Listener(self._bus, queues)

    def listen_for_notifications(self, targets_and_priorities, pool, batch_size, batch_timeout):
        """Return a listener on topics; each ``pool`` gets every message once."""
        topics = [(target, f"{target.topic}.{priority}") for target, priority in targets_and_priorities]
        return Listener(self._bus, [self._bus.bind(self._address(*each), pool or each[1]) for each in topics])

    def cleanup(self):
        """Keep what waits: other transports of this process may still be on the bus."""

    def _address(self, target, topic):
        return target.exchange or self._default_exchange, topic

    def _answer(self, replies, timeout, target):
        try:
            reply = jsonutils.loads(replies.get(timeout=timeout))
        except queue.Empty:
            raise oslo_messaging.MessagingTimeout(f"no reply on {target.topic} in {timeout} s") from None
        if reply["failure"]:
            raise common.deserialize_remote_exception(reply["failure"], self._allowed_remote_exmods)
        return reply["result"]


def _fanout(topic):
    return "fanout", topic


class Bus:
    """Addresses, the queues that are bound to them, and who listens on those."""

    def __init__(self):
        self._lock = threading.Lock()
        self._bindings = {}

    def bind(self, address, name):
        """Return the queue of that name at an address; it is there, and fills, from now on."""
        with self._lock:
            return self._bindings.setdefault(address, {}).setdefault(name, Queue())

    def send(self, address, letter):
        """Put a letter into every queue at an address; where there is none it is dropped, as by RabbitMQ."""
        with self._lock:
            for each in self._bindings.get(address, {}).values():
                each.put(letter)

    def attach(self, listener):
        """Begin to deliver to a listener what waits, and what comes."""
        with self._lock:
            for each in listener.queues:
                each.listeners.append(listener)
                each.deliver()

    def detach(self, listener):
        """Deliver nothing more to a listener."""
        with self._lock:
            for each in listener.queues:
                each.listeners.remove(listener)

    def release(self, listener):
        """Note that a listener has room for one letter more."""
        with self._lock:
            listener.room += 1
            for each in listener.queues:
                each.deliver()

    def put_back(self, source, letter):
        """Make a letter the next one of its queue again."""
        with self._lock:
            source.letters.appendleft(letter)


class Queue:
    """Letters in the order they came, dealt out to the listeners in turn; the bus locks."""

    def __init__(self):
        self.letters = collections.deque(maxlen=MAX_LENGTH)
        self.listeners = collections.deque()

    def put(self, letter):
        """Add a letter and hand it out if somebody has room for it."""
        self.letters.append(letter)
        self.deliver()

    def deliver(self):
        """Hand letters out while there are any, and listeners that have room."""
        while self.letters and (listener := self._next_listener()):
            letter = self.letters.popleft()
            if not letter.is_expired():
                listener.receive(self, letter)

    def _next_listener(self):
        for _each in range(len(self.listeners)):
            self.listeners.rotate(-1)
            if self.listeners[-1].room > 0:
                return self.listeners[-1]
        return None


class Letter:
    """An encoded context and message, where its answer goes, and until when (monotonic) anybody wants it."""

    __slots__ = ("deadline", "replies", "text")

    def __init__(self, text, replies, deadline):
        self.text, self.replies, self.deadline = text, replies, deadline

    def is_expired(self):
        """Tell whether the caller has given up."""
        return self.deadline is not None and time.monotonic() > self.deadline


class Listener(base.Listener):
    """One RPC server or notification listener; its callback hands the work to a pool and returns at once."""

    def __init__(self, bus, queues):
        super().__init__(batch_size=1, batch_timeout=None)
        self._bus = bus
        self.queues = queues
        self.room = MAX_UNACKNOWLEDGED

    def start(self, on_incoming_callback):
        """Begin to receive."""
        super().start(on_incoming_callback)
        self._bus.attach(self)

    def stop(self):
        """Receive no more; what was received is still worked on."""
        self._bus.detach(self)
        super().stop()

    def cleanup(self):
        """Nothing is held."""

    def receive(self, source, letter):
        """Take a letter."""
        self.room -= 1
        self.on_incoming_callback([Incoming(self._bus, self, source, letter)])


class Incoming(base.RpcIncomingMessage):
    """A message on its way into a server."""

    _numbers = itertools.count(1)

    def __init__(self, bus, listener, source, letter):
        ctxt, message = jsonutils.loads(letter.text)
        super().__init__(ctxt, message, msg_id=next(self._numbers))
        self._bus, self._listener, self._source, self._letter = bus, listener, source, letter

    def acknowledge(self):
        """Let the next message come."""
        self._bus.release(self._listener)

    def requeue(self):
        """Give the message back, to whoever is next."""
        self._bus.put_back(self._source, self._letter)
        self._bus.release(self._listener)

    def reply(self, reply=None, failure=None):
        """Answer a call; a cast has nobody to answer."""
        if self._letter.replies is None:
            return
        failure = failure and common.serialize_remote_exception(failure)
        self._letter.replies.put(jsonutils.dumps({"result": reply, "failure": failure}))

    def heartbeat(self):
        """Nobody has to be told that this process lives."""
