# SPDX-License-Identifier: Apache-2.0
"""Which transports get our connections; what these do on a broker is in tests/functional/test_bus.py."""

from tests import base
from tests import message_bus
from tests.servers import ports
from valence.bus import messaging


class UseTest(base.TestCase):
    def test_rpc_over_rabbitmq_uses_them(self):
        conf = message_bus.configuration("rabbit://")
        pool = messaging.get_transport(conf)._driver._connection_pool
        self.assertIs(messaging.Connection, pool.connection_cls.func)

    def test_notifications_keep_confirmed_connections(self):
        conf = message_bus.configuration("rabbit://")
        pool = messaging.get_notification_transport(conf)._driver._connection_pool
        self.assertIsNot(messaging.Connection, getattr(pool.connection_cls, "func", None))

    def test_a_transport_without_broker_is_left_alone(self):
        transport = self.useFixture(message_bus.Bus()).transport()
        before = vars(transport._driver).copy()
        messaging.use(transport)
        self.assertEqual(before, vars(transport._driver))

    def test_whoever_sends_does_not_wait_for_a_broker_that_is_away(self):
        url = f"rabbit://guest:guest@127.0.0.1:{ports.free_port()}/"
        driver = self.useFixture(message_bus.Bus(url)).transport()._driver
        self.assertRaises(messaging.BUS_ERRORS, driver._get_connection)
