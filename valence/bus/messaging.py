# SPDX-License-Identifier: Apache-2.0
"""What both ends of the bus share: topics, transports, the context of a call, and the gate of a site.

The transport URL chooses the driver: ``rabbit://…``, or ``local://`` within one process. Only this package knows
oslo.messaging.

RPC has its own connections to RabbitMQ; notifications use those of oslo.messaging. Reply and fanout queues are
exclusive: they belong to one connection and end with it, because they are useless without the process that reads them.
oslo.messaging offers two other kinds: queues neither durable nor exclusive, which RabbitMQ 4.3 refuses, and quorum
queues, which cost up to 1 ms of the broker's CPU a call and may stay without a leader for ever once a single broker was
killed while messages came in (seen with RabbitMQ 3.10, rabbitmq-server issue 10070).

Requests and replies are sent without waiting for the broker's confirmation: the reply confirms a request, and the
caller has a time-out anyway. That saves a quarter of a call's CPU time, and a round trip each way.
"""

import contextlib
import functools
import logging
import os
import typing
import uuid

import oslo_messaging
from amqp import exceptions as amqp_exceptions
from kombu import entity
from kombu import exceptions as kombu_exceptions
from oslo_config import cfg
from oslo_log import log
from oslo_messaging import server
from oslo_messaging._drivers import amqp
from oslo_messaging._drivers import common
from oslo_messaging._drivers import impl_rabbit

from valence.bus import transport_url
from valence.bus import wire
from valence.common import bus_errors
from valence.common import context
from valence.common import errors

EXCHANGE = "valence"
TOPIC = "valence.conductor"
#: topics of calls that may take long: each has a queue, a connection and threads of its own
BULK_TOPIC = "valence.bulk"
DETAILS_TOPIC = "valence.details"
DELETION_TOPIC = "valence.deletion"
SESSION_TOPIC = "valence.session"
#: the topics that conductors of the first version do not serve
NEW_TOPICS = (DETAILS_TOPIC, DELETION_TOPIC, SESSION_TOPIC)
VERSION = "1.0"
#: Defaults of [oslo_messaging_rabbit] that differ from the library's.
RABBIT = {
    # Requests and notifications wait in durable classic queues, which survive a broker that is killed. Quorum queues,
    # one option away, are for clusters: on a single broker they may stay without a leader.
    "amqp_durable_queues": True,
    # A host that lost its power is noticed after 20 s instead of 2 minutes. The heartbeat also limits how long a
    # publisher waits for a broker that does not respond.
    "heartbeat_timeout_threshold": 10,
    # Reconnect every second or two: the first call succeeds about 2 s after the broker is back.
    "rabbit_retry_backoff": 1,
    "rabbit_interval_max": 2,
    "kombu_reconnect_delay": 0.5,
    # One connection for each sending thread: RPC workers of a conductor, request threads of an API.
    "rpc_conn_pool_size": 64,
}
#: Threads in which a conductor serves calls. Each costs 64 KB; most calls end within milliseconds.
THREADS = 32
#: Errors of a broker that cannot be reached or refuses the connection. kombu's errors come through while connecting.
BUS_ERRORS = (
    oslo_messaging.MessageDeliveryFailure,
    kombu_exceptions.KombuError,
    kombu_exceptions.ConnectionError,
    kombu_exceptions.ChannelError,
    OSError,
)
#: beginnings of the library's warnings that concurrent calls cause
FALSE_ALARMS = ("Number of call queues is", "Connection pool limit exceeded")
LOG = log.getLogger(__name__)
#: seconds for which another site that was heard is thought to be there
FRESH_SECONDS = 60
#: seconds between two answers to announcements, and between two errors in the log
ANSWER_SECONDS, LOG_SECONDS = 1.0, 60

#: Serves a method of an endpoint. It gets a RequestContext and JSON values as keywords, and returns a JSON value or
#: raises ValenceErrors, which the client receives as they are.
expose = oslo_messaging.expose


def set_defaults() -> None:
    """Set Valence's defaults of oslo.messaging's options, in this process and in the sample configuration."""
    oslo_messaging.set_transport_defaults(EXCHANGE)
    cfg.set_defaults([*impl_rabbit.rabbit_opts, *amqp.amqp_opts], **RABBIT)
    cfg.set_defaults(server._pool_opts, executor_thread_pool_size=THREADS)


def set_local(conf: cfg.ConfigOpts) -> None:
    """Make ``local://`` the default transport; publish no notifications on it, for nobody could receive them."""
    set_defaults()
    oslo_messaging.TransportURL.parse(conf)  # registers transport_url
    conf.set_default("transport_url", "local://")
    if conf.transport_url.startswith("local:"):
        conf.set_default("enabled", False, group="notifications")


def get_transport(conf: cfg.ConfigOpts, url: str | None = None) -> oslo_messaging.Transport:
    """Return the RPC transport of ``url``, by default [DEFAULT] transport_url; it connects when it is first used.

    Raises ConfigurationInvalid for a URL that cannot be used.
    """
    set_defaults()
    option = "[DEFAULT] transport_url"
    with transport_url.explained(option):
        transport = oslo_messaging.get_rpc_transport(
            conf, url=url, allowed_remote_exmods=list(wire.ERROR_MODULES)
        )
    transport_url.require_ports(transport, option)
    use(transport)
    return transport


def get_notification_transport(conf: cfg.ConfigOpts) -> oslo_messaging.Transport:
    """Return the transport of [oslo_messaging_notifications] transport_url, or of [DEFAULT] without one.

    Raises ConfigurationInvalid for a URL that cannot be used.
    """
    set_defaults()
    option = "[oslo_messaging_notifications] transport_url, or that of [DEFAULT],"
    with transport_url.explained(option):
        transport = oslo_messaging.get_notification_transport(conf)
    transport_url.require_ports(transport, option)
    return transport


def bus_unavailable(error: BaseException) -> errors.BusUnavailable:
    """Return a BusUnavailable with the root cause of one of BUS_ERRORS."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return errors.BusUnavailable(reason=reason or type(error).__name__)


class Gate:
    """Decides which calls a conductor accepts, by the site of the caller; ``clock`` is the clock of its database.

    Two sites that hear of each other refuse callers that name no site: such a caller may just have started, and would
    take the site of the conductor that answers first. ``announce()`` sends this site to all conductors on the bus.
    """

    def __init__(self, announce: typing.Callable[[], None] = lambda: None) -> None:
        self.announce, self.clock = announce, context.Clock()
        #: None while it is unknown: then every call is accepted
        self.site: str | None = None
        self._other: str | None = None
        self._heard_at = self._answered_at = self._logged_at = float("-inf")

    @property
    def other(self) -> str | None:
        """Another site on the message bus, None if none was heard in the last FRESH_SECONDS."""
        return self._other if context.boottime() - self._heard_at < FRESH_SECONDS else None

    def require_site(self, site: str | None) -> None:
        """Raise SiteMismatch for a caller of another site, and for one that names none while there is another."""
        if self.site is None:
            return
        if site not in (None, self.site):
            self._note(site)
            raise bus_errors.SiteMismatch(mine=site, other=self.site)
        if site is None and (other := self.other):
            raise bus_errors.SiteMismatch(mine="that it does not know", other=f"{self.site} and {other}")

    def _note(self, site: str | None) -> None:
        now = context.boottime()
        self._other, self._heard_at = site, now
        if now - self._answered_at > ANSWER_SECONDS:
            self._answered_at = now
            self.announce()
        if now - self._logged_at > LOG_SECONDS:
            self._logged_at = now
            error = bus_errors.SiteMismatch(mine=self.site, other=site)
            LOG.error("%s %s", error.detail, error.problems[0]["hint"])


class Envelope(typing.NamedTuple):
    """A request's context, the deadline of the call and the caller's site.

    ``deadline`` is ``{"sent", "timeout", "silence"}``, see ``valence.common.context``.
    """

    context: context.RequestContext
    deadline: dict[str, float | None] | None = None
    site: str | None = None


class ContextSerializer(oslo_messaging.NoOpSerializer):
    """Carries the user and the request id of a request's context; never a token."""

    def serialize_context(self, ctxt: Envelope | context.RequestContext) -> dict[str, typing.Any]:
        """Return an Envelope, or a context alone, as a dict."""
        ctxt, end, site = ctxt if isinstance(ctxt, Envelope) else Envelope(ctxt)
        return {
            "deadline": end,
            "site": site,
            "request_id": ctxt.request_id,
            "global_request_id": ctxt.global_request_id,
            "user_id": ctxt.user_id,
            "user_name": ctxt.user_name,
            "project_id": ctxt.project_id,
            "roles": ctxt.roles,
        }

    def deserialize_context(self, ctxt: dict[str, typing.Any]) -> context.RequestContext:
        """Return the RequestContext that a dict describes, which log lines of this thread then tell.

        What a newer peer adds is ignored.
        """
        return context.RequestContext(
            request_id=ctxt.get("request_id"),
            global_request_id=ctxt.get("global_request_id"),
            user_id=ctxt.get("user_id"),
            user_name=ctxt.get("user_name"),
            project_id=ctxt.get("project_id"),
            roles=ctxt.get("roles"),
        )


def _is_no_false_alarm(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(FALSE_ALARMS)


# oslo.messaging suspects a leak when eleven calls wait at the same time, or 65 connections send.
for _module in ("amqpdriver", "pool"):
    logging.getLogger(f"oslo_messaging._drivers.{_module}").addFilter(_is_no_false_alarm)


#: Messages of a queue that a conductor gets before it has acknowledged others. Without a limit the broker also delivers
#: to conductors that are paused or busy; with this one it keeps the messages for other conductors.
PREFETCH = 1
#: Shortest wait for a message. oslo.messaging waits 1 ms after each message, then 2, 4, 8 ... for acknowledgements that
#: other threads leave to the one that reads. Messages of RPC have none: they are acknowledged as they arrive.
POLL_SECONDS = 0.1
#: times that a consumer is declared before a missing exchange is an error
DECLARATIONS = 5


def use(transport: oslo_messaging.Transport) -> None:
    """Make an RPC transport to RabbitMQ use this module's Connection; leave other transports as they are."""
    driver = transport._driver
    if isinstance(driver, impl_rabbit.RabbitDriver):
        driver._connection_pool.connection_cls = functools.partial(Connection, driver)


class Connection(impl_rabbit.Connection):
    """A connection with exclusive queues and without confirmations."""

    def __init__(
        self,
        driver: impl_rabbit.RabbitDriver,
        conf: cfg.ConfigOpts,
        url: str,
        purpose: str,
        retry: int | None = None,
    ) -> None:
        self._driver = driver
        # A sender must not wait for a broker that is away, not even in the heartbeat's thread, which holds the
        # connection meanwhile. A listener may wait.
        super().__init__(conf, url, purpose, retry=0 if purpose == common.PURPOSE_SEND else retry)

    def _set_qos(self, channel: typing.Any) -> None:
        # Not by the option's default, which notification listeners share: oslo.messaging never acknowledges a message
        # that they get twice, so with a limit they would get nothing more.
        channel.basic_qos(0, self.rabbit_qos_prefetch_count or PREFETCH, False)

    def consume(self, timeout: float | None = None) -> None:
        """Wait for messages until the timeout, or for POLL_SECONDS if that is longer; raise the library's Timeout."""
        super().consume(timeout if timeout is None else max(timeout, POLL_SECONDS))

    def ensure_connection(self) -> None:
        """Connect, also when the heartbeat has failed."""
        self.connection.transport_options["confirm_publish"] = False
        super().ensure_connection()

    def _publish(
        self,
        exchange: entity.Exchange,
        msg: dict[str, typing.Any],
        *arguments: typing.Any,
        **options: typing.Any,
    ) -> None:
        # No call survives its broker, because the reply queue does not. Writing large messages to a disk would be
        # useless, and block the broker meanwhile.
        exchange.delivery_mode = entity.Exchange.TRANSIENT_DELIVERY_MODE  # type: ignore[assignment]
        super()._publish(exchange, msg, *arguments, **options)

    def direct_send(self, msg_id: str, msg: dict[str, typing.Any]) -> None:
        """Send a reply; try once more, over a new connection, if this one has failed.

        Not mandatory: without confirmations, a returned message would be reported to the next sender.
        """
        exchange = entity.Exchange(name="", type="direct", passive=True)
        self._ensure_publishing(self._publish, exchange, msg, routing_key=msg_id, retry=1)

    def declare_direct_consumer(self, topic: str, callback: typing.Callable[[typing.Any], None]) -> None:
        """Declare the reply queue, named like the topic."""
        self._declare_exclusive(
            exchange_name="", queue_name=topic, routing_key="", type="direct", callback=callback
        )

    def declare_fanout_consumer(self, topic: str, callback: typing.Callable[[typing.Any], None]) -> None:
        """Declare a queue for the messages that go to all servers of a topic."""
        exchange, name = f"{topic}_fanout", _unique(f"{topic}_fanout")
        self._declare_exclusive(
            exchange_name=exchange, queue_name=name, routing_key=topic, type="fanout", callback=callback
        )

    def use_reply_queue(self, name: str) -> None:
        """Receive the replies to all later calls in the queue of that name."""
        self._driver._reply_q = name

    def restore_channel(self) -> None:
        """Restore what the broker forgot when it closed the channel, which the library has opened again."""
        self._set_qos(self.channel)
        self._new_tags = set(self._consumers.values())

    def beat(self) -> None:
        """Send a heartbeat while the connection's thread waits for something else than messages."""
        errors = (*self.connection.recoverable_connection_errors, OSError)
        with contextlib.suppress(*errors):  # the next attempt to consume connects again
            if self._heartbeat_supported_and_enabled():
                self._heartbeat_check()

    def end_deliveries(self) -> None:
        """Stop consuming, and give calls that still arrive back to the broker, for other servers."""
        for consumer in self._consumers:
            # Fanout messages are not acknowledged: they cannot be given back, and the other servers have them too.
            consumer.callback = _ignore if consumer.type == "fanout" else _give_back
        with contextlib.suppress(*self.connection.recoverable_connection_errors, OSError):
            self.reset()

    def _declare_exclusive(self, **kwargs: typing.Any) -> None:
        # For the exchange, which fanout_send declares in the same way.
        durable = self.rabbit_transient_quorum_queue
        self.declare_consumer(
            ExclusiveConsumer(durable=durable, exchange_auto_delete=True, queue_auto_delete=True, **kwargs)
        )


def connection_of(listener: typing.Any) -> Connection | None:
    """Return the Connection of an RPC server's listener, None on another bus."""
    context = getattr(getattr(listener, "_poll_style_listener", None), "conn", None)
    connection = getattr(context, "connection", None)
    return connection if isinstance(connection, Connection) else None


def end_deliveries(listener: typing.Any) -> None:
    """Keep a stopped listener from taking messages that it would acknowledge and not answer.

    oslo.messaging goes on consuming while running calls are answered, and takes what has arrived when it closes.
    """
    if connection := connection_of(listener):
        connection.end_deliveries()


def _give_back(message: typing.Any) -> None:
    message.requeue()


def _ignore(_message: typing.Any) -> None:
    """Drop a message that needs no reply."""


class ExclusiveConsumer(impl_rabbit.Consumer):
    """Consumes from an exclusive queue, and from a new one after each reconnection.

    The broker may keep the old queue locked until it notices that its connection has failed, and conductors that found
    the queue missing send nothing there for a minute.
    """

    queue_name: str
    _declared_on: object | None

    def declare(self, conn: Connection) -> None:
        """Declare the queue."""
        if self._declared_on is not None:
            self.queue_name = _unique(self.queue_name.rpartition("_")[0])
        self.queue = entity.Queue(
            self.queue_name,
            channel=conn.channel,
            exchange=self.exchange,
            routing_key=self.routing_key,
            durable=False,
            exclusive=True,
            # A delivered message is either handled by this process or lost with it.
            no_ack=True,
        )
        self._declare_bound(conn)
        if self._declared_on is not None and self.type == "direct":
            conn.use_reply_queue(self.queue_name)
        self._declared_on = conn.channel

    def _declare_bound(self, conn: Connection) -> None:
        """Declare exchange and queue, and bind the queue to the exchange; raise NotFound.

        The broker deletes a fanout exchange with the last queue that is bound to it: when another conductor dies
        between the declaration of the exchange and the binding, the exchange is missing and has to be declared again.
        """
        for attempts_left in reversed(range(DECLARATIONS)):
            try:
                self.queue.declare()
                return
            except amqp_exceptions.NotFound:
                if not attempts_left:
                    raise
                conn.restore_channel()


def _unique(name: str) -> str:
    return f"{name}_{uuid.uuid4().hex}"
