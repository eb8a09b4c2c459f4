# SPDX-License-Identifier: Apache-2.0
"""Connections to RabbitMQ as RPC needs them; notifications keep oslo.messaging's own.

Reply and fanout queues belong to one connection and die with it, for they are worth nothing without the process
that reads them. oslo.messaging knows two other kinds: queues neither durable nor exclusive, which RabbitMQ 4.3
refuses, and quorum queues, which cost up to 1 ms of the broker's CPU a call and, once a broker that stands
alone was killed, may stay without a leader for ever while messages come in (seen with RabbitMQ 3.10,
rabbitmq-server issue 10070).

Requests and replies are sent without waiting for the broker's confirmation: the answer confirms a request, and
who asked has a time-out anyway. That saves a quarter of a call's CPU, and a round trip each way.
"""

import contextlib
import functools
import uuid

import kombu
from oslo_messaging._drivers import common
from oslo_messaging._drivers import impl_rabbit

#: Messages of a queue that a conductor gets before it has taken those that it got. Without a limit the broker hands all
#: that comes to conductors that are stopped or busy too; with this one it keeps what others may take.
PREFETCH = 1


def use(transport):
    """Make a transport for RPC use such connections, if it is one to RabbitMQ."""
    driver = transport._driver
    if isinstance(driver, impl_rabbit.RabbitDriver):
        driver._connection_pool.connection_cls = functools.partial(Connection, driver)


class Connection(impl_rabbit.Connection):
    """A connection with exclusive queues and without confirmations."""

    def __init__(self, driver, conf, url, purpose, retry=None):
        self._driver = driver
        # Whoever sends must not wait for a broker that is away, not even in the heartbeat's thread, which
        # holds the connection meanwhile. Whoever listens has nothing else to do.
        super().__init__(conf, url, purpose, retry=0 if purpose == common.PURPOSE_SEND else retry)

    def _set_qos(self, channel):
        # Not by the option's default, which notification listeners have too: oslo.messaging never acknowledges what
        # comes to these twice, and with a limit would get nothing more.
        channel.basic_qos(0, self.rabbit_qos_prefetch_count or PREFETCH, False)

    def ensure_connection(self):
        """Connect, at first and when the heartbeat has failed."""
        self.connection.transport_options["confirm_publish"] = False
        super().ensure_connection()

    def _publish(self, exchange, msg, *arguments, **options):
        # A call outlives no broker: who asked has lost its reply queue with it. To write large ones to a disk, for
        # nothing, keeps the broker from everything else meanwhile.
        exchange.delivery_mode = kombu.Exchange.TRANSIENT_DELIVERY_MODE
        super()._publish(exchange, msg, *arguments, **options)

    def direct_send(self, msg_id, msg):
        """Send a reply, over a new connection if this one has died; nobody waits for it long enough for more.

        Not mandatory: without confirmations, one that came back would be reported to whoever sends next.
        """
        exchange = kombu.Exchange(name="", type="direct", passive=True)
        self._ensure_publishing(self._publish, exchange, msg, routing_key=msg_id, retry=1)

    def declare_direct_consumer(self, topic, callback):
        """Declare the reply queue, named like the topic."""
        self._declare_exclusive(
            exchange_name="", queue_name=topic, routing_key="", type="direct", callback=callback
        )

    def declare_fanout_consumer(self, topic, callback):
        """Declare a queue for what goes to all servers of a topic."""
        exchange, name = f"{topic}_fanout", _unique(f"{topic}_fanout")
        self._declare_exclusive(
            exchange_name=exchange, queue_name=name, routing_key=topic, type="fanout", callback=callback
        )

    def use_reply_queue(self, name):
        """Have the answers to all further calls sent to the queue of that name."""
        self._driver._reply_q = name

    def beat(self):
        """Keep the connection alive while its thread waits for something else than messages."""
        errors = (*self.connection.recoverable_connection_errors, OSError)
        with contextlib.suppress(*errors):  # the next attempt to consume connects again
            if self._heartbeat_supported_and_enabled():
                self._heartbeat_check()

    def end_deliveries(self):
        """Give calls that come from now on back to the broker, for other servers; nobody consumes here any more."""
        for consumer in self._consumers:
            # What goes to all needs no confirmation: it cannot be given back, and the others have it too.
            consumer.callback = _ignore if consumer.type == "fanout" else _give_back
        with contextlib.suppress(*self.connection.recoverable_connection_errors, OSError):
            self.reset()

    def _declare_exclusive(self, **kwargs):
        # For the exchange, which fanout_send declares in the same way.
        durable = self.rabbit_transient_quorum_queue
        self.declare_consumer(
            ExclusiveConsumer(durable=durable, exchange_auto_delete=True, queue_auto_delete=True, **kwargs)
        )


def of(listener):
    """Return the Connection of an RPC server's listener, None on another bus."""
    context = getattr(getattr(listener, "_poll_style_listener", None), "conn", None)
    connection = getattr(context, "connection", None)
    return connection if isinstance(connection, Connection) else None


def end_deliveries(listener):
    """Keep a listener that was stopped from taking messages which it would acknowledge and not answer.

    oslo.messaging leaves the queues bound to it while the calls that run are answered, and on closing takes all that
    came meanwhile.
    """
    if connection := of(listener):
        connection.end_deliveries()


def _give_back(message):
    message.requeue()


def _ignore(_message):
    """Nobody waits for an answer."""


class ExclusiveConsumer(impl_rabbit.Consumer):
    """Consumes from an exclusive queue, after each reconnection from another one.

    The broker may hold the old one locked until it notices that its connection is dead, and conductors that
    found it missing send nothing there for a minute.
    """

    queue_name: str
    _declared_on: object

    def declare(self, conn):
        """Declare the queue."""
        if self._declared_on is not None:
            self.queue_name = _unique(self.queue_name.rpartition("_")[0])
        self.queue = kombu.Queue(
            self.queue_name,
            channel=conn.channel,
            exchange=self.exchange,
            routing_key=self.routing_key,
            durable=False,
            exclusive=True,
            # Whatever is delivered is either handled by this process or lost with it.
            no_ack=True,
        )
        self.queue.declare()
        if self._declared_on is not None and self.type == "direct":
            conn.use_reply_queue(self.queue_name)
        self._declared_on = conn.channel


def _unique(name):
    return f"{name}_{uuid.uuid4().hex}"
