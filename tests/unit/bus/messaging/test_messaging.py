# SPDX-License-Identifier: Apache-2.0
"""The defaults of the bus, and what is said of a broken one."""

import oslo_messaging

from tests import base
from tests import message_bus
from valence.bus import messaging
from valence.common import context


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


class ContextTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.serializer = messaging.ContextSerializer()
        self.context = context.RequestContext(
            user_id="u1", user_name="Ann", roles=["reader"], overwrite=False
        )

    def test_the_name_of_the_user_travels(self):
        sent = self.serializer.serialize_context(self.context)
        self.assertEqual("Ann", self.serializer.deserialize_context(sent).user_name)

    def test_a_peer_of_the_version_before_names_neither_user_nor_deadline_nor_site(self):
        sent = self.serializer.serialize_context(self.context)
        for name in ("user_name", "deadline", "site"):
            del sent[name]
        heard = self.serializer.deserialize_context(sent)
        self.assertEqual(("u1", None), (heard.user_id, heard.user_name))

    def test_the_deadline_and_the_site_go_beside_the_context(self):
        envelope = messaging.Envelope(self.context, {"sent": 1.0, "timeout": 2.5, "silence": None}, "s1")
        sent = self.serializer.serialize_context(envelope)
        self.assertEqual(
            ({"sent": 1.0, "timeout": 2.5, "silence": None}, "s1"), (sent["deadline"], sent["site"])
        )
