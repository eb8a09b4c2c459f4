# SPDX-License-Identifier: Apache-2.0
"""Prints what Valence publishes, with oslo.messaging: python listen_oslo.py --config-file listen.conf."""

import sys

import oslo_messaging
from oslo_config import cfg


class Endpoint:
    """oslo.messaging calls the method that has the name of the priority; Valence uses ``info`` alone."""

    def __init__(self):
        self._seen = set()

    def info(self, context, publisher_id, event_type, payload, metadata):
        """Deal with one event; to return is to acknowledge."""
        if metadata["message_id"] in self._seen:
            return
        self._seen.add(metadata["message_id"])  # a real consumer remembers it where it keeps its data
        print(payload["sequence"], event_type, payload["object"]["id"], flush=True)


def main():
    conf = cfg.ConfigOpts()
    conf(sys.argv[1:], project="listener")
    oslo_messaging.set_transport_defaults("valence")  # the exchange that Valence publishes to
    listener = oslo_messaging.get_notification_listener(
        oslo_messaging.get_notification_transport(conf),
        [oslo_messaging.Target(topic="valence_versioned_notifications")],
        [Endpoint()],
        executor="threading",
        pool="valence_versioned_notifications.printer",
    )
    listener.start()
    print("listening", flush=True)
    listener.wait()


if __name__ == "__main__":
    main()
