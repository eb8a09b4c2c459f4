# SPDX-License-Identifier: Apache-2.0
"""What the broker looks like from this host: whether each of its hosts accepts us, and how full our queues are."""

import contextlib
import ssl
import typing

import amqp
import oslo_messaging
from oslo_config import cfg
from oslo_messaging._drivers import common
from oslo_messaging._drivers import impl_rabbit

from valence.bus import messaging

#: topics of calls, whose queues conductors read
CALLS = (messaging.TOPIC, messaging.BULK_TOPIC, *messaging.NEW_TOPICS)
PRIORITIES = ("info", "error")
PORT = 5672


class Queue(typing.NamedTuple):
    """A queue with the messages that wait in it."""

    name: str
    messages: int
    consumers: int
    is_of_calls: bool


class Failure(typing.NamedTuple):
    """Why a connection failed: ``kind`` is ``credentials``, ``vhost``, ``tls`` or ``unreachable``."""

    kind: str
    reason: str


class Host(typing.NamedTuple):
    """A host of the broker, and the failure to connect to it, if there was one."""

    name: str
    port: int
    user: str
    vhost: str
    is_tls: bool
    failure: Failure | None


class Broker(typing.NamedTuple):
    """The hosts of a transport, and the queues there; None without any connection."""

    hosts: list[Host]
    queues: list[Queue] | None


def inspect(conf: cfg.ConfigOpts) -> list[Broker]:
    """Return the brokers of calls and of notifications, one if they are the same; raise ConfigurationInvalid.

    Transports without a broker are left out.
    """
    notified = [f"{conf.notifications.topic}.{priority}" for priority in PRIORITIES]
    transports = [messaging.get_transport(conf)]
    if conf.notifications.enabled:
        transports.append(messaging.get_notification_transport(conf))
    names: dict[str, list[str]] = {}
    for transport, wanted in zip(transports, (CALLS, notified), strict=False):
        names.setdefault(str(transport._driver._url), []).extend(wanted)
    drivers = {str(each._driver._url): each._driver for each in transports}
    try:
        return [
            _inspect(conf, driver, names[url])
            for url, driver in drivers.items()
            if isinstance(driver, impl_rabbit.RabbitDriver)
        ]
    finally:
        for transport in transports:
            transport.cleanup()


def failure_of(error: BaseException) -> Failure:
    """Return why a connection failed."""
    causes = [error]
    while cause := causes[-1].__cause__ or causes[-1].__context__:
        causes.append(cause)
    kinds: tuple[tuple[str, type[BaseException]], ...] = (
        ("credentials", amqp.AccessRefused),
        ("vhost", amqp.NotAllowed),
        ("tls", ssl.SSLError),
    )
    reason = str(messaging.bus_unavailable(error).kwargs["reason"])
    for kind, wanted in kinds:
        if any(isinstance(each, wanted) for each in causes):
            return Failure(kind, reason)
    return Failure("unreachable", reason)


def _inspect(conf: cfg.ConfigOpts, driver: impl_rabbit.RabbitDriver, names: typing.Iterable[str]) -> Broker:
    url, hosts, queues = driver._url, [], None
    for one in url.hosts or [oslo_messaging.TransportHost("localhost", PORT, "guest", "guest")]:
        alone = oslo_messaging.TransportURL(conf, url.transport, url.virtual_host, [one], url.query)
        failure = None
        try:
            with contextlib.closing(_connect(conf, driver, alone)) as connection:
                # The host has accepted the connection: a queue that it refuses says nothing of that.
                queues = queues or _queues(connection, names)
        except messaging.BUS_ERRORS as error:
            failure = failure_of(error)
        is_tls = bool(conf.oslo_messaging_rabbit.ssl)
        vhost = url.virtual_host or "/"
        port = one.port or (PORT - 1 if is_tls else PORT)
        hosts.append(Host(one.hostname, port, one.username or "guest", vhost, is_tls, failure))
    return Broker(hosts, queues)


def _connect(conf: cfg.ConfigOpts, driver: impl_rabbit.RabbitDriver, url: typing.Any) -> messaging.Connection:
    # A listener has no thread that sends heartbeats, which would read the answers that are meant for this one.
    return messaging.Connection(driver, conf, url, common.PURPOSE_LISTEN, retry=0)


def _queues(connection: messaging.Connection, names: typing.Iterable[str]) -> list[Queue]:
    """Return those of the queues that exist, and that this user may read."""
    found = []
    for name in names:
        # The broker closes the channel, not the connection, if it refuses to declare a queue.
        with contextlib.suppress(amqp.ChannelError), connection.connection.channel() as channel:
            declared = channel.queue_declare(queue=name, passive=True)
            found.append(Queue(name, declared.message_count, declared.consumer_count, name in CALLS))
    return found
