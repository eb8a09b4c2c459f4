# SPDX-License-Identifier: Apache-2.0
"""A message bus for tests: configuration, servers and callers on any transport, and a conductor as a process.

``python -m tests.message_bus URL HOST`` is such a process: it serves until it is killed.
"""

import sys
import threading
import uuid

import fixtures
import oslo_messaging
from oslo_config import cfg
from oslo_context import context as oslo_context
from oslo_messaging import conffixture

from tests import clock
from valence.bus import messaging
from valence.bus import rpc_client
from valence.bus import rpc_server
from valence.common import context
from valence.common import errors
from valence.common.configuration import config


class Probe:
    """An endpoint that does what a test asks for, and keeps what it was asked."""

    namespace = "probe"

    def __init__(self, host):
        self.host = host
        self.heard = []
        self.may_go_on = threading.Event()

    @messaging.expose
    def echo(self, context, value):
        self.heard.append(value)
        return value

    @messaging.expose
    def who(self, context):
        return self.host

    @messaging.expose
    def context(self, context):
        return {
            "request_id": context.request_id,
            "user_id": context.user_id,
            "project_id": context.project_id,
            "roles": context.roles,
            "auth_token": context.auth_token,
        }

    @messaging.expose
    def logged(self, context):
        """Return the request id that a log line would have."""
        return oslo_context.get_current().request_id

    @messaging.expose
    def wait(self, context, seconds):
        self.heard.append(seconds)
        self.may_go_on.wait(seconds)
        return seconds

    @messaging.expose
    def deadline(self, ctxt):
        return [context.write_deadline(), context.answer_deadline()]

    @messaging.expose
    def refuse(self, context, key):
        try:
            raise KeyError("the secret cause")
        except KeyError as cause:
            raise errors.NotFound(kind="probe", key=key) from cause

    @messaging.expose
    def invalid(self, context):
        raise errors.ValidationFailed(problems=[{"path": "$.a", "detail": "No.", "hint": "Yes."}])

    @messaging.expose
    def fail(self, context):
        raise KeyError("a secret")

    def hidden(self, context):
        return "never"


class Status:
    """The endpoint that callers ping."""

    namespace = "conductor"

    def __init__(self, host, topics=(), gate=None):
        self._host, self._topics, self._gate = host, list(topics), gate

    @messaging.expose
    def ping(self, context):
        answer = {"host": self._host, "topics": self._topics}
        if self._gate:
            answer |= {
                "clock": self._gate.clock.bounds,
                "site": self._gate.site,
                "foreign_site": self._gate.other,
            }
        return answer


def configuration(url):
    """Return a private configuration with every option and a transport URL."""
    conf = cfg.ConfigOpts()
    config.register(conf)
    conffixture.ConfFixture(conf)  # registers oslo.messaging's options
    conf([], project="valence")
    conf.set_override("transport_url", url)
    conf.set_override("drain_seconds", 2, "conductor")
    # A process of its own would not know what tests override.
    conf.set_override("own_process", False, "processing")
    return conf


def local_url():
    """Return the URL of an in-process bus that nobody else is on."""
    return f"local:///{uuid.uuid4().hex}"


class Bus(fixtures.Fixture):
    """Transports, servers and callers on one bus, stopped after the test."""

    def __init__(self, url=None):
        super().__init__()
        self.url = url or local_url()

    def _setUp(self):
        # Idle threads of a server's pool look once in a while whether they shall end; by default every second.
        self.useFixture(fixtures.MonkeyPatch("futurist._thread.ThreadWorker.MAX_IDLE_FOR", 0.05))
        self.conf = configuration(self.url)

    def transport(self):
        """Return a transport of its own."""
        transport = messaging.get_transport(self.conf)
        self.addCleanup(transport.cleanup)
        return transport

    def serve(self, host="conductor-1", topics=(), threads=4, gate=None):
        """Start a server and return it with its probe, which also serves long calls on ``topics``."""
        probe = Probe(host)
        long = [rpc_server.Long(topic, [probe], threads) for topic in topics]
        endpoints = [probe, Status(host, topics, gate)]
        server = rpc_server.Server(self.conf, self.transport(), endpoints, host, long=long, gate=gate)
        server.start()
        self.addCleanup(server.stop)
        self.addCleanup(probe.may_go_on.set)
        return server, probe

    def caller(self, wait=True):
        """Return a started caller, by default one that has found a conductor."""
        caller = rpc_client.Caller(self.conf, self.transport())
        caller.start()
        self.addCleanup(caller.stop)
        if wait:
            assert caller.liveness.wait(60), caller.liveness.state
        return caller

    def listen(self, endpoint, topic="valence_versioned_notifications", pool=None):
        """Start an oslo.messaging listener for notifications, as any consumer would, and return it."""
        transport = messaging.get_notification_transport(self.conf)
        self.addCleanup(transport.cleanup)
        targets = [oslo_messaging.Target(topic=topic)]
        listener = oslo_messaging.get_notification_listener(
            transport, targets, [endpoint], allow_requeue=True, pool=pool
        )
        listener.start()
        self.addCleanup(stop_listener, listener)
        return listener


def stop_listener(listener):
    """Stop a listener and wait for what it still does."""
    listener.stop()
    listener.wait()


def user_context():
    """Return the context of a user's request."""
    return context.RequestContext(
        user_id="u1", project_id="p1", roles=["reader", "member"], auth_token="token", overwrite=False
    )


def timed(function, *args, **kwargs):
    """Return the seconds that a call takes, and the ValenceError that it raises or None."""
    started = clock.seconds()
    error = None
    try:
        function(*args, **kwargs)
    except errors.ValenceError as raised:
        error = raised
    return clock.seconds() - started, error


if __name__ == "__main__":
    _url, _host = sys.argv[1:]
    _conf = configuration(_url)
    rpc_server.Server(_conf, messaging.get_transport(_conf), [Probe(_host), Status(_host)], _host).start()
    print("ready", flush=True)
    threading.Event().wait()
