# SPDX-License-Identifier: Apache-2.0
"""The EventService of a Redfish service: subscriptions to it, its stream, and what its events hint at.

Facts: DSP0266 and the schemas EventService, EventDestination and Event up to 2025.4; Intel RSD 2.1 to 2.5 for
subscriptions by EventTypes.
"""

import contextlib
import json
import threading

from oslo_log import log

from valence.common import errors
from valence.podmanagers import base
from valence.podmanagers import redfish_document
from valence.podmanagers import redfish_links
from valence.podmanagers import redfish_session

LOG = log.getLogger(__name__)

#: the registry whose messages tell that a resource changed
REGISTRY = "ResourceEvent"
#: what older services have instead of registries, as far as it is about resources
EVENT_TYPES = ("StatusChange", "ResourceUpdated", "ResourceAdded", "ResourceRemoved", "Alert")
#: events after which there are other resources than before
_STRUCTURAL = frozenset({
    "ResourceAdded", "ResourceRemoved", "ResourceCreated", "URIForResourceChanged",
})  # fmt: skip
#: first segments of paths below the service root at which resources are found
_PLACES = frozenset(link.path[-1] for link in redfish_links.LINKS["ServiceRoot"])
_MOST_RECORDS = 1000
_MOST_SUBSCRIPTIONS = 100


class EventService:
    """Events of one Redfish service, over its ``connection`` (redfish_connection.Connection)."""

    def __init__(self, connection):
        self._connection = connection
        self._lock = threading.Lock()
        self._subscription, self._stream, self._listening = None, None, 0

    def ways(self):
        """Return the ways in which the service tells of changes, of base.WAYS."""
        document = self._document() or {}
        offered = {
            base.PUSH: redfish_document.reference(document.get("Subscriptions")),
            base.STREAM: redfish_document.reference(document.get("ServerSentEventUri")),
        }
        return frozenset(way for way, url in offered.items() if url)

    def subscribe(self, destination, context):
        """Have events posted, and remove other subscriptions with this ``context``: they are left from before."""
        document = self._document() or {}
        collection = redfish_document.reference(document.get("Subscriptions"))
        if collection is None:
            raise self._error("it has no event subscriptions")
        wanted = {"Destination": destination, "Context": context, "Protocol": "Redfish"}
        self._subscription = self._post(collection, wanted, _filters(document))
        self._remove_others(collection, context)

    def is_subscribed(self):
        """Return whether the service still has the subscription: it may end one by itself."""
        if self._subscription is None:
            return False
        try:
            self._connection.get(self._subscription)
        except errors.ResourceGone:
            return False
        return True

    def unsubscribe(self):
        """End the subscription and the stream, within seconds; never raises."""
        with self._lock:
            path, self._subscription = self._subscription, None
            self._listening += 1
            if self._stream is not None:
                self._stream.close()
        if path is not None:
            self._connection.forget(path, redfish_session.SIGN_OUT_TIMEOUT)

    def listen(self):
        """Open the stream; return an iterator of its Event documents, until it ends or ``unsubscribe`` ends it."""
        listening = self._listening
        path = self._local(redfish_document.reference((self._document() or {}).get("ServerSentEventUri")))
        if path is None:
            raise self._error("it has no stream of events")
        stream = self._connection.stream(path)
        with self._lock:
            self._stream = stream
            if listening != self._listening:
                stream.close()
        return _documents(stream)

    def hints(self, payload):
        """Return base.Hints for an Event document, whatever it holds; empty where it is about nothing of interest."""
        records = payload.get("Events") if isinstance(payload, dict) else None
        if not isinstance(records, list):
            return []
        found = [self._hint(record) for record in records[:_MOST_RECORDS] if isinstance(record, dict)]
        return list(dict.fromkeys(hint for hint in found if hint is not None))

    def _hint(self, record):
        origin = redfish_document.reference(record.get("OriginOfCondition"))
        path = origin and self._connection.paths.link(origin.partition("#")[0])
        if path is None or not self._is_place(path):
            return None
        message = str(record.get("MessageId")).rpartition(".")[2]
        structural = not _STRUCTURAL.isdisjoint({message, str(record.get("EventType"))})
        return base.Hint(path, structural)

    def _is_place(self, path):
        root = self._connection.paths.root
        return path.startswith(root) and path.removeprefix(root).split("/")[0] in _PLACES

    def _document(self):
        """Return the document of the service, None where there is none, or it is disabled."""
        path = self._local(redfish_document.reference(self._connection.root().get("EventService")))
        if path is None:
            return None
        document = self._connection.get(path).content
        return None if document.get("ServiceEnabled") is False else document

    def _local(self, url):
        return url and self._connection.paths.local(url)

    def _post(self, collection, wanted, styles):
        """Subscribe in the first style that is not refused as a bad request; return the path."""
        path = self._local(collection)
        for number, style in enumerate(styles, 1):
            try:
                answer = self._connection.send("POST", path, wanted | style)
            except errors.PodManagerError as error:
                if number == len(styles) or isinstance(
                    error, (errors.PodManagerUnreachable, errors.PodManagerAuthFailed)
                ):
                    raise
                LOG.debug("another way to subscribe is tried: %s", error.detail)
            else:
                return self._location(answer)
        raise self._error("no way to subscribe is known")

    def _location(self, answer):
        location = self._local(answer.headers.get("Location") or "")
        if location is None:
            raise self._error("it does not tell where a subscription is")
        return location

    def _remove_others(self, collection, context):
        members = redfish_document.members(self._connection.get(self._local(collection)).content) or []
        for member in members[:_MOST_SUBSCRIPTIONS]:
            path = self._local(redfish_document.reference(member))
            if path and path != self._subscription:
                self._remove_if_ours(path, context)

    def _remove_if_ours(self, path, context):
        try:
            if self._connection.get(path).content.get("Context") == context:
                self._connection.send("DELETE", path)
        except errors.PodManagerError as error:  # it may be gone, or somebody else's that may not be read
            LOG.debug("a subscription is left alone: %s", error.detail)

    def _error(self, reason):
        return errors.PodManagerError(url=self._connection.paths.url, reason=reason)


def _documents(stream):
    """Yield what comes over a stream, as far as it is JSON; give the stream back at the end."""
    try:
        for data in stream.data():
            with contextlib.suppress(ValueError, RecursionError):
                yield json.loads(data)
    finally:
        stream.release()


def _filters(document):
    """Return the properties by which to ask for events of resources, in the order in which to try them."""
    event_types = [name for name in EVENT_TYPES if name in (document.get("EventTypesForSubscription") or ())]
    old = {"EventTypes": event_types or list(EVENT_TYPES)}
    new = {}
    if REGISTRY in (document.get("RegistryPrefixes") or ()):
        new = {"RegistryPrefixes": [REGISTRY]}
    knows_filters = "RegistryPrefixes" in document or "ResourceTypes" in document
    styles = [new, old] if knows_filters or not event_types else [old, new]
    return [*styles, {}] if new else styles
