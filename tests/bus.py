# SPDX-License-Identifier: Apache-2.0
"""Notifications as a plain AMQP client reads them, for tests."""

import json
import time

import kombu
from amqp import exceptions

from tests import clock

EXCHANGE = "valence"
QUEUE = "valence_versioned_notifications.info"
POLL_SECONDS = 0.05


class Consumer:
    """Takes events from the queue that Valence publishes to, or from one of its own, without oslo.messaging.

    ``events`` are the distinct ones of all that came so far, as ``{event_id: (event_type, payload)}``.
    """

    def __init__(self, transport_url, queue=None):
        self._url = transport_url.replace("rabbit://", "amqp://", 1)
        self._queue = kombu.Queue(queue or QUEUE, no_declare=True)
        self.events = {}
        if queue is not None:
            self._bind(queue)

    def _bind(self, queue):
        with kombu.Connection(self._url) as connection:
            exchange = kombu.Exchange(EXCHANGE, passive=True)
            kombu.Queue(queue, exchange, QUEUE, durable=True, channel=connection).declare()

    def wait_for(self, event_ids, seconds=20):
        """Take events until all of these have come; raise AssertionError if some do not in SLOWEST × ``seconds``."""
        deadline = clock.seconds() + clock.SLOWEST * seconds
        wanted = set(event_ids)
        while not wanted <= self.events.keys():
            self.take()
            if clock.seconds() > deadline:
                missing = sorted(wanted - self.events.keys())
                raise AssertionError(f"{len(missing)} of {len(wanted)} events did not come: {missing[:5]}")
            time.sleep(POLL_SECONDS)

    def take(self):
        """Take what the queue holds now, which may not even exist yet."""
        with kombu.Connection(self._url) as connection:
            try:
                queue = connection.SimpleQueue(self._queue)
            except exceptions.NotFound:
                return
            while (message := queue.queue.get()) is not None:
                self._note(message)
                message.ack()

    def _note(self, message):
        envelope = json.loads(message.payload["oslo.message"])
        payload = envelope["payload"]
        self.events.setdefault(payload["event_id"], (envelope["event_type"], payload))

    def of_type(self, event_type):
        """Return the payloads of the events of one type that have come."""
        return [payload for kind, payload in self.events.values() if kind == event_type]
