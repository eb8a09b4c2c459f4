# SPDX-License-Identifier: Apache-2.0
"""When events reach a consumer on the bus, for tests that measure it."""

import json
import threading

import fixtures
import kombu

from tests import bus
from tests import clock

POLL_SECONDS = 0.2


class BusListener(fixtures.Fixture):
    """Takes events as they come: ``heard`` lists ``(tests.clock.seconds(), event_type, payload)`` as they arrived."""

    def __init__(self, transport_url, queue="listener"):
        super().__init__()
        self._url = transport_url.replace("rabbit://", "amqp://", 1)
        self._queue_name = queue
        self.heard = []

    def _setUp(self):
        connection = kombu.Connection(self._url)
        self.addCleanup(connection.release)
        exchange = kombu.Exchange(bus.EXCHANGE, passive=True)
        queue = kombu.Queue(self._queue_name, exchange, bus.QUEUE, channel=connection, durable=True)
        queue.declare()
        self._ending = threading.Event()
        thread = threading.Thread(target=self._run, args=(connection, queue), daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self._ending.set)

    def _run(self, connection, queue):
        with connection.Consumer(queue, callbacks=[self._note]):
            while not self._ending.is_set():
                try:
                    connection.drain_events(timeout=POLL_SECONDS)
                except TimeoutError:
                    continue

    def _note(self, _body, message):
        envelope = json.loads(message.payload["oslo.message"])
        self.heard.append((clock.seconds(), envelope["event_type"], envelope["payload"]))
        message.ack()
