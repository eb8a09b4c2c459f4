# SPDX-License-Identifier: Apache-2.0
"""How conductors serve calls: those that run are answered before they stop, and only errors for clients leave them."""

import threading

import oslo_messaging
from oslo_log import log

from valence.common import errors
from valence.common import messaging
from valence.common import rabbit_connection

LOG = log.getLogger(__name__)

#: seconds that the start of a server waits for the broker before it goes on in the background
START_SECONDS = 5


class Server:
    """Serves endpoints on the topic of all conductors and on the name ``host``, those of ``bulk`` also for bulk calls.

    An endpoint has a ``namespace``, may have a ``version`` (1.0), and its methods marked by ``expose`` get a
    RequestContext and keywords. Answers are JSON values; errors travel as ValenceErrors.
    """

    def __init__(self, conf, transport, endpoints, host, bulk=()):
        self._drain_seconds = conf.conductor.drain_seconds
        for each in endpoints:
            each.target = oslo_messaging.Target(namespace=each.namespace, version=_version_of(each))
        self._servers = [_server(transport, messaging.TOPIC, endpoints, host)]
        if bulk:
            self._servers.append(_server(transport, messaging.BULK_TOPIC, bulk, host))
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
            for server in self._servers:
                server.start()
        except messaging.BUS_ERRORS as error:
            self._problem = messaging.bus_unavailable(error)
            LOG.error("calls cannot be served: %s", self._problem.detail)

    def _drain(self):
        for server in self._servers:
            server.stop()
            rabbit_connection.end_deliveries(server.listener)
        for server in self._servers:
            server.wait()


def _server(transport, topic, endpoints, host):
    server = oslo_messaging.get_rpc_server(
        transport,
        oslo_messaging.Target(topic=topic, server=host),
        endpoints,
        serializer=messaging.ContextSerializer(),
        access_policy=oslo_messaging.ExplicitRPCAccessPolicy,
    )
    server.dispatcher = Edge(server.dispatcher, host)
    return server


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
        asked = message.get("version", messaging.VERSION)
        if served is None or not _is_compatible(served, asked):
            reason = f"the conductor {self._host} is of another version and does not know {name} {asked}"
            raise errors.ConductorUnavailable(reason=reason)


def _version_of(endpoint):
    return getattr(endpoint, "version", messaging.VERSION)


def _is_compatible(served, asked):
    (served_major, served_minor), (major, minor) = (map(int, each.split(".")) for each in (served, asked))
    return served_major == major and served_minor >= minor


def _answer(error):
    """Return what makes oslo.messaging send an error without logging it and without any traceback."""
    error.__cause__ = error.__context__ = None
    answer = oslo_messaging.ExpectedException()
    answer.exc_info = type(error), error.with_traceback(None), None
    return answer
