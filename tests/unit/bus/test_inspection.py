# SPDX-License-Identifier: Apache-2.0
"""Why a connection to the broker failed; tests.functional.test_doctor asks a real one."""

import ssl

import amqp
import kombu.exceptions

from tests import base
from tests import message_bus
from valence.bus import inspection


def caused(error, cause):
    """Return an error with its cause."""
    error.__cause__ = cause
    return error


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

    def test_other_transports_have_no_broker(self):
        conf = message_bus.configuration("local://")
        conf.set_override("enabled", False, "notifications")
        self.assertEqual([], inspection.inspect(conf))
        conf = message_bus.configuration("rabbitt://u:secret@127.0.0.1/")
        error = self.assertRaises(inspection.URLInvalid, inspection.inspect, conf)
        self.assertNotIn("secret", str(error))
