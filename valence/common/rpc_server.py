# SPDX-License-Identifier: Apache-2.0
"""How conductors serve calls: those that run are answered before they stop, and only errors for clients leave them."""

import threading
import typing

import oslo_messaging
from oslo_log import log
from oslo_messaging.rpc import server as oslo_server

from valence.common import deadline
from valence.common import errors
from valence.common import messaging
from valence.common import rabbit_connection

LOG = log.getLogger(__name__)

#: seconds that the start of a server waits for the broker before it goes on in the background
START_SECONDS = 5
#: seconds between two signs of life to the broker while all threads are busy
BEAT_SECONDS = 1
#: tells callers which site this is, so that they need not know
PING = "conductor.ping"
#: what a caller says of its deadline; what newer ones add is ignored
DEADLINE = ("sent", "timeout", "silence")


class Gate(typing.Protocol):
    """What a conductor knows that decides which calls it takes."""

    #: the clock of its database
    clock: deadline.Clock

    def require_site(self, site: str | None) -> None:
        """Raise an error for callers of another site than this conductor's."""


class OpenGate:
    """Takes every call that its caller still waits for."""

    def __init__(self):
        self.clock = deadline.Clock()

    def require_site(self, site):
        """Take the calls of every site."""


class Long(typing.NamedTuple):
    """Calls that may take long, and keep no others waiting: their topic, endpoints, and how many run at a time.

    0 threads are as many as oslo.messaging's executor_thread_pool_size.
    """

    topic: str
    endpoints: list
    threads: int


class Server:
    """Serves ``endpoints`` on the topic of all conductors, and those of each Long on a topic of its own.

    On each topic it also hears by the name ``host``. An endpoint has a ``namespace``, may have a ``version`` (1.0), and
    its methods marked by ``expose`` get a RequestContext and keywords. Answers are JSON values; errors travel as
    ValenceErrors.
    """

    def __init__(self, conf, transport, endpoints, host, *, long=(), gate=None):
        self._drain_seconds = conf.conductor.drain_seconds
        gate = gate or OpenGate()
        for each in (*endpoints, *(each for one in long for each in one.endpoints)):
            each.target = oslo_messaging.Target(namespace=each.namespace, version=_version_of(each))
        main = Long(messaging.TOPIC, endpoints, 0)
        self._servers = [_server(transport, each, host, gate) for each in (main, *long)]
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
            for server, threads in self._servers:
                server.begin(threads)
        except messaging.BUS_ERRORS as error:
            self._problem = messaging.bus_unavailable(error)
            LOG.error("calls cannot be served: %s", self._problem.detail)

    def _drain(self):
        for server, _ in self._servers:
            server.end()
            rabbit_connection.end_deliveries(server.listener)
        for server, _ in self._servers:
            server.wait()


def _server(transport, served, host, gate):
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
    """A server that takes a call from the broker when a thread is free; other conductors get it sooner otherwise."""

    # Neither ``start`` nor ``stop`` can be overridden: oslo.messaging notes by their names what comes after what.

    def begin(self, threads):
        """Begin to serve, in so many threads."""
        self._free, self._ending = threading.Semaphore(threads), threading.Event()
        self.start(override_pool_size=threads)

    def end(self):
        """Take no more calls."""
        self._ending.set()
        self.stop()

    def _on_incoming(self, incoming):
        self._work_executor.submit(self._serve, incoming, self._takes_thread())

    def _takes_thread(self):
        """Wait for a thread; return False where there is no broker that could keep messages meanwhile."""
        connection = rabbit_connection.of(self.listener)
        while connection and not self._ending.is_set():
            if self._free.acquire(timeout=BEAT_SECONDS):
                return True
            connection.beat()
        return False

    def _serve(self, incoming, has_thread):
        try:
            self._process_incoming(incoming)
        finally:
            if has_thread:
                self._free.release()


class Edge:
    """Where a call enters a conductor: it dispatches, and lets only errors out that may cross the bus."""

    def __init__(self, dispatcher, host, gate):
        self._dispatcher, self._host, self._gate = dispatcher, host, gate
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
            if name != PING:
                self._gate.require_site(incoming.ctxt.get("site"))
            self._require_known(message, name)
            with deadline.held(self._deadline(incoming)):
                return self._dispatcher.dispatch(incoming)
        except errors.ValenceError as error:
            LOG.debug("%s: %s", name, error.detail)
            raise _answer(error) from None
        except Exception:
            LOG.exception("%s failed", name)
            raise _answer(errors.Internal(host=self._host)) from None

    def _deadline(self, incoming):
        """Return the Deadline of a call, None for a caller that says none; raise TooLate."""
        said = incoming.ctxt.get("deadline")
        if not said:
            return None
        mine = deadline.Deadline(self._gate.clock, **{name: said.get(name) for name in DEADLINE})
        mine.require()
        incoming.heartbeat = mine.noted(incoming.heartbeat)
        return mine

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
