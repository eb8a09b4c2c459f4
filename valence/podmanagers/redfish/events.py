# SPDX-License-Identifier: Apache-2.0
"""The EventService of a Redfish service: subscriptions to it, its stream, and what its events hint at.

Facts: DSP0266 and the schemas EventService, EventDestination and Event up to 2025.4; Intel RSD 2.1 to 2.5 for
subscriptions by EventTypes.
"""

import contextlib
import threading
import typing

from oslo_log import log

from valence.common import errors
from valence.podmanagers import base
from valence.podmanagers.redfish import urls
from valence.podmanagers.redfish.crawl import links
from valence.podmanagers.redfish.crawl import properties
from valence.podmanagers.redfish.http import failures
from valence.podmanagers.redfish.http import requests
from valence.podmanagers.redfish.http import sign_in

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
_PLACES = frozenset(link.path[-1] for link in links.LINKS["ServiceRoot"])
#: names of collections and resources in paths, by their lower case
_NAMES = {name.lower(): name for links in links.LINKS.values() for link in links for name in link.path}
#: in paths of logs: an entry tells of a resource that it does not name
_LOGS = "/LogServices/"
_MOST_RECORDS = 1000
_MOST_SUBSCRIPTIONS = 100
#: errors that any other request would meet, too
_FINAL = (errors.PodManagerUnreachable, errors.PodManagerAuthFailed)


class Subscription(typing.NamedTuple):
    """A subscription of this Valence; ``path`` is None where the service neither tells nor lists it."""

    destination: str
    context: str
    path: str | None = None

    def is_shown_by(self, document):
        """Return whether the document of a subscription may be of this one; a service may show neither property."""
        shown = {"Destination": self.destination, "Context": self.context}
        told = {name: document[name] for name in shown if document.get(name) is not None}
        return not told or any(shown[name] == value for name, value in told.items())


class EventService:
    """Events of one Redfish service, over its ``connection`` (connection.Connection)."""

    def __init__(self, connection):
        self._connection = connection
        self._lock = threading.Lock()
        self._subscription, self._stream, self._listening = None, None, 0
        self._doubtful = {}  # Destinations of which it is not known whether the service posts to them

    def ways(self):
        """Return the ways in which the service tells of changes, of base.WAYS."""
        document = self._document() or {}
        offered = {
            base.PUSH: properties.reference(document.get("Subscriptions")),
            base.STREAM: properties.reference(document.get("ServerSentEventUri")),
        }
        return frozenset(way for way, url in offered.items() if url)

    def subscribe(self, destination, context):
        """Have events posted, and remove other subscriptions with this ``context``: they are left from before."""
        document = self._document() or {}
        collection = self._local(properties.reference(document.get("Subscriptions")))
        if collection is None:
            raise self._error("it has no event subscriptions")
        wanted = {"Destination": destination, "Context": context, "Protocol": "Redfish"}
        if self._doubtful:  # or each retry would leave one more behind
            self._remove_ours(self._members(collection), context, None)
            self._doubtful.clear()
        self._doubtful[destination] = None
        told = self._post(collection, wanted, _filters(document))
        self._subscription = new = Subscription(destination, context, told)
        self._subscription = new._replace(path=self._settled(collection, new))
        del self._doubtful[destination]

    def is_subscribed(self):
        """Return whether the service still has the subscription: it may end one by itself."""
        subscription = self._subscription
        if subscription is None:
            return False
        if subscription.path is None:
            return True  # it cannot be found; the timer makes up for one that was dropped
        try:
            found = self._connection.get(subscription.path).content
        except errors.ResourceGone:
            return False
        if subscription.is_shown_by(found):
            return True
        self._subscription = None  # its path is that of somebody else's by now, which must not be deleted
        return False

    def unsubscribe(self):
        """End the subscription and the stream, within seconds; never raises."""
        with self._lock:
            subscription, self._subscription = self._subscription, None
            self._listening += 1
            if self._stream is not None:
                self._stream.close()
        if subscription is not None and subscription.path is not None:
            self._connection.forget(subscription.path, sign_in.SIGN_OUT_TIMEOUT)

    def remove(self, is_left):
        """Remove the subscriptions of whose Context ``is_left(context)`` is true; raise where that fails."""
        collection = self._local(properties.reference((self._document() or {}).get("Subscriptions")))
        if collection is None:
            return
        for path, found in list(self._members(collection)):
            if isinstance(context := found.get("Context"), str) and is_left(context):
                with contextlib.suppress(errors.ResourceGone):
                    self._connection.send("DELETE", path)

    def listen(self):
        """Open the stream; return an iterator of its Event documents, until it ends or ``unsubscribe`` ends it."""
        listening = self._listening
        path = self._local(properties.reference((self._document() or {}).get("ServerSentEventUri")))
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
        message = str(record.get("MessageId")).rpartition(".")[2]
        structural = not _STRUCTURAL.isdisjoint({message, str(record.get("EventType"))})
        if record.get("OriginOfCondition") is None:
            return base.Hint("", structural, vague=True) if _is_about_resources(record) else None
        origin = properties.reference(record["OriginOfCondition"])
        path = origin and self._connection.paths.link(origin.partition("#")[0])
        known = path and self._known_form(path)
        if not known:
            return None
        return base.Hint(known, structural, vague=known != path or _LOGS in known)

    def _known_form(self, path):
        """Return a path below the root with the names of collections as the standard spells them.

        None if it does not lead to resources that are read. Some services write origins in lower case.
        """
        root = self._connection.paths.root
        if not path.lower().startswith(root.lower()):
            return None
        steps = [_NAMES.get(step.lower(), step) for step in path[len(root) :].split("/")]
        return root + "/".join(steps) if steps[0] in _PLACES else None

    def _document(self):
        """Return the document of the service, None where there is none, or it is disabled."""
        path = self._local(properties.reference(self._connection.root().get("EventService")))
        if path is None:
            return None
        document = self._connection.get(path).content
        return None if document.get("ServiceEnabled") is False else document

    def _local(self, url):
        return url and self._connection.paths.local(url)

    def _post(self, collection, wanted, styles):
        """Subscribe in the first style that is not refused as a bad request; return the path, None if untold."""
        for number, style in enumerate(styles, 1):
            try:
                answer = self._connection.send("POST", collection, wanted | style)
            except errors.PodManagerError as error:
                if number == len(styles) or isinstance(error, _FINAL):
                    raise
                LOG.debug("another way to subscribe is tried: %s", error.detail)
            else:
                return self._location(answer)
        raise self._error("no way to subscribe is known")

    def _location(self, answer):
        """Return the path of the subscription that an answer tells of, None if it does not."""
        told = answer.headers.get("Location"), properties.reference(requests.json_object(answer))
        paths = (self._connection.paths.member(answer.path, url) for url in told)
        return next(filter(None, paths), None)

    def _settled(self, collection, new):
        """Remove what is left from before; return the path of the new subscription, None if it cannot be found.

        The new one is known by its Destination, which has a secret in it that was never used before.
        """
        try:
            members = list(self._members(collection))
        except errors.PodManagerError as error:
            if new.path is None and isinstance(error, _FINAL):
                raise
            LOG.debug("other subscriptions are left alone: %s", error.detail)
            return new.path
        kept = _path_of(new, members)
        self._remove_ours(members, new.context, kept)
        return kept

    def _remove_ours(self, members, context, kept):
        """Remove the subscriptions of this Valence except the one at the path ``kept``."""
        place = kept and urls.normal(kept)
        for path, found in members:
            told = found.get("Context")
            ours = told == context or (not told and found.get("Destination") in self._doubtful)
            if ours and urls.normal(path) != place:
                self._remove(path)

    def _remove(self, path):
        try:
            self._connection.send("DELETE", path)
        except errors.PodManagerError as error:  # it may be gone by now
            LOG.debug("a subscription is left alone: %s", error.detail)

    def _members(self, collection):
        """Yield path and document of the subscriptions that can be read, a bounded number of them."""
        pages, seen = [collection], set()
        while pages and len(seen) < _MOST_SUBSCRIPTIONS:
            document = self._connection.get(pages.pop()).content
            links = properties.members(document) or []
            for path in filter(None, (self._member(collection, link) for link in links)):
                if path not in seen and len(seen) < _MOST_SUBSCRIPTIONS:
                    seen.add(path)
                    yield from self._member_document(path)
            following = self._local(properties.reference(document.get("Members@odata.nextLink")))
            if following and links:
                pages.append(following)

    def _member(self, collection, link):
        return self._connection.paths.member(collection, properties.reference(link))

    def _member_document(self, path):
        try:
            yield path, self._connection.get(path).content
        except _FINAL:
            raise
        except errors.PodManagerError as error:  # it may be gone, or somebody else's that may not be read
            LOG.debug("a subscription is left alone: %s", error.detail)

    def _error(self, reason):
        return errors.PodManagerError(url=self._connection.paths.url, reason=reason)


def _documents(stream):
    """Yield what comes over a stream, as far as it is JSON; give the stream back at the end."""
    try:
        for data in stream.data():
            with contextlib.suppress(ValueError):
                yield failures.parse(data)
    finally:
        stream.release()


def _path_of(new, members):
    """Return the path of a new subscription among (path, document) of a collection; None if it is not there."""
    ours = [(path, found) for path, found in members if found.get("Context") in (new.context, None, "")]
    paths = [path for path, found in ours if found.get("Destination") == new.destination]
    if new.path is not None and not paths:
        return new.path
    # A service may rewrite Destinations.
    paths = paths or [path for path, found in ours if found.get("Context")]
    place = new.path and urls.normal(new.path)
    return next((path for path in paths if urls.normal(path) == place), paths[-1] if paths else None)


def _is_about_resources(record):
    """Return whether an event without an origin may be about a resource, as alerts of logs are."""
    event_type = record.get("EventType")
    if event_type is None:
        return isinstance(record.get("MessageId"), str)
    return event_type in EVENT_TYPES


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
