# SPDX-License-Identifier: Apache-2.0
"""How conductors are called, and that every failure of a call is one of Valence's errors."""

import contextlib
import functools
import time

import oslo_messaging
from oslo_log import log

from valence.common import conductors
from valence.common import context
from valence.common import doorbell
from valence.common import errors
from valence.common import liveness
from valence.common import messaging
from valence.common import places

LOG = log.getLogger(__name__)

#: seconds above which a call is monitored: a conductor that works on it says so every second
MONITORED_ABOVE = 5
#: seconds without such a sign of life after which a long call fails; its whole part, halved, is the interval
MONITOR_TIMEOUT = 2.8
#: part of a call's time after which it is made again, if it changes nothing
FIRST_TRY = 0.4


class Caller:
    """Calls conductors; every failure is a ValenceError.

    ``liveness`` tells whether conductors answer. While they do not, calls are refused at once. A caller that
    was not started refuses all of them. ``known`` takes the place of ``liveness`` where that is known otherwise.
    ``gate`` is what a conductor that calls knows: the clock of its database, and its site.
    """

    def __init__(self, conf, transport, known=None, gate=None):
        self._host = conf.host
        # retry=0: whoever asked gets an error within seconds and may ask again; the default retries for ever.
        self._client = oslo_messaging.get_rpc_client(
            transport,
            oslo_messaging.Target(topic=messaging.TOPIC, version=messaging.VERSION),
            serializer=messaging.ContextSerializer(),
            retry=0,
        )
        self._prepared = {}
        self._doorbell = doorbell.Doorbell()
        self._places = {topic: places.Places(*each) for topic, each in places.KINDS.items()}
        self._conductors = conductors.Conductors(conf, self._ping, gate)
        self.liveness = known or liveness.Liveness(self._conductors.ping)

    def start(self):
        """Begin to look for conductors, in the background."""
        self.liveness.start()
        self._doorbell.start()

    def stop(self):
        """Call nobody any more."""
        self.liveness.stop()
        self._doorbell.stop()

    def call(
        self,
        ctxt,
        namespace,
        method,
        timeout,
        *,
        server=None,
        topic=messaging.TOPIC,
        share_of=None,
        repeatable=False,
        **kwargs,
    ):
        """Return what a conductor, or the one named ``server``, answers to ``namespace.method(**kwargs)``.

        Calls that may take long have a ``topic`` of their own, and places for so many; ``share_of`` names what
        makes them wait, which gets a share of the places. A call that changes nothing is ``repeatable``: without an
        answer it is soon made once more.

        Raises what the method raised, ConductorUnavailable without an answer in ``timeout`` seconds, Busy without a
        place, BusUnavailable without a broker, Internal for what nobody expected.
        """
        self.liveness.require()
        self._conductors.require_site()
        place = self._places[topic].take(share_of) if topic in self._places else contextlib.nullcontext()
        with place:
            what, where = (namespace, method), (server, self._conductors.topic(topic, server))
            if repeatable:
                with contextlib.suppress(errors.ConductorUnavailable):
                    return self._call(ctxt, what, kwargs, FIRST_TRY * timeout, *where)
                timeout -= FIRST_TRY * timeout
            return self._call(ctxt, what, kwargs, timeout, *where)

    def cast(self, ctxt, namespace, method, *, server=None, fanout=False, **kwargs):
        """Ring a doorbell and return at once. It may get lost: whoever it is for also looks from time to time."""
        target = self._client.prepare(namespace=namespace, server=server, fanout=fanout)
        envelope = messaging.Envelope(ctxt, site=self._conductors.site)
        self._doorbell.ring(
            f"{namespace}.{method}", functools.partial(_cast, target, envelope, method, kwargs)
        )

    def _ping(self, timeout, server=None):
        return self._call(context.service_context(), ("conductor", "ping"), {}, timeout, server)

    def _call(self, ctxt, what, kwargs, timeout, *where):
        namespace, method = what
        started = time.monotonic()
        try:
            envelope = self._conductors.envelope(
                ctxt, timeout, MONITOR_TIMEOUT if _is_monitored(timeout) else None
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
        except Exception:
            LOG.exception("the call of %s.%s failed", namespace, method)
            raise errors.Internal(host=self._host) from None
        self.liveness.hear()
        return answer

    def _prepare(self, namespace, timeout, server=None, topic=messaging.TOPIC):
        key = namespace, timeout, server, topic
        if key not in self._prepared:
            self._prepared[key] = self._client.prepare(
                topic=topic,
                namespace=namespace,
                timeout=timeout,
                server=server,
                call_monitor_timeout=MONITOR_TIMEOUT if _is_monitored(timeout) else None,
            )
        return self._prepared[key]


def _is_monitored(timeout):
    return timeout > MONITORED_ABOVE


def _cast(target, ctxt, method, kwargs):
    try:
        target.cast(ctxt, method, **kwargs)
    except messaging.BUS_ERRORS as error:
        raise messaging.bus_unavailable(error) from None


def _as_raised(error):
    """Return a rebuilt remote error as what it was; oslo.messaging makes it of a class of its own."""
    if type(error).__module__ in messaging.ERROR_MODULES:
        return error
    return type(error).__bases__[0](**error.kwargs)
