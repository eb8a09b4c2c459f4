# SPDX-License-Identifier: Apache-2.0
"""What the service tells of changes: Redfish event records (DSP0266, schema Event), by messages of ResourceEvent."""

import datetime

from valence.simulator import redfish

REGISTRY = "ResourceEvent"
#: message of the registry -> the EventType that older clients subscribe to
EVENT_TYPES = {
    "ResourceChanged": "ResourceUpdated",
    "ResourceCreated": "ResourceAdded",
    "ResourceRemoved": "ResourceRemoved",
}
#: collection -> type of its members, as subscriptions name it
RESOURCE_TYPES = {"Systems": "ComputerSystem", "Chassis": "Chassis"}


class Events:
    """Gives ``deliver(records)`` what every change of ``pod`` means."""

    def __init__(self, pod, deliver):
        self._pod, self._deliver = pod, deliver
        self._known = set(pod.systems)
        self._last = 0

    def changed(self, system):
        """Tell of a system whose values changed, or, if it is None, of those that came and went."""
        if system is None:
            self._tell_rearranged()
            return
        places = (("Systems", system.id), ("Chassis", system.sled.id))
        self._deliver([self._record("ResourceChanged", *place) for place in places])

    def _tell_rearranged(self):
        now = set(self._pod.systems)
        gone, new = sorted(self._known - now), sorted(now - self._known)
        self._known = now
        records = [self._record("ResourceRemoved", "Systems", each) for each in gone]
        records += [self._record("ResourceCreated", "Systems", each) for each in new]
        if records:
            self._deliver(records)

    def _record(self, message, collection, member):
        self._last += 1
        return {
            "EventId": str(self._last),
            "EventType": EVENT_TYPES[message],
            "EventTimestamp": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "MessageId": f"{REGISTRY}.1.4.{message}",
            "Message": f"{message}: {collection}/{member}.",
            "MessageArgs": [],
            "MessageSeverity": "OK",
            "Severity": "OK",
            "OriginOfCondition": redfish.link(collection, member),
        }


def resource_type(record):
    """Return the type of the resource that a record is about."""
    return RESOURCE_TYPES[record["OriginOfCondition"]["@odata.id"].split("/")[3]]


def payload(records, context, number):
    """Return the Event document that is sent for ``records``."""
    return {
        "@odata.type": "#Event.v1_10_0.Event",
        "Id": str(number),
        "Name": "Event Array",
        "Context": context,
        "Events": [{"MemberId": str(index), **record} for index, record in enumerate(records)],
    }
