# SPDX-License-Identifier: Apache-2.0
"""The server side of RPC: a server answers running calls before it stops, and only errors for clients leave it."""

import threading
import typing

import oslo_messaging
import prometheus_client
from oslo_config import cfg
from oslo_log import log
from oslo_messaging._drivers import base as oslo_base
from oslo_messaging.rpc import server as oslo_server

from valence.bus import messaging
from valence.bus import wire
from valence.common import context
from valence.common import errors
from valence.common.web import metrics

LOG = log.getLogger(__name__)

#: seconds that the start of a server waits for the broker before it goes on in the background
START_SECONDS = 5
#: seconds between two heartbeats to the broker while all threads are busy
BEAT_SECONDS = 1
#: the call by which callers learn the site, so they may make it without knowing the site
PING = "conductor.ping"
#: the keys of a deadline on the bus; what newer callers add is ignored
DEADLINE = ("sent", "timeout", "silence")

SECONDS = prometheus_client.Histogram(
    "valence_conductor_rpc_seconds",
    "Duration of calls.",
    ["method"],
    buckets=metrics.CALL_BUCKETS,
    registry=metrics.PROCESS,
)
FAILURES = prometheus_client.Counter(
    "valence_conductor_rpc_failures", "Calls that failed.", ["method", "code"], registry=metrics.PROCESS
)


class Long(typing.NamedTuple):
    """Calls that may take long, in threads of their own so that they do not delay others.

    0 threads means oslo.messaging's executor_thread_pool_size.
    """

    topic: str
    endpoints: list[typing.Any]
    threads: int


class Server:
    """Serves ``endpoints`` on the main topic, and the endpoints of each Long on a topic of its own.

    On each topic the server can also be called by the name ``host``. An endpoint has a ``namespace`` and may have a
    ``version`` (1.0). Its methods marked with ``expose`` get a RequestContext and keywords and return JSON values.
    Errors travel as ValenceErrors.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        transport: oslo_messaging.Transport,
        endpoints: list[typing.Any],
        host: str,
        *,
        long: typing.Sequence[Long] = (),
        gate: messaging.Gate | None = None,
    ) -> None:
        self._drain_seconds = conf.conductor.drain_seconds
        gate = gate or messaging.Gate()
        for each in (*endpoints, *(each for one in long for each in one.endpoints)):
            each.target = oslo_messaging.Target(namespace=each.namespace, version=_version_of(each))
        main = Long(messaging.TOPIC, endpoints, 0)
        self._servers = [_server(transport, each, host, gate) for each in (main, *long)]
        self._starter = threading.Thread(target=self._start, name="rpc-start", daemon=True)
        self._problem: errors.BusUnavailable | None = None

    def start(self) -> None:
        """Begin to serve; while the broker is away, return after START_SECONDS and begin when it is back.

        Raises BusUnavailable when the broker refuses the credentials, or has a queue of another type.
        """
        self._starter.start()
        self._starter.join(START_SECONDS)
        if self._problem:
            raise self._problem
        if self._starter.is_alive():
            LOG.warning("the message bus is away; calls are served as soon as it is back")

    def stop(self) -> bool:
        """Accept no more calls and wait [conductor] drain_seconds for running ones; return whether all ended."""
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

    def _start(self) -> None:
        try:
            for server, threads in self._servers:
                server.begin(threads)
        except messaging.BUS_ERRORS as error:
            self._problem = messaging.bus_unavailable(error)
            LOG.error("calls cannot be served: %s", self._problem.detail)

    def _drain(self) -> None:
        for server, _ in self._servers:
            server.end()
            messaging.end_deliveries(server.listener)
        for server, _ in self._servers:
            server.wait()


def _server(
    transport: oslo_messaging.Transport, served: Long, host: str, gate: messaging.Gate
) -> tuple["PatientServer", int]:
    server = oslo_messaging.get_rpc_server(
        transport,
        oslo_messaging.Target(topic=served.topic, server=host),
        served.endpoints,
        serializer=messaging.ContextSerializer(),
        access_policy=oslo_messaging.ExplicitRPCAccessPolicy,
        server_cls=PatientServer,
    )
    server.dispatcher = Edge(server.dispatcher, host, gate)
    return server, served.threads or transport.conf.executor_thread_pool_size


class PatientServer(oslo_server.RPCServer):
    """A server that takes a call from the broker only when a thread is free, so that other conductors may take it."""

    # ``start`` and ``stop`` cannot be overridden: oslo.messaging orders the calls of both by their names.

    def begin(self, threads: int) -> None:
        """Begin to serve in ``threads`` threads."""
        self._free, self._ending = threading.Semaphore(threads), threading.Event()
        self.start(override_pool_size=threads)

    def end(self) -> None:
        """Accept no more calls."""
        self._ending.set()
        self.stop()

    def _on_incoming(self, incoming: oslo_base.RpcIncomingMessage) -> None:
        self._work_executor.submit(self._serve, incoming, self._takes_thread())

    def _takes_thread(self) -> bool:
        """Wait for a free thread; return False where no broker could keep messages meanwhile."""
        connection = messaging.connection_of(self.listener)
        while connection and not self._ending.is_set():
            if self._free.acquire(timeout=BEAT_SECONDS):
                return True
            connection.beat()
        return False

    def _serve(self, incoming: oslo_base.RpcIncomingMessage, has_thread: bool) -> None:
        try:
            self._process_incoming(incoming)
        finally:
            if has_thread:
                self._free.release()


class Edge:
    """Dispatches the calls of a conductor, and lets only errors out that may cross the bus."""

    def __init__(self, dispatcher: oslo_messaging.RPCDispatcher, host: str, gate: messaging.Gate) -> None:
        self._dispatcher, self._host, self._gate = dispatcher, host, gate
        self._versions: dict[tuple[typing.Any, typing.Any], str] = {
            (each.namespace, name): _version_of(each)
            for each in dispatcher.endpoints
            for name in dir(type(each))
            if hasattr(getattr(each, name), "exposed")
        }

    def dispatch(self, incoming: oslo_base.RpcIncomingMessage) -> typing.Any:
        """Run a call and return its answer; raise the error to send back, without a traceback."""
        message = incoming.message
        name = f"{message.get('namespace')}.{message.get('method')}"
        try:
            if name != PING:
                self._gate.require_site(incoming.ctxt.get("site"))
            self._require_known(message, name)
            with context.hold_deadline(self._deadline(incoming)), SECONDS.labels(name).time():
                return self._measured(incoming, name)
        except errors.ValenceError as error:
            LOG.debug("%s: %s", name, error.detail)
            raise _answer(error, incoming.ctxt) from None
        except Exception:  # the edge of a call: nothing internal may reach the caller
            LOG.exception("%s failed", name)
            raise _answer(errors.Internal(host=self._host), incoming.ctxt) from None

    def _measured(self, incoming: oslo_base.RpcIncomingMessage, name: str) -> typing.Any:
        """Run a call and return its answer; count its failure by the code of the error."""
        try:
            return self._dispatcher.dispatch(incoming)
        except Exception as error:  # it is raised again: every failure counts
            FAILURES.labels(name, getattr(error, "code", errors.Internal.code)).inc()
            raise

    def _deadline(self, incoming: oslo_base.RpcIncomingMessage) -> context.Deadline | None:
        """Return the Deadline of a call, None if the caller sent none; raise TooLate."""
        said = incoming.ctxt.get("deadline")
        if not said:
            return None
        known = {name: said.get(name) for name in DEADLINE}
        if incoming.client_timeout is None:
            known["silence"] = None  # a transport without heartbeats: the caller waits for the answer alone
        mine = context.Deadline(self._gate.clock, **known)
        mine.require()
        incoming.heartbeat = mine.noted(incoming.heartbeat)
        return mine

    def _require_known(self, message: dict[str, typing.Any], name: str) -> None:
        # Before dispatching, because there a monitored call to an unknown method leaves a thread behind.
        served = self._versions.get((message.get("namespace"), message.get("method")))
        asked = message.get("version", messaging.VERSION)
        if served is None or not _is_compatible(served, asked):
            reason = f"the conductor {self._host} is of another version and does not know {name} {asked}"
            raise errors.ConductorUnavailable(reason=reason)


def _version_of(endpoint: typing.Any) -> str:
    return getattr(endpoint, "version", messaging.VERSION)


def _is_compatible(served: str, asked: str) -> bool:
    (served_major, served_minor), (major, minor) = (map(int, each.split(".")) for each in (served, asked))
    return served_major == major and served_minor >= minor


def _answer(error: errors.ValenceError, context: dict[str, typing.Any]) -> oslo_messaging.ExpectedException:
    """Return an exception that makes oslo.messaging send ``error`` without logging it and without a traceback."""
    # Contexts of later versions have a deadline, if only None.
    error = wire.sent(error, to_first_version="deadline" not in context)
    answer = oslo_messaging.ExpectedException()
    answer.exc_info = type(error), error, None
    return answer
