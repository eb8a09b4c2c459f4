# SPDX-License-Identifier: Apache-2.0
"""How conductors are called, and that every failure of a call is one of Valence's errors."""

import functools
import time

import oslo_messaging
from oslo_log import log

from valence.common import context
from valence.common import doorbell
from valence.common import errors
from valence.common import liveness
from valence.common import messaging

LOG = log.getLogger(__name__)

#: seconds above which a call is monitored: a conductor that works on it says so every second
MONITORED_ABOVE = 5
#: seconds without such a sign of life after which a long call fails; its whole part, halved, is the interval
MONITOR_TIMEOUT = 2.8


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
            oslo_messaging.Target(topic=messaging.TOPIC, version=messaging.VERSION),
            serializer=messaging.ContextSerializer(),
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

    def call(self, ctxt, namespace, method, timeout, *, server=None, bulk=False, **kwargs):
        """Return the answer of a conductor, or of the one named ``server``, to ``namespace.method(**kwargs)``.

        ``bulk`` calls are long, and go where no others wait behind them.

        Raises what the method raised, ConductorUnavailable without an answer in ``timeout`` seconds,
        BusUnavailable without a broker, Internal for what nobody expected.
        """
        self.liveness.require()
        return self._call(ctxt, namespace, method, kwargs, timeout=timeout, server=server, bulk=bulk)

    def cast(self, ctxt, namespace, method, *, server=None, fanout=False, **kwargs):
        """Ring a doorbell and return at once. It may get lost: whoever it is for also looks from time to time."""
        target = self._client.prepare(namespace=namespace, server=server, fanout=fanout)
        self._doorbell.ring(f"{namespace}.{method}", functools.partial(_cast, target, ctxt, method, kwargs))

    def _ping(self, timeout):
        return self._call(context.service_context(), "conductor", "ping", {}, timeout=timeout)

    def _call(self, ctxt, namespace, method, kwargs, *, timeout, server=None, bulk=False):
        started = time.monotonic()
        try:
            answer = self._prepare(namespace, timeout, server, bulk).call(ctxt, method, **kwargs)
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

    def _prepare(self, namespace, timeout, server, bulk):
        key = namespace, timeout, server, bulk
        if key not in self._prepared:
            monitor = MONITOR_TIMEOUT if timeout > MONITORED_ABOVE else None
            self._prepared[key] = self._client.prepare(
                topic=messaging.BULK_TOPIC if bulk else messaging.TOPIC,
                namespace=namespace,
                timeout=timeout,
                server=server,
                call_monitor_timeout=monitor,
            )
        return self._prepared[key]


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
