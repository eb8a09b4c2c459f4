# SPDX-License-Identifier: Apache-2.0
"""Event subscriptions, and the Redfish events (DSP0268, schema Event) that they get by POST or by an open stream."""

import asyncio
import contextlib
import dataclasses
import datetime
import json

import aiohttp
from aiohttp import web

from valence.simulator import redfish

REGISTRY = "ResourceEvent"
#: message of the registry -> the EventType that older clients subscribe to
EVENT_TYPES = {
    "ResourceChanged": "ResourceUpdated",
    "ResourceCreated": "ResourceAdded",
    "ResourceRemoved": "ResourceRemoved",
}
#: collection -> type of its members, as subscriptions name it
RESOURCE_TYPES = {"Systems": "ComputerSystem", "Chassis": "Chassis", "CompositionService": "ResourceBlock"}


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
        places = [("Systems", system.id)]
        if not system.is_composed:
            places.append(("Chassis", system.sled.id))
        self._deliver([self._record("ResourceChanged", *place) for place in places])

    def blocks_changed(self, block_ids):
        """Tell of resource blocks whose state changed."""
        place = ("CompositionService", "ResourceBlocks")
        records = [self._record("ResourceChanged", *place, block_id) for block_id in block_ids]
        if records:
            self._deliver(records)

    def _tell_rearranged(self):
        now = set(self._pod.systems)
        gone, new = sorted(self._known - now), sorted(now - self._known)
        self._known = now
        records = [self._record("ResourceRemoved", "Systems", each) for each in gone]
        records += [self._record("ResourceCreated", "Systems", each) for each in new]
        if records:
            self._deliver(records)

    def _record(self, message, *place):
        self._last += 1
        return {
            "EventId": str(self._last),
            "EventType": EVENT_TYPES[message],
            "EventTimestamp": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "MessageId": f"{REGISTRY}.1.4.{message}",
            "Message": f"{message}: {'/'.join(place)}.",
            "MessageArgs": [],
            "MessageSeverity": "OK",
            "Severity": "OK",
            "OriginOfCondition": redfish.link(*place),
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


KEPT = (
    "Destination",
    "Protocol",
    "Context",
    "EventFormatType",
    "RegistryPrefixes",
    "ResourceTypes",
    "EventTypes",
)
#: tries of one delivery; after the last the subscription ends
ATTEMPTS = 3
DELIVERY_SECONDS = 10
#: payloads that wait for one subscriber at most; what is too much is lost
QUEUED = 10_000


@dataclasses.dataclass(eq=False)
class Subscription:
    """One subscriber: what it asked for, and what waits for it. ``task`` delivers, unless it is a stream."""

    id: str
    values: dict
    queue: asyncio.Queue = dataclasses.field(default_factory=lambda: asyncio.Queue(QUEUED))
    task: asyncio.Task | None = None
    sent: int = 0

    @property
    def is_stream(self):
        return "Destination" not in self.values

    def wants(self, record):
        prefixes = self.values.get("RegistryPrefixes") or [REGISTRY]
        resource_types = self.values.get("ResourceTypes") or [resource_type(record)]
        event_types = self.values.get("EventTypes") or [record["EventType"]]
        return (
            REGISTRY in prefixes
            and resource_type(record) in resource_types
            and record["EventType"] in event_types
        )

    def offer(self, records):
        wanted = [record for record in records if self.wants(record)]
        if wanted and not self.queue.full():
            self.sent += 1
            self.queue.put_nowait(payload(wanted, self.values.get("Context", ""), self.sent))

    def renew_queue(self):
        """Move what waits to a queue of the loop that runs now: the simulator may have been started anew."""
        waiting, self.queue = self.queue, asyncio.Queue(QUEUED)
        while not waiting.empty():
            self.queue.put_nowait(waiting.get_nowait())

    def end(self):
        """Deliver nothing more; a stream is closed."""
        if self.task is not None:
            self.task.cancel()
        if not self.queue.full():
            self.queue.put_nowait(None)


class Subscriptions:
    """The subscriptions of a service; ``behaviour`` (``options.Behaviour``) says what they must look like."""

    def __init__(self, behaviour):
        self._behaviour = behaviour
        self._last = 0
        self._subscriptions = {}

    def clear(self):
        """End all of them."""
        for subscription_id in list(self._subscriptions):
            self.delete(subscription_id)

    def create(self, body):
        """Keep the subscription ``body`` (an EventDestination) and return its id."""
        for name in ("Destination", "Protocol"):
            if not isinstance(body.get(name), str):
                raise redfish.bad_request("PropertyMissing", f"The property {name} is required.")
        if self._behaviour.event_types:
            self._require_event_types(body)
        return self._add({name: body[name] for name in KEPT if name in body}).id

    def delete(self, subscription_id):
        """End a subscription, whoever made it."""
        self._subscriptions.pop(subscription_id).end()

    def deliver(self, records):
        """Send event records to everybody who wants them."""
        for subscription in list(self._subscriptions.values()):
            subscription.offer(records)
            self._start(subscription)

    async def stream(self, request):
        """Answer with a stream of events, until the client goes away or its subscription is deleted."""
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        subscription = self._add({"SubscriptionType": "SSE", "Context": "stream", "Protocol": "Redfish"})
        try:
            with contextlib.suppress(ConnectionError):  # the client went away
                await answer.prepare(request)
                await answer.write(b": events follow\n\n")
                while (payload := await subscription.queue.get()) is not None:
                    await answer.write(b"id: %s\ndata: %s\n\n" % (payload["Id"].encode(), encode(payload)))
        finally:
            self._subscriptions.pop(subscription.id, None)
        return answer

    def end_streams(self):
        """Close every stream; who listens may open another."""
        for subscription in list(self._subscriptions.values()):
            if subscription.is_stream:
                self.delete(subscription.id)

    def ids(self, pod):
        return tuple(self._subscriptions)

    def document(self, pod, subscription_id):
        name = f"Subscription {subscription_id}"
        values = self._subscriptions[subscription_id].values
        return {"Name": name, "SubscriptionType": "RedfishEvent", **values}

    def _require_event_types(self, body):
        """Refuse what a service of before 2018 does not know."""
        if "RegistryPrefixes" in body or "ResourceTypes" in body:
            raise redfish.bad_request("PropertyUnknown", "RegistryPrefixes and ResourceTypes are not known.")
        if not body.get("EventTypes"):
            raise redfish.bad_request("PropertyMissing", "The property EventTypes is required.")

    def _add(self, values):
        self._last += 1
        subscription = self._subscriptions[str(self._last)] = Subscription(str(self._last), values)
        return subscription

    def _start(self, subscription):
        """See that somebody delivers; nobody does while the simulator does not run."""
        running = subscription.task is not None and not subscription.task.done()
        if subscription.is_stream or running:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        subscription.renew_queue()
        subscription.task = loop.create_task(self._post(subscription))

    async def _post(self, subscription):
        async with aiohttp.ClientSession() as session:
            while True:
                payload = await subscription.queue.get()
                if payload is None or not await self._posted(session, subscription, payload):
                    self._subscriptions.pop(subscription.id, None)
                    return

    async def _posted(self, session, subscription, payload):
        """Send one payload; return whether anybody took it."""
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(self._behaviour.event_retry_seconds)
            try:
                async with session.post(
                    subscription.values["Destination"],
                    data=encode(payload),
                    headers={"Content-Type": "application/json"},
                    timeout=aiohttp.ClientTimeout(DELIVERY_SECONDS),
                    ssl=False,
                ) as answer:
                    if answer.ok:
                        return True
            except (aiohttp.ClientError, TimeoutError, ValueError):
                continue
        return False


def encode(document):
    return json.dumps(document, separators=(",", ":")).encode()
