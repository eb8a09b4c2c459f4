# SPDX-License-Identifier: Apache-2.0
"""Pod managers that speak Redfish: DMTF's standard, and Intel RSD on top of it."""

from valence.common import errors
from valence.podmanagers import base
from valence.podmanagers import redfish_connection
from valence.podmanagers import redfish_crawl
from valence.podmanagers import redfish_document
from valence.podmanagers import redfish_etags
from valence.podmanagers import redfish_events
from valence.podmanagers import redfish_expansion
from valence.podmanagers import redfish_failures
from valence.podmanagers import redfish_inventory
from valence.podmanagers import redfish_links
from valence.podmanagers import redfish_listing
from valence.podmanagers import redfish_machine
from valence.podmanagers import redfish_memory
from valence.podmanagers import redfish_pace
from valence.podmanagers import redfish_paths
from valence.podmanagers import redfish_reader

#: one crawl of this many, the first among them, trusts no ETag: some services change documents under the same one
_TRUSTING_CRAWLS = 10


class RedfishDriver(base.PodManagerDriver):
    """One Redfish service."""

    def __init__(self, conf, pod_manager):
        self._options = conf.redfish
        self._connection = redfish_connection.Connection(conf.redfish, pod_manager)
        self._events = redfish_events.EventService(self._connection)
        self._memory = redfish_memory.Memory()
        self._trust = redfish_etags.Trust()
        self._pace = redfish_pace.Pace(conf.redfish.concurrency, conf.redfish.max_concurrency)
        self._proofs = redfish_expansion.Proofs()
        self._crawls = 0

    @staticmethod
    def spellings(url):
        canonical = redfish_paths.canonical(url)
        return list(dict.fromkeys([*redfish_paths.spellings(canonical), url]))

    def root(self):
        document = self._root()
        texts = (document.get(key) for key in ("UUID", "Name", "RedfishVersion"))
        return base.Root(*(text[:64] if isinstance(text, str) else None for text in texts))

    def _root(self):
        document = self._connection.root()
        if redfish_document.is_service_root(document):
            return document
        what = redfish_failures.printable(document.get("@odata.type") or "no type")
        reason = f"it answers with no service root ({what}); register the URL of the root, which ends in /redfish/v1"
        raise errors.PodManagerError(url=self._connection.paths.url, reason=reason)

    def crawl(self, etags):
        root = self._root()
        known = etags.keys()
        self._trust.checking = not self._crawls % _TRUSTING_CRAWLS
        if self._trust.checking:
            self._proofs.forget()
        self._crawls += 1
        features = root if self._options.expand else {}
        reader = redfish_reader.Reader(
            redfish_pace.Paced(self._connection, self._pace),
            etags,
            self._memory,
            redfish_expansion.of_collections(features),
            redfish_expansion.of_resources(features),
            most_failures=max(3, 2 * self._options.concurrency),
            proofs=self._proofs,
            known=known,
            deep=redfish_expansion.of_members(features),
            trust=self._trust,
            skipped=frozenset() if self._options.sensors else redfish_links.OPTIONAL,
        )
        yield from redfish_crawl.Crawl(reader, self._pace).run(root)
        self._memory.forget_unused()

    def read(self, resource_url):
        path = self._connection.paths.local(resource_url)
        if path is None or path != resource_url:
            reason = "that is not a path on this pod manager"
            raise errors.PodManagerError(url=self._connection.paths.url, reason=reason)
        return self._connection.get(path).content

    def abort(self):
        self._connection.abort()

    def look(self, resource_url, resource_type, parent):
        document = self._connection.get(resource_url)
        kind = redfish_links.kind(resource_type)
        return redfish_document.seen(document.content, resource_url, kind, parent, document.etag)

    def ways(self):
        return self._events.ways()

    def subscribe(self, destination, context):
        self._events.subscribe(destination, context)

    def is_subscribed(self):
        return self._events.is_subscribed()

    def unsubscribe(self):
        self._events.unsubscribe()

    def remove_subscriptions(self, is_left):
        self._events.remove(is_left)

    def listen(self):
        return self._events.listen()

    def hints(self, payload):
        return self._events.hints(payload)

    def machine(self, resource_url):
        walker = self._walker()
        machine = redfish_machine.identify(walker, resource_url)
        for path in sorted(walker.unread):  # what it is known by may be there
            raise errors.PodManagerError(url=self._connection.paths.url, reason=f"{path} could not be read")
        return machine

    def inspect(self, resource_url):
        return redfish_inventory.inspect(self._walker(), resource_url)

    def _walker(self):
        return redfish_listing.Walker(lambda path: self._connection.get(path).content, self._connection.paths)

    def boot_from_network(self, resource_url):
        # A library of several megabytes, for those who boot machines.
        from valence.podmanagers import redfish_sushy  # noqa: PLC0415

        walker = self._walker()
        system = redfish_machine.system_of(walker, resource_url)
        redfish_sushy.boot_from_network(self._connection, walker.path(system) or resource_url)

    def close(self):
        self._events.unsubscribe()
        self._connection.close()
