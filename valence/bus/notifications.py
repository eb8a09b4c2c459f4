# SPDX-License-Identifier: Apache-2.0
"""Publishes events as notifications, in the messagingv2 envelope of OpenStack."""

import typing

import oslo_messaging
from oslo_config import cfg

from valence.bus import messaging

#: version of the envelope around the payload, ``oslo.version`` on the wire
ENVELOPE = 2.0


class Notifier:
    """Publishes events to the topic of [notifications]; an event that is published without an error is not lost.

    oslo.messaging's own Notifier logs the failure of a publication and returns, so the outbox would lose the events
    that it sends while the broker is away. The transport, which this class uses, raises. It declares the durable queue
    ``<topic>.<priority>``, so that nothing is lost before the first consumer connects, and waits for the broker's
    confirmation.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._transport = messaging.get_notification_transport(conf)
        self._topic = conf.notifications.topic
        self._publisher_id = f"valence-conductor.{conf.host}"

    def publish(
        self,
        event_type: str,
        payload: dict[str, typing.Any],
        message_id: str,
        timestamp: str,
        *,
        request_id: str | None = None,
        priority: str = "info",
    ) -> None:
        """Publish one event and return when the broker has confirmed it; raise BusUnavailable if that is uncertain.

        ``message_id`` is the event's own id, by which consumers drop repetitions. ``timestamp`` is an ISO time.
        With a broker that is away this fails at once, with one that does not respond after
        [oslo_messaging_rabbit] heartbeat_timeout_threshold.
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

    def stop(self) -> None:
        """Close the connections."""
        self._transport.cleanup()
