# SPDX-License-Identifier: Apache-2.0
"""What is published, and that a failure to publish is not hidden."""

from tests import base
from tests import message_bus
from tests.servers import ports
from valence.bus import notifications
from valence.common import errors

PAYLOAD = {"version": "1.0", "event_id": "e1", "sequence": 7, "old": None, "new": {"name": "ü"}}
WHEN = "2026-11-21T03:37:02Z"


class Consumer:
    def __init__(self):
        self.heard = []

    def info(self, ctxt, publisher_id, event_type, payload, metadata):
        self.heard.append(
            {"publisher_id": publisher_id, "event_type": event_type, "payload": payload, "metadata": metadata}
            | {"request_id": ctxt["request_id"], "priority": "info"}
        )

    def error(self, ctxt, publisher_id, event_type, payload, metadata):
        self.heard.append({"priority": "error"})


class NotifierTest(base.TestCase):
    def notifier(self, test_bus):
        notifier = notifications.Notifier(test_bus.conf)
        self.addCleanup(notifier.stop)
        return notifier

    def test_a_consumer_gets_the_event_in_its_envelope(self):
        local = self.useFixture(message_bus.Bus())
        local.conf.set_override("host", "h1")
        consumer = Consumer()
        local.listen(consumer)
        self.notifier(local).publish("valence.pod_manager.create", PAYLOAD, "e1", WHEN, request_id="req-1")
        self.wait_for(lambda: consumer.heard)
        expected = {
            "publisher_id": "valence-conductor.h1",
            "event_type": "valence.pod_manager.create",
            "payload": PAYLOAD,
            "metadata": {"message_id": "e1", "timestamp": WHEN},
            "request_id": "req-1",
            "priority": "info",
        }
        self.assertEqual([expected], consumer.heard)

    def test_topic_and_priority_choose_the_queue(self):
        local = self.useFixture(message_bus.Bus())
        local.conf.set_override("topic", "other", "notifications")
        consumer = Consumer()
        local.listen(consumer, topic="other")
        self.notifier(local).publish("valence.pod_manager.sync.error", PAYLOAD, "e1", WHEN, priority="error")
        self.wait_for(lambda: consumer.heard == [{"priority": "error"}])

    def test_notifications_may_go_to_a_bus_of_their_own(self):
        other = self.useFixture(message_bus.Bus())
        consumer = Consumer()
        other.listen(consumer)
        local = self.useFixture(message_bus.Bus())
        local.conf.set_override("transport_url", other.url, "oslo_messaging_notifications")
        self.notifier(local).publish("valence.pod_manager.create", PAYLOAD, "e1", WHEN)
        self.wait_for(lambda: consumer.heard)

    def test_a_broker_that_is_away_is_an_error_at_once(self):
        away = self.useFixture(message_bus.Bus(f"rabbit://guest:guest@127.0.0.1:{ports.free_port()}/"))
        publish = self.notifier(away).publish
        seconds, error = message_bus.timed(publish, "valence.pod_manager.create", PAYLOAD, "e1", WHEN)
        self.assertIsInstance(error, errors.BusUnavailable)
        self.assertIn("refused", error.detail)
        self.assert_in_time(seconds, 2)
