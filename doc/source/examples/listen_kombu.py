# SPDX-License-Identifier: Apache-2.0
"""Prints what Valence publishes, with plain kombu: python listen_kombu.py amqp://user:password@host:5672/vhost."""

import json
import sys

import kombu

EXCHANGE = kombu.Exchange("valence", type="topic", passive=True)
QUEUE = kombu.Queue(
    "valence_versioned_notifications.kombu",  # a queue of its own, that the policy bounds too
    EXCHANGE,
    routing_key="valence_versioned_notifications.info",
    durable=True,
)


def receive(body, message):
    """Deal with one event, then acknowledge it: what dies in between gets it again."""
    notification = json.loads(body["oslo.message"])
    payload = notification["payload"]
    print(payload["sequence"], notification["event_type"], payload["object"]["id"], flush=True)
    message.ack()


def main(url):
    connection = kombu.Connection(url, heartbeat=10)
    with connection, connection.Consumer(QUEUE, callbacks=[receive], prefetch_count=10):
        print("listening", flush=True)
        for _ in kombu.eventloop(connection, timeout=5, ignore_timeouts=True):
            connection.heartbeat_check()


if __name__ == "__main__":
    main(sys.argv[1])
