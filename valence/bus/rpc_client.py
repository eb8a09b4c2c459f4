# SPDX-License-Identifier: Apache-2.0
"""The client side of RPC: every failure of a call is one of Valence's errors.

A background thread pings conductors, so a call fails at once while none answers instead of waiting to find out. Their
answers tell the caller their site, their database's clock and their topics.
"""

import contextlib
import functools
import threading
import time
import typing

import oslo_messaging
from oslo_config import cfg
from oslo_log import log

from valence.bus import bounds
from valence.bus import messaging
from valence.bus import wire
from valence.common import bus_errors
from valence.common import context
from valence.common import errors

LOG = log.getLogger(__name__)
#: time-out in seconds above which a call is monitored: the conductor that works on it sends a sign of life every second
MONITORED_ABOVE = 5
#: seconds without a sign of life after which a monitored call fails; its whole part, halved, is the interval
MONITOR_TIMEOUT = 2.8
#: share of the time-out after which a repeatable call is made again
FIRST_TRY = 0.4


class Caller:
    """Calls conductors; every failure is a ValenceError.

    While ``liveness`` says that no conductor answers, calls are refused at once; before ``start`` all are. A conductor
    that calls others passes its ``gate``. It pings nobody: leases in the store show which conductors are alive.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        transport: oslo_messaging.Transport,
        gate: messaging.Gate | None = None,
    ) -> None:
        self._host, self._store_timeout = conf.host, float(conf.conductor.call_timeout)
        # retry=0: the caller gets an error within seconds and may try again; the default retries for ever.
        self._client = oslo_messaging.get_rpc_client(
            transport,
            oslo_messaging.Target(topic=messaging.TOPIC, version=messaging.VERSION),
            serializer=messaging.ContextSerializer(),
            retry=0,
        )
        self._prepared: dict[tuple[typing.Any, ...], oslo_messaging.RPCClient] = {}
        self._doorbell = bounds.Doorbell()
        self._places = {topic: bounds.Places(*each) for topic, each in bounds.KINDS.items()}
        self._conductors = Conductors(conf, self._ping, gate)
        self.liveness = Liveness(self._conductors.ping)
        self._is_conductor = gate is not None

    def start(self) -> None:
        """Start to ping conductors and to send casts, in the background."""
        if not self._is_conductor:
            self.liveness.start()
        self._doorbell.start()

    def stop(self) -> None:
        """Stop both."""
        self.liveness.stop()
        self._doorbell.stop()

    def call(
        self,
        ctxt: context.RequestContext,
        namespace: str,
        method: str,
        timeout: float | None,
        *,
        server: str | None = None,
        topic: str = messaging.TOPIC,
        share_of: str | None = None,
        repeatable: bool = False,
        **kwargs: typing.Any,
    ) -> typing.Any:
        """Return the answer of a conductor, or of the one named ``server``, to ``namespace.method(**kwargs)``.

        Calls that may take long have a ``topic`` of their own, with a limited number of places; ``share_of`` names the
        target that they wait for, which gets a share of the places. A ``repeatable`` call changes nothing: it is made
        once more when no answer comes in FIRST_TRY of the ``timeout``. That is in seconds, None for a call that needs
        the store alone: then it is [conductor] call_timeout, which longer calls get at least.

        Raises what the method raised, ConductorUnavailable without an answer in ``timeout`` seconds, Busy without a
        free place, BusUnavailable without a broker, Internal for anything unexpected.
        """
        if not self._is_conductor:
            self.liveness.require()
        self._conductors.require_site()
        if timeout is None or timeout > MONITORED_ABOVE:
            timeout = max(timeout or 0, self._store_timeout)
        place = self._places[topic].take(share_of) if topic in self._places else contextlib.nullcontext()
        with place:
            what, where = (namespace, method), (server, self._conductors.topic(topic, server))
            if repeatable:
                with contextlib.suppress(errors.ConductorUnavailable):
                    return self._call(ctxt, what, kwargs, FIRST_TRY * timeout, *where)
                timeout -= FIRST_TRY * timeout
            return self._call(ctxt, what, kwargs, timeout, *where)

    def cast(
        self,
        ctxt: context.RequestContext,
        namespace: str,
        method: str,
        *,
        server: str | None = None,
        fanout: bool = False,
        **kwargs: typing.Any,
    ) -> None:
        """Send a wake-up in the background. It may get lost, because its receiver also polls."""
        target = self._client.prepare(namespace=namespace, server=server, fanout=fanout)
        envelope = messaging.Envelope(ctxt, site=self._conductors.site)
        self._doorbell.ring(
            f"{namespace}.{method}", functools.partial(_cast, target, envelope, method, kwargs)
        )

    def _ping(self, timeout: float, server: str | None = None) -> wire.Answer:
        answer: wire.Answer = self._call(
            context.service_context(), ("conductor", "ping"), {}, timeout, server
        )
        return answer

    def _call(
        self,
        ctxt: context.RequestContext,
        what: tuple[str, str],
        kwargs: dict[str, typing.Any],
        timeout: float,
        *where: typing.Any,
    ) -> typing.Any:
        namespace, method = what
        started = time.monotonic()
        try:
            envelope = self._conductors.envelope(
                ctxt, timeout, MONITOR_TIMEOUT if timeout > MONITORED_ABOVE else None
            )
            answer = self._prepare(namespace, timeout, *where).call(envelope, method, **kwargs)
        except errors.ValenceError as error:
            self.liveness.hear()
            raise _as_raised(error) from None
        except oslo_messaging.MessagingTimeout:
            waited = f"{time.monotonic() - started:.1f} s"
            raise errors.ConductorUnavailable(
                reason=f"{namespace}.{method} got no answer in {waited}"
            ) from None
        except messaging.BUS_ERRORS as error:
            raise messaging.bus_unavailable(error) from None
        except Exception as error:  # the edge of a call: foreign errors become Valence's
            self._raise_unknown(error, what)
        self.liveness.hear()
        return answer

    def _raise_unknown(self, error: Exception, what: tuple[str, str]) -> typing.NoReturn:
        """Raise the error that a remote error describes, or Internal if it describes none."""
        if unknown := wire.received(getattr(error, "value", None)):
            self.liveness.hear()
            raise unknown from None
        LOG.error("the call of %s.%s failed", *what, exc_info=error)
        raise errors.Internal(host=self._host) from None

    def _prepare(
        self, namespace: str, timeout: float, server: str | None = None, topic: str = messaging.TOPIC
    ) -> oslo_messaging.RPCClient:
        key = namespace, timeout, server, topic
        if key not in self._prepared:
            self._prepared[key] = self._client.prepare(
                topic=topic,
                namespace=namespace,
                timeout=timeout,
                server=server,
                call_monitor_timeout=MONITOR_TIMEOUT if timeout > MONITORED_ABOVE else None,
            )
        return self._prepared[key]


class Namespace:
    """Calls to one RPC namespace."""

    namespace: str

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def _call(
        self,
        context: context.RequestContext,
        method: str,
        timeout: float | None = None,
        /,
        **kwargs: typing.Any,
    ) -> typing.Any:
        return self._caller.call(context, self.namespace, method, timeout, **kwargs)

    def _read(self, context: context.RequestContext, method: str, **kwargs: typing.Any) -> typing.Any:
        """Return the answer of a call that changes nothing, so that it may be repeated."""
        return self._call(context, method, repeatable=True, **kwargs)


def _cast(
    target: oslo_messaging.RPCClient, ctxt: messaging.Envelope, method: str, kwargs: dict[str, typing.Any]
) -> None:
    try:
        target.cast(ctxt, method, **kwargs)
    except messaging.BUS_ERRORS as error:
        raise messaging.bus_unavailable(error) from None


def _as_raised(error: errors.ValenceError) -> errors.ValenceError:
    """Return a remote error as an instance of its own class; oslo.messaging derives a class from it."""
    if type(error).__module__ in wire.ERROR_MODULES:
        return error
    kind: type[errors.ValenceError] = type(error).__bases__[0]
    return kind(**error.kwargs)


#: seconds between two pings, and that one ping may take
INTERVAL = 1.0
#: seconds without an answer after which requests are refused; long enough to lose one ping
LIMIT = 2.5
#: times that a running process notes this in an interval
TICKS = 4
HANGS = errors.BusUnavailable(reason="it does not answer")


class State(typing.TypedDict):
    """Whether conductors answer, since when (ISO time), why not, and the last answer to a ping."""

    alive: bool
    since: str
    reason: str | None
    conductor: wire.Answer | None


class Liveness:
    """Pings conductors in a background thread and refuses requests at once while none answers.

    ``ping(timeout)`` returns an Answer or raises a ValenceError. It may block while the broker is away, as the first
    connection does, so only the age of the last answer counts: in time that this process ran, because right after a
    stop of its whole machine the last answer is old, and nobody has been asked since.
    """

    def __init__(
        self,
        ping: typing.Callable[[float], wire.Answer],
        interval: float = INTERVAL,
        limit: float = LIMIT,
    ) -> None:
        self._ping, self._interval, self._limit = ping, interval, limit
        self._clock = context.RunningTime(interval / TICKS)
        self._alive_since, self._heard_at = time.time(), time.monotonic()
        self._heard: float | None = None
        self._answer: wire.Answer | None = None
        self._problem: errors.Unavailable = errors.BusUnavailable(reason="there is no connection yet")
        self._reported = False
        self._first_answer = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="liveness", daemon=True)
        self._ticker = threading.Thread(target=self._tick, name="liveness-clock", daemon=True)

    def start(self) -> None:
        """Start the background threads."""
        self._ticker.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop the threads; do not wait longer than one interval for a ping that blocks."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(self._interval)

    def wait(self, timeout: float) -> bool:
        """Wait for the first answer; return whether it came within ``timeout`` seconds."""
        return self._first_answer.wait(timeout)

    @property
    def alive(self) -> bool:
        """Whether a conductor answered any call within the limit."""
        return self._heard is not None and self._clock.seconds() - self._heard < self._limit

    @property
    def state(self) -> State:
        """The State; ``since`` is when conductors began to answer or, while none does, when the last answer came."""
        if self.alive:
            return self._state(alive=True, since=self._alive_since, reason=None)
        heard_at = time.time() - (time.monotonic() - self._heard_at)
        return self._state(alive=False, since=heard_at, reason=self._problem.kwargs["reason"])

    def require(self) -> None:
        """Raise BusUnavailable or ConductorUnavailable, with reason and time, unless a conductor answers."""
        if not self.alive:
            state = self.state
            raise type(self._problem)(reason=f"{state['reason']}, since {state['since']}")

    def hear(self) -> None:
        """Note that a conductor answered a call."""
        if not self.alive:
            self._alive_since = time.time()
        self._heard, self._heard_at = self._clock.seconds(), time.monotonic()

    def _tick(self) -> None:
        while not self._stopping.wait(self._interval / TICKS):
            self._clock.tick()

    def _state(self, alive: bool, since: float, reason: str | None) -> State:
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since))
        return {"alive": alive, "since": moment, "reason": reason, "conductor": self._answer}

    def _run(self) -> None:
        while not self._stopping.is_set():
            started = time.monotonic()
            self._ask()
            self._stopping.wait(self._interval - (time.monotonic() - started))

    def _ask(self) -> None:
        try:
            self._answer = self._ping(self._interval)
        except errors.Unavailable as problem:
            self._note_problem(problem)
        except errors.ValenceError as problem:
            self._note_problem(errors.ConductorUnavailable(reason=problem.detail))
        else:
            self._note_answer()

    def _note_problem(self, problem: errors.Unavailable) -> None:
        self._problem = problem
        if not self.alive and not self._reported:
            self._reported = True
            LOG.warning("%s Requests are refused until a conductor answers", problem.detail)

    def _note_answer(self) -> None:
        self.hear()
        if self._reported or not self._first_answer.is_set():
            LOG.info("conductors answer: %s", self._answer)
        self._problem, self._reported = HANGS, False
        self._first_answer.set()


#: seconds after which a conductor's Answer is stale
FRESH_SECONDS = 10
#: seconds between two errors in the log
LOG_SECONDS = 60
#: seconds after which a process trusts the site that answered first: its own site has announced itself by then
SURE_SECONDS = 60
#: time-out in seconds when a conductor is asked which topics it serves
ASK_SECONDS = 1.5


class Conductors:
    """Remembers the answers of conductors; ``ask(timeout, server)`` returns the Answer of one of them.

    A conductor that calls others passes its ``gate``, which knows site and clock.
    """

    def __init__(
        self, conf: cfg.ConfigOpts, ask: typing.Callable[..., wire.Answer], gate: messaging.Gate | None = None
    ) -> None:
        self._ask, self._gate = ask, gate
        self._clock = gate.clock if gate else context.Clock()
        self._site: str | None = conf.site
        self._problem: bus_errors.SiteMismatch | None = None
        self._logged_at = float("-inf")
        #: until when the site may be another one; never where the configuration or the database tells it
        self._sure_at = float("-inf")
        self._served: dict[str | None, tuple[float, tuple[str, ...]]] = {}
        self._lock = threading.Lock()

    @property
    def site(self) -> str | None:
        """The site of this process, None while it is unknown."""
        return self._gate.site if self._gate else self._site

    def require_site(self) -> None:
        """Raise SiteMismatch while conductors of two sites answer and this process belongs to neither."""
        if self._problem:
            raise self._problem

    def ping(self, timeout: float) -> wire.Answer:
        """Ask any conductor for its Answer, and remember it."""
        asked_at = context.boottime()
        answer = self._ask(timeout)
        self._hear(answer, asked_at, context.boottime())
        return answer

    def topic(self, topic: str, server: str | None = None) -> str:
        """Return ``topic``, or the main topic where conductors of the first version do not serve it."""
        if topic not in messaging.NEW_TOPICS or topic in self._topics(server):
            return topic
        return messaging.TOPIC

    def envelope(
        self, ctxt: context.RequestContext, timeout: float, silence: float | None
    ) -> messaging.Envelope:
        """Return the Envelope of a call that starts now; ``timeout`` and ``silence`` are seconds."""
        sent = self._clock.earliest(context.boottime())
        said = None if sent is None else {"sent": sent, "timeout": timeout, "silence": silence}
        return messaging.Envelope(ctxt, said, self.site)

    def _topics(self, server: str | None) -> tuple[str, ...]:
        """Return the topics that the conductor ``server`` is known to serve, or any conductor."""
        with self._lock:
            heard_at, topics = self._served.get(server, (0, ()))
        if server is not None and context.boottime() - heard_at > FRESH_SECONDS:
            self._note(server, topics := tuple(self._ask(ASK_SECONDS, server).get("topics") or ()))
        return topics if server is not None or context.boottime() - heard_at < FRESH_SECONDS else ()

    def _hear(self, answer: wire.Answer, asked_at: float, heard_at: float) -> None:
        self._hear_site(answer)
        if clock := answer.get("clock"):
            earliest, latest = clock
            self._clock.hear(earliest, latest, asked_at, heard_at)
        # Conductors of the first version do not say their topics: their answers must not hide those of newer ones.
        if topics := answer.get("topics"):
            self._note(None, tuple(topics))

    def _note(self, server: str | None, topics: tuple[str, ...]) -> None:
        with self._lock:
            self._served[server] = context.boottime(), topics

    def _hear_site(self, answer: wire.Answer) -> None:
        site, foreign = answer.get("site"), answer.get("foreign_site")
        if site is None:
            return
        if self.site is None and not foreign:
            self._site, self._sure_at = site, context.boottime() + SURE_SECONDS
            LOG.info("this process belongs to the site %s", site)
        others = {each for each in (site, foreign) if each not in (None, self.site)}
        if not others:
            self._problem = None
            return
        if context.boottime() < self._sure_at:  # the site that answered first may be the wrong one
            self._site = None
        mine = self.site or "that is not known yet"
        error = bus_errors.SiteMismatch(mine=mine, other=" and ".join(sorted(others)))
        self._problem = None if self.site else error
        self._log(error)

    def _log(self, error: bus_errors.SiteMismatch) -> None:
        if context.boottime() - self._logged_at > LOG_SECONDS:
            self._logged_at = context.boottime()
            LOG.error("%s %s", error.detail, error.problems[0]["hint"])
