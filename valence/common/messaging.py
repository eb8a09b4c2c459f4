# SPDX-License-Identifier: Apache-2.0
"""The bus: how clients call conductors, how conductors serve them, and how errors and contexts travel between.

Only this module, notifications.py and what connects them, local_driver.py and rabbit_connection.py, know
oslo.messaging. The transport URL chooses the way: ``rabbit://…``, or ``local://`` in one process.
"""

import functools
import logging
import os
import threading
import time

import oslo_messaging
from kombu import exceptions as kombu_exceptions
from oslo_config import cfg
from oslo_log import log
from oslo_messaging._drivers import amqp
from oslo_messaging._drivers import impl_rabbit

from valence.common import context
from valence.common import doorbell
from valence.common import errors
from valence.common import introspection_errors
from valence.common import liveness
from valence.common import rabbit_connection

LOG = log.getLogger(__name__)

EXCHANGE = "valence"
TOPIC = "valence.conductor"
VERSION = "1.0"
#: modules whose errors arrive as themselves
ERROR_MODULES = (errors.__name__, introspection_errors.__name__)

#: Defaults of [oslo_messaging_rabbit] that differ from the library's.
RABBIT = {
    # Requests and notifications wait in durable classic queues: these come back with a broker that was killed.
    # Quorum queues, one option away, are for clusters: on a broker alone they may stay without a leader.
    "amqp_durable_queues": True,
    # A host that lost its power is noticed after 20 s instead of 2 minutes. It also limits how long a publisher
    # waits for a broker that hangs.
    "heartbeat_timeout_threshold": 10,
    # Reconnect every second or two: the first call succeeds about 2 s after the broker is back.
    "rabbit_retry_backoff": 1,
    "rabbit_interval_max": 2,
    "kombu_reconnect_delay": 0.5,
    # One connection for each thread that sends: RPC workers of a conductor, request threads of an API.
    "rpc_conn_pool_size": 64,
}

#: Errors of a broker that is away or refuses us. kombu's show up raw where a connection is first made.
BUS_ERRORS = (
    oslo_messaging.MessageDeliveryFailure,
    kombu_exceptions.KombuError,
    kombu_exceptions.ConnectionError,
    kombu_exceptions.ChannelError,
    OSError,
)

#: seconds above which a call is monitored: a conductor that works on it says so every second
MONITORED_ABOVE = 5
#: seconds without such a sign of life after which a long call fails; its whole part, halved, is the interval
MONITOR_TIMEOUT = 2.8
#: seconds that the start of a server waits for the broker before it goes on in the background
START_SECONDS = 5

expose = oslo_messaging.expose


def set_defaults():
    """Give oslo.messaging's options Valence's defaults, in this process and in the sample configuration."""
    oslo_messaging.set_transport_defaults(EXCHANGE)
    cfg.set_defaults([*impl_rabbit.rabbit_opts, *amqp.amqp_opts], **RABBIT)


def set_local(conf):
    """Make the bus inside the process the default; events then stay in the store, nobody else could hear them."""
    set_defaults()
    oslo_messaging.TransportURL.parse(conf)  # registers transport_url
    conf.set_default("transport_url", "local://")
    if conf.transport_url.startswith("local:"):
        conf.set_default("enabled", False, group="notifications")


def get_transport(conf, url=None):
    """Return the transport for RPC that ``url``, or else [DEFAULT] transport_url, names; it connects later."""
    set_defaults()
    transport = oslo_messaging.get_rpc_transport(conf, url=url, allowed_remote_exmods=list(ERROR_MODULES))
    rabbit_connection.use(transport)
    return transport


def get_notification_transport(conf):
    """Return the transport of [oslo_messaging_notifications] transport_url, or of [DEFAULT] without one."""
    set_defaults()
    return oslo_messaging.get_notification_transport(conf)


def bus_unavailable(error):
    """Return the BusUnavailable that says what one of BUS_ERRORS was at bottom."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return errors.BusUnavailable(reason=reason or type(error).__name__)


class ContextSerializer(oslo_messaging.NoOpSerializer):
    """Carries of a request's context who asks and under which request id; never a token."""

    def serialize_context(self, ctxt):
        """Return the context as a dict."""
        return {
            "request_id": ctxt.request_id,
            "global_request_id": ctxt.global_request_id,
            "user_id": ctxt.user_id,
            "project_id": ctxt.project_id,
            "roles": ctxt.roles,
        }

    def deserialize_context(self, ctxt):
        """Return the RequestContext that a dict describes; what a newer peer adds is ignored."""
        return context.RequestContext(
            request_id=ctxt.get("request_id"),
            global_request_id=ctxt.get("global_request_id"),
            user_id=ctxt.get("user_id"),
            project_id=ctxt.get("project_id"),
            roles=ctxt.get("roles"),
            overwrite=False,
        )


class Server:
    """Serves endpoints on the topic of all conductors and on the name ``host``.

    An endpoint has a ``namespace``, may have a ``version`` (1.0), and its methods marked by ``expose`` get a
    RequestContext and keywords. Answers are JSON values; errors travel as ValenceErrors.
    """

    def __init__(self, conf, transport, endpoints, host):
        self._drain_seconds = conf.conductor.drain_seconds
        for each in endpoints:
            each.target = oslo_messaging.Target(namespace=each.namespace, version=_version_of(each))
        self._server = oslo_messaging.get_rpc_server(
            transport,
            oslo_messaging.Target(topic=TOPIC, server=host),
            endpoints,
            serializer=ContextSerializer(),
            access_policy=oslo_messaging.ExplicitRPCAccessPolicy,
        )
        self._server.dispatcher = Edge(self._server.dispatcher, host)
        self._starter = threading.Thread(target=self._start, name="rpc-start", daemon=True)
        self._problem = None

    def start(self):
        """Begin to serve, or, while the broker is away, return soon and begin when it is back.

        Raises BusUnavailable when the broker refuses: bad credentials, a queue of another type.
        """
        self._starter.start()
        self._starter.join(START_SECONDS)
        if self._problem:
            raise self._problem
        if self._starter.is_alive():
            LOG.warning("the message bus is away; calls are served as soon as it is back")

    def stop(self):
        """Take no more calls and let those that run answer, for [conductor] drain_seconds; return if all did."""
        if self._starter.is_alive():
            return False
        drain = threading.Thread(target=self._drain, name="rpc-drain", daemon=True)
        drain.start()
        drain.join(self._drain_seconds)
        if drain.is_alive():
            LOG.warning(
                "calls still run, or cannot be answered, after %s s: left behind", self._drain_seconds
            )
        return not drain.is_alive()

    def _start(self):
        try:
            self._server.start()
        except BUS_ERRORS as error:
            self._problem = bus_unavailable(error)
            LOG.error("calls cannot be served: %s", self._problem.detail)

    def _drain(self):
        self._server.stop()
        rabbit_connection.end_deliveries(self._server.listener)
        self._server.wait()


class Edge:
    """Where a call enters a conductor: it dispatches, and lets only errors out that may cross the bus."""

    def __init__(self, dispatcher, host):
        self._dispatcher, self._host = dispatcher, host
        self._versions = {
            (each.namespace, name): _version_of(each)
            for each in dispatcher.endpoints
            for name in dir(type(each))
            if hasattr(getattr(each, name), "exposed")
        }

    def dispatch(self, incoming):
        """Run a call; raise what the server sends back without a traceback."""
        message = incoming.message
        name = f"{message.get('namespace')}.{message.get('method')}"
        try:
            self._require_known(message, name)
            return self._dispatcher.dispatch(incoming)
        except errors.ValenceError as error:
            LOG.debug("%s: %s", name, error.detail)
            raise _answer(error) from None
        except Exception:
            LOG.exception("%s failed", name)
            raise _answer(errors.Internal(host=self._host)) from None

    def _require_known(self, message, name):
        # Before dispatching, because there a monitored call to an unknown method leaves a thread behind.
        served = self._versions.get((message.get("namespace"), message.get("method")))
        asked = message.get("version", VERSION)
        if served is None or not _is_compatible(served, asked):
            reason = f"the conductor {self._host} is of another version and does not know {name} {asked}"
            raise errors.ConductorUnavailable(reason=reason)


def _version_of(endpoint):
    return getattr(endpoint, "version", VERSION)


def _is_compatible(served, asked):
    (served_major, served_minor), (major, minor) = (map(int, each.split(".")) for each in (served, asked))
    return served_major == major and served_minor >= minor


def _answer(error):
    """Return what makes oslo.messaging send an error without logging it and without any traceback."""
    error.__cause__ = error.__context__ = None
    answer = oslo_messaging.ExpectedException()
    answer.exc_info = type(error), error.with_traceback(None), None
    return answer


class Caller:
    """Calls conductors; every failure is a ValenceError.

    ``liveness`` tells whether conductors answer. While they do not, calls are refused at once. A caller that
    was not started refuses all of them. ``known`` takes the place of ``liveness`` where that is known otherwise.
    """

    def __init__(self, conf, transport, known=None):
        self._host = conf.host
        # retry=0: whoever asked gets an error within seconds and may ask again; the default retries for ever.
        self._client = oslo_messaging.get_rpc_client(
            transport,
            oslo_messaging.Target(topic=TOPIC, version=VERSION),
            serializer=ContextSerializer(),
            retry=0,
        )
        self._prepared = {}
        self._doorbell = doorbell.Doorbell()
        self.liveness = known or liveness.Liveness(self._ping)

    def start(self):
        """Begin to look for conductors, in the background."""
        self.liveness.start()
        self._doorbell.start()

    def stop(self):
        """Call nobody any more."""
        self.liveness.stop()
        self._doorbell.stop()

    def call(self, ctxt, namespace, method, timeout, *, server=None, **kwargs):
        """Return the answer of a conductor, or of the one named ``server``, to ``namespace.method(**kwargs)``.

        Raises what the method raised, ConductorUnavailable without an answer in ``timeout`` seconds,
        BusUnavailable without a broker, Internal for what nobody expected.
        """
        self.liveness.require()
        return self._call(ctxt, namespace, method, kwargs, timeout=timeout, server=server)

    def cast(self, ctxt, namespace, method, *, server=None, fanout=False, **kwargs):
        """Ring a doorbell and return at once. It may get lost: whoever it is for also looks from time to time."""
        target = self._client.prepare(namespace=namespace, server=server, fanout=fanout)
        self._doorbell.ring(f"{namespace}.{method}", functools.partial(_cast, target, ctxt, method, kwargs))

    def _ping(self, timeout):
        return self._call(context.service_context(), "conductor", "ping", {}, timeout=timeout)

    def _call(self, ctxt, namespace, method, kwargs, *, timeout, server=None):
        started = time.monotonic()
        try:
            answer = self._prepare(namespace, timeout, server).call(ctxt, method, **kwargs)
        except errors.ValenceError as error:
            self.liveness.hear()
            raise _as_raised(error) from None
        except oslo_messaging.MessagingTimeout:
            waited = f"{time.monotonic() - started:.1f} s"
            raise errors.ConductorUnavailable(
                reason=f"{namespace}.{method} got no answer in {waited}"
            ) from None
        except BUS_ERRORS as error:
            raise bus_unavailable(error) from None
        except Exception:
            LOG.exception("the call of %s.%s failed", namespace, method)
            raise errors.Internal(host=self._host) from None
        self.liveness.hear()
        return answer

    def _prepare(self, namespace, timeout, server):
        key = namespace, timeout, server
        if key not in self._prepared:
            monitor = MONITOR_TIMEOUT if timeout > MONITORED_ABOVE else None
            self._prepared[key] = self._client.prepare(
                namespace=namespace, timeout=timeout, server=server, call_monitor_timeout=monitor
            )
        return self._prepared[key]


def _cast(target, ctxt, method, kwargs):
    try:
        target.cast(ctxt, method, **kwargs)
    except BUS_ERRORS as error:
        raise bus_unavailable(error) from None


def _as_raised(error):
    """Return a rebuilt remote error as what it was; oslo.messaging makes it of a class of its own."""
    if type(error).__module__ in ERROR_MODULES:
        return error
    return type(error).__bases__[0](**error.kwargs)


def _is_no_false_alarm(record):
    return not str(record.msg).startswith("Number of call queues is")


# It suspects a leak in the eleventh call that waits at the same time.
logging.getLogger("oslo_messaging._drivers.amqpdriver").addFilter(_is_no_false_alarm)
