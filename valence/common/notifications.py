# SPDX-License-Identifier: Apache-2.0
"""Notifications: tells the world over the bus what changed, in the messagingv2 envelope of OpenStack."""

import oslo_messaging

from valence.common import messaging

#: version of the envelope around the payload, ``oslo.version`` on the wire
ENVELOPE = 2.0


class Notifier:
    """Publishes events to the topic of [notifications]; whoever is told that one is out can rely on it.

    oslo.messaging's own Notifier logs the failure of a publication and returns as if nothing had happened, in
    every driver and in the class itself, so an outbox would lose what it sends while the broker is away. The
    transport underneath raises. It declares the durable queue ``<topic>.<priority>``, so that nothing is lost
    before the first consumer comes, and waits for the broker's confirmation.
    """

    def __init__(self, conf):
        self._transport = messaging.get_notification_transport(conf)
        self._topic = conf.notifications.topic
        self._publisher_id = f"valence-conductor.{conf.host}"

    def publish(self, event_type, payload, message_id, timestamp, *, request_id=None, priority="info"):
        """Publish one event and return when the broker has it; raise BusUnavailable if it is not sure.

        ``message_id`` is the event's own id: consumers drop what they saw already. ``timestamp`` is an ISO time.
        A broker that is away fails at once, one that hangs after [oslo_messaging_rabbit]
        heartbeat_timeout_threshold.
        """
        message = {
            "message_id": message_id,
            "publisher_id": self._publisher_id,
            "event_type": event_type,
            "priority": priority.upper(),
            "payload": payload,
            "timestamp": timestamp,
        }
        target = oslo_messaging.Target(topic=f"{self._topic}.{priority}")
        context = {"request_id": request_id}
        try:
            self._transport._send_notification(target, context, message, version=ENVELOPE, retry=0)
        except messaging.BUS_ERRORS as error:
            raise messaging.bus_unavailable(error) from error

    def stop(self):
        """Close the connections."""
        self._transport.cleanup()
