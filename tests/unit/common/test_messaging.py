# SPDX-License-Identifier: Apache-2.0
"""The defaults of the bus, and what is said of a broken one."""

import oslo_messaging

from tests import base
from tests import message_bus
from valence.common import messaging


class DefaultsTest(base.TestCase):
    def test_the_exchange_is_our_own(self):
        conf = message_bus.configuration("rabbit://")
        messaging.set_defaults()
        self.assertEqual("valence", conf.control_exchange)

    def test_every_default_is_one_of_an_option_that_exists(self):
        conf = message_bus.configuration("rabbit://")
        messaging.set_defaults()
        group = conf.oslo_messaging_rabbit
        self.assertEqual(messaging.RABBIT, {name: getattr(group, name) for name in messaging.RABBIT})

    def test_the_reason_of_a_broken_connection_is_its_first_cause(self):
        try:
            try:
                raise ConnectionRefusedError(111, "ECONNREFUSED")
            except OSError as cause:
                raise oslo_messaging.MessageDeliveryFailure("Unable to connect to 10.0.0.1") from cause
        except oslo_messaging.MessageDeliveryFailure as error:
            detail = messaging.bus_unavailable(error).detail
        self.assertEqual("The message bus is not reachable: Connection refused.", detail)
