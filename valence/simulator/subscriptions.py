# SPDX-License-Identifier: Apache-2.0
"""Event subscriptions: they are kept and shown; events are not delivered yet."""

from valence.simulator import errors

KEPT = (
    "Destination",
    "Protocol",
    "Context",
    "EventFormatType",
    "RegistryPrefixes",
    "ResourceTypes",
    "EventTypes",
)


class Subscriptions:
    """Holds what was asked for at ``EventService/Subscriptions``."""

    def __init__(self):
        self.clear()

    def clear(self):
        self._documents = {}
        self._last = 0

    def create(self, body):
        """Keep the subscription ``body`` (an EventDestination) and return its id."""
        for name in ("Destination", "Protocol"):
            if not isinstance(body.get(name), str):
                raise errors.bad_request("PropertyMissing", f"The property {name} is required.")
        self._last += 1
        subscription_id = str(self._last)
        self._documents[subscription_id] = {name: body[name] for name in KEPT if name in body}
        return subscription_id

    def delete(self, subscription_id):
        del self._documents[subscription_id]

    def ids(self, pod):
        return tuple(self._documents)

    def document(self, pod, subscription_id):
        name = f"Subscription {subscription_id}"
        return {"Name": name, "SubscriptionType": "RedfishEvent", **self._documents[subscription_id]}
