# SPDX-License-Identifier: Apache-2.0
"""Why a connection to the broker failed; tests.functional.test_doctor asks a real one."""

import contextlib
import ssl
import types

import amqp
import fixtures
import kombu.exceptions

from tests import base
from tests import message_bus
from valence.bus import inspection
from valence.common import errors


def caused(error, cause):
    """Return an error with its cause."""
    error.__cause__ = cause
    return error


def failing(*_):
    """Fail for a reason that is not the broker's."""
    raise RuntimeError


class Connection:
    """A connection to a broker; ``refusals`` are the errors of queues by their names."""

    def __init__(self, refusals):
        self.refusals, self.connection = refusals, self

    @contextlib.contextmanager
    def channel(self):
        """Give a channel."""
        yield self

    def queue_declare(self, queue, passive):
        """Return what is known of a queue."""
        if queue in self.refusals:
            raise self.refusals[queue]("refused")
        return types.SimpleNamespace(message_count=0, consumer_count=1)

    def close(self):
        """Do nothing: there is no connection."""


class InspectionTest(base.TestCase):
    def test_kinds_of_failures(self):
        for kind, error in (
            ("credentials", amqp.AccessRefused("ACCESS_REFUSED")),
            ("vhost", amqp.NotAllowed("vhost x not found")),
            ("tls", ssl.SSLError(1, "wrong version number")),
            ("tls", caused(kombu.exceptions.OperationalError("failed"), ssl.SSLError(1, "wrong"))),
            ("unreachable", ConnectionRefusedError(111, "refused")),
            ("unreachable", TimeoutError()),
        ):
            self.assertEqual(kind, inspection.failure_of(error).kind, error)

    def test_a_reason_is_the_innermost_cause(self):
        error = caused(kombu.exceptions.OperationalError("failed"), ConnectionRefusedError(111, "x"))
        self.assertEqual("Connection refused", inspection.failure_of(error).reason)

    def test_each_host_of_a_broker_that_is_away(self):
        conf = message_bus.configuration("rabbit://u:p@127.0.0.1:9,u:p@127.0.0.1:10/x")
        [broker] = inspection.inspect(conf)
        self.assertIsNone(broker.queues)
        self.assertEqual([9, 10], [host.port for host in broker.hosts])
        self.assertEqual({"unreachable"}, {host.failure.kind for host in broker.hosts})

    def test_a_queue_that_is_refused_is_no_failure_of_its_host(self):
        refusals = {"valence": amqp.AccessRefused, "valence.bulk": amqp.ResourceLocked, "info": amqp.NotFound}
        with fixtures.MonkeyPatch(f"{inspection.__name__}._connect", lambda *_: Connection(refusals)):
            conf = message_bus.configuration("rabbit://u:p@127.0.0.1:9/x")
            [broker] = inspection.inspect(conf)
        self.assertEqual([None], [host.failure for host in broker.hosts])
        names = {queue.name for queue in broker.queues}
        self.assertEqual((set(), True), (names & refusals.keys(), "valence.details" in names))

    def test_transports_are_closed_whatever_fails(self):
        closed = []

        def cleanup(transport):
            closed.append(transport)

        self.useFixture(fixtures.MonkeyPatch("oslo_messaging.Transport.cleanup", cleanup))
        self.useFixture(fixtures.MonkeyPatch(f"{inspection.__name__}._connect", failing))
        conf = message_bus.configuration("rabbit://u:p@127.0.0.1:9/x")
        self.assertRaises(RuntimeError, inspection.inspect, conf)
        self.assertNotEqual([], closed)

    def test_other_transports_have_no_broker(self):
        conf = message_bus.configuration("local://")
        conf.set_override("enabled", False, "notifications")
        self.assertEqual([], inspection.inspect(conf))
        conf = message_bus.configuration("rabbitt://u:secret@127.0.0.1/")
        error = self.assertRaises(errors.ConfigurationInvalid, inspection.inspect, conf)
        self.assertNotIn("secret", str(error))
