# SPDX-License-Identifier: Apache-2.0
"""Pod managers that speak Redfish: DMTF's standard, and Intel RSD on top of it."""

from valence.common import errors
from valence.podmanagers import base
from valence.podmanagers.redfish import connection
from valence.podmanagers.redfish import events
from valence.podmanagers.redfish import machines
from valence.podmanagers.redfish import offers as offering
from valence.podmanagers.redfish import power
from valence.podmanagers.redfish import tasks
from valence.podmanagers.redfish import urls
from valence.podmanagers.redfish.composition import marks
from valence.podmanagers.redfish.composition import methods
from valence.podmanagers.redfish.crawl import capabilities
from valence.podmanagers.redfish.crawl import collection_pages
from valence.podmanagers.redfish.crawl import crawl
from valence.podmanagers.redfish.crawl import facts
from valence.podmanagers.redfish.crawl import links
from valence.podmanagers.redfish.crawl import pace
from valence.podmanagers.redfish.crawl import properties
from valence.podmanagers.redfish.crawl import reading
from valence.podmanagers.redfish.http import failures

#: one crawl of this many, the first among them, trusts no ETag: some services change documents under the same one
_TRUSTING_CRAWLS = 10


class RedfishDriver(base.PodManagerDriver):
    """One Redfish service."""

    def __init__(self, conf, pod_manager):
        self._options = conf.redfish
        self._connection = connection.Connection(conf.redfish, pod_manager)
        self._events = events.EventService(self._connection)
        self._memory = connection.Memory()
        self._trust = capabilities.Trust()
        self._pace = pace.Pace(conf.redfish.concurrency, conf.redfish.max_concurrency)
        self._proofs = capabilities.Proofs()
        self._crawls = 0
        #: root document and facts of the last crawl, until its offers are made
        self._facts = None
        #: marks of the machines that the last crawl found
        self._marks = None

    spellings = staticmethod(urls.spellings)

    def root(self):
        document = self._root()
        texts = (document.get(key) for key in ("UUID", "Name", "RedfishVersion"))
        return base.Root(*(text[:64] if isinstance(text, str) else None for text in texts))

    def _root(self):
        document = self._connection.root()
        if properties.is_service_root(document):
            return document
        what = failures.printable(document.get("@odata.type") or "no type")
        reason = f"it answers with no service root ({what}); register the URL of the root, which ends in /redfish/v1"
        raise errors.PodManagerError(url=self._connection.paths.url, reason=reason)

    def crawl(self, etags):
        root = self._root()
        self._trust.checking = not self._crawls % _TRUSTING_CRAWLS
        if self._trust.checking:
            self._proofs.forget()
        self._crawls += 1
        features = root if self._options.expand else {}
        reader = reading.Reader(
            pace.Paced(self._connection, self._pace),
            etags,
            self._memory,
            capabilities.of_collections(features),
            capabilities.of_resources(features),
            most_failures=max(3, 2 * self._options.concurrency),
            proofs=self._proofs,
            deep=capabilities.of_members(features),
            trust=self._trust,
            skipped=frozenset() if self._options.sensors else links.OPTIONAL,
        )
        has_nodes = offering.allocated_at(root, self._follow) is not None
        self._marks = None
        self._facts, collected = None, facts.Facts(has_nodes=has_nodes)
        yield from crawl.Crawl(reader, self._pace, collected).run(root)
        self._memory.forget_unused()
        self._facts, self._marks = (root, collected), collected.marks

    def offers(self):
        if self._facts is None:
            return iter(())
        (root, collected), self._facts = self._facts, None
        offering.complete(collected, root, self._told, self._follow)
        return iter(offering.Offering(collected))

    def marks(self):
        return self._marks

    def _told(self, path, meaning):
        """Return what a document means, None if it cannot be read; that of the same bytes as before is remembered.

        A document that is gone means what an empty one does.
        """
        key = "offers", path
        known = self._memory.recall(key)
        try:
            document = self._connection.get(path, None, known and known.digest)
        except (errors.PodManagerUnreachable, errors.PodManagerAuthFailed):
            raise
        except errors.ResourceGone:
            return meaning({})
        except errors.PodManagerError:
            return None
        if document.content is None:
            return known.told
        told = meaning(document.content)
        if document.digest:
            self._memory.keep(key, document.digest, told)
        return told

    def _follow(self, value):
        url = properties.reference(value)
        return url and self._connection.paths.link(url)

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
        kind = links.kind(resource_type)
        return properties.seen(document.content, resource_url, kind, parent, document.etag)

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
        machine = machines.identify(walker, resource_url)
        for path in sorted(walker.unread):  # what it is known by may be there
            raise errors.PodManagerError(url=self._connection.paths.url, reason=f"{path} could not be read")
        return machine

    def inspect(self, resource_url):
        return machines.inspect(self._walker(), resource_url)

    def system_path(self, resource_url):
        return self._system(resource_url)[0]

    def _walker(self):
        return collection_pages.walker(self._connection)

    def machine_state(self, resource_url):
        document, system = machines.with_system(self._walker(), resource_url)
        uuid = properties.identity(document) if system is not document else None
        return power.state(self._connection, system)._replace(sign=marks.sign(document, uuid))

    def power(self, resource_url, reset_type):
        return power.reset(self._connection, *self._system(resource_url), reset_type)

    def boot(self, resource_url, *, target, enabled, mode=None):
        path, document = self._system(resource_url)
        offered = power.boot_targets(self._connection, document)
        return _boot().choose(self._connection, path, offered, target=target, enabled=enabled, mode=mode)

    def boot_from_network(self, resource_url):
        _boot().from_network(self._connection, *self._system(resource_url))

    def follow(self, task_url):
        return tasks.follow(self._connection, task_url)

    def composer(self):
        return methods.Methods(self._connection, self._root())

    def _system(self, resource_url):
        """Return the path and the document of a system, or of the one that a composed node is made of."""
        walker = self._walker()
        system = machines.system_of(walker, resource_url)
        return walker.path(system) or resource_url, system

    def close(self):
        self._events.unsubscribe()
        self._connection.close()


def _boot():
    # A library of several megabytes, for those who choose what machines boot from.
    from valence.podmanagers.redfish import boot  # noqa: PLC0415

    return boot
