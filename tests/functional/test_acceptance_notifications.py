# SPDX-License-Identifier: Apache-2.0
"""Acceptance: others are told over the bus, whichever client they use, and nobody fills the broker."""

import oslo_messaging
from oslo_config import cfg

from tests import bus
from tests import servers
from tests.functional import acceptance
from valence.bus import messaging

TOPIC = "valence_versioned_notifications"


class Listener:
    """An endpoint of an oslo.messaging listener, as other OpenStack services have them."""

    def __init__(self):
        self.heard = []

    def info(self, context, publisher, event_type, payload, metadata):
        self.heard.append((publisher, event_type, payload, metadata))


class NotificationTest(acceptance.AcceptanceCase):
    def listen(self):
        """Start an oslo.messaging listener and return it."""
        messaging.set_defaults()
        conf = cfg.ConfigOpts()
        transport = oslo_messaging.get_notification_transport(conf, url=self.valence.transport_url)
        listener = Listener()
        server = oslo_messaging.get_notification_listener(
            transport, [oslo_messaging.Target(topic=TOPIC)], [listener], executor="threading"
        )
        server.start()
        self.addCleanup(transport.cleanup)
        self.addCleanup(server.wait)
        self.addCleanup(server.stop)
        return listener

    def test_a_listener_of_oslo_messaging_hears_every_event(self):
        listener = self.listen()
        self.register(self.simulate(systems=2))
        events = {event["uuid"]: event["event_type"] for event in self.events()}
        self.wait_for(lambda: events.keys() <= {heard[2]["event_id"] for heard in listener.heard})
        heard = {payload["event_id"]: event_type for _, event_type, payload, _ in listener.heard}
        self.assertEqual(events, {uuid: heard[uuid] for uuid in events})
        publishers = {publisher for publisher, *_ in listener.heard}
        self.assertEqual({"valence-conductor.conductor-1"}, publishers)

    def test_a_plain_client_finds_every_event_with_both_states_and_no_secret(self):
        simulator = self.simulate(systems=2, nodes=0)
        self.register(simulator)
        self.set_health(simulator, "Warning", "System1")
        self.wait_for_events(1, acceptance.STATE_CHANGED)
        self.assert_everything_was_published()
        [changed] = self.consumer.of_type(acceptance.STATE_CHANGED)
        self.assertEqual(("OK", "Warning"), (changed["old"]["health"], changed["new"]["health"]))
        [created] = self.consumer.of_type("valence.pod_manager.create")
        self.assertNotIn(acceptance.CREDENTIALS["password"], str(created))

    def test_a_queue_that_nobody_reads_stays_within_its_policy(self):
        vhost = self.valence.transport_url.rpartition("/")[2]
        policy = {"max-length": 50, "overflow": "drop-head"}
        servers.rabbitmq().set_policy("valence-notifications", f"^{TOPIC}\\.", policy, vhost)
        # Another queue sees all of them: a client that needs every event binds one of its own.
        other = bus.Consumer(self.valence.transport_url, "another")
        self.register(self.simulate(systems=20))
        other.wait_for(event["uuid"] for event in self.events())
        self.assertGreater(len(other.events), 200)
        self.consumer.take()
        self.assertEqual(list(other.events)[-50:], list(self.consumer.events))
