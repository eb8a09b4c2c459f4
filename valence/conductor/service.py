# SPDX-License-Identifier: Apache-2.0
"""The conductor as a service: built from its parts, started in order, stopped in the reverse order."""

from oslo_log import log

from valence.common import ending
from valence.common import messaging
from valence.common import metrics
from valence.common import notifications
from valence.common import rpc_server
from valence.common import secrets
from valence.common import web
from valence.conductor import connections
from valence.conductor import documents
from valence.conductor import health
from valence.conductor import introspecting
from valence.conductor import lanes
from valence.conductor import leases
from valence.conductor import leftovers
from valence.conductor import metered_store
from valence.conductor import observer
from valence.conductor import outbox
from valence.conductor import ownership
from valence.conductor import peers
from valence.conductor import purge
from valence.conductor import receiver
from valence.conductor import removals
from valence.conductor import site
from valence.conductor import subscriptions
from valence.conductor import worker
from valence.conductor.endpoints import backup
from valence.conductor.endpoints import operations
from valence.conductor.endpoints import pod_managers
from valence.conductor.endpoints import records
from valence.conductor.endpoints import resources
from valence.conductor.endpoints import status
from valence.db import store

LOG = log.getLogger(__name__)

#: limits of the port of the metrics
METRICS = web.Limits(connections=64, connections_per_address=16, drain=5)
#: seconds that work gets to end when its conductor stops, before others may begin it anew
HAND_BACK_SECONDS = 0.5
#: pod managers that are deleted at the same time
DELETION_THREADS = 8
#: seconds that calls, and then subscriptions, get to end before the connections to pod managers are broken off
GRACE_SECONDS = 2.0


class Conductor:
    """Everything that a conductor runs; ``stop`` drains it."""

    def __init__(self, conf, transport=None):
        self._conf = conf
        self._store = metered_store.MeteredStore(store.connect(conf, secrets.load(conf)))
        self._connections = connections.Connections(conf)
        self._leases = leases.LeaseKeeper(self._store, conf.host, conf.conductor.lease_seconds)
        self._site = site.Site(conf, self._store)
        self._health = health.StoreHealth(self._store, self._site.clock)
        self._ownership = ownership.Ownership(conf, self._store)
        self._worker = worker.Worker(conf, self._store, self._leases, self._connections, self._ownership)
        transport = transport or messaging.get_transport(conf)
        self._peers = peers.Peers(conf, transport, self._site)
        self._site.announce = self._peers.announce
        live = documents.Documents(conf, self._store, self._connections, self._ownership)
        self._resources = resources.ResourcesEndpoint(conf, self._store, live, self._ownership, self._peers)
        self._introspection = introspecting.Introspecting(
            conf, self._store, self._leases, self._connections, self._ownership
        )
        self._server = rpc_server.Server(
            conf, transport, self._endpoints(), conf.host, long=self._long(), gate=self._site
        )
        self._parts = [
            self._leases,
            self._health,
            self._peers,
            self._site,
            self._introspection,
            *self._relays(),
            purge.Purge(conf, self._store, self._leases),
            leftovers.Leftovers(self._store, self._leases),
            removals.Removals(self._store, self._leases, self._connections),
            observer.Observer(
                self._store, self._health, owns=self._ownership.owns, published=conf.notifications.enabled
            ),
            *self._subscriptions(),
            *self._figures(),
        ]

    def _endpoints(self):
        self._pod_managers = pod_managers.PodManagersEndpoint(
            self._store,
            self._leases,
            self._connections,
            self._ring_all,
            subscribes=self._conf.events.enabled and self._conf.events.port is not None,
        )
        return [
            records.RecordsEndpoint(self._store),
            self._pod_managers,
            self._resources,
            operations.OperationsEndpoint(self._store, self._leases, self._ring, self._ring_all),
            backup.BackupEndpoint(self._store),
            *self._introspection.endpoints,
            status.StatusEndpoint(self._conf.host, self._health, self._site),
        ]

    def _long(self):
        """Return what may take long; APIs of the first version call it where all others are called."""
        options = self._conf.conductor
        return [
            rpc_server.Long(messaging.DETAILS_TOPIC, [self._resources], options.detail_threads),
            rpc_server.Long(messaging.BULK_TOPIC, self._introspection.endpoints, options.document_threads),
            rpc_server.Long(messaging.DELETION_TOPIC, [self._pod_managers], DELETION_THREADS),
        ]

    def _ring(self):
        self._ownership.membership.ring()
        self._worker.ring()

    def _ring_all(self):
        self._worker.ring()
        self._peers.ring()

    def _relays(self):
        if not self._conf.notifications.enabled:
            return []
        notifier = notifications.Notifier(self._conf)
        relay = outbox.Relay(self._store, self._leases, notifier, self._lanes)
        self._store.told = relay.ring
        return [relay]

    def _lanes(self):
        return lanes.share(self._ownership.membership.members, self._conf.host)

    def _subscriptions(self):
        options = self._conf.events
        if not options.enabled:
            return []
        inbox = None if options.port is None else receiver.Receiver(options)
        if inbox:
            self._conf.register_mutate_hook(lambda *_: inbox.reload())
        return [
            subscriptions.Subscriptions(
                self._store,
                self._leases,
                self._connections,
                self._worker.hints,
                owns=self._ownership.owns,
                receiver=inbox,
            )
        ]

    def _figures(self):
        options = self._conf.conductor
        if options.metrics_port is None:
            return []
        return [
            web.Server(
                "metrics", options.metrics_host, options.metrics_port, metrics.application, limits=METRICS
            )
        ]

    def start(self):
        """Start every part, the share of the pod managers last, when all can be answered.

        Raises SchemaOutdated, and StoreUnavailable when the database is away: nothing runs then.
        """
        self._store.schema.require()
        self._site.read()
        self._health.look()
        self._leases.inherit()
        for part in self._parts:
            part.start()
        self._server.start()
        self._ownership.start()
        self._worker.start()
        LOG.info("conductor %s serves the site %s", self._conf.host, self._site.site)

    def stop(self):
        """Leave the others, hand back what runs so that they go on with it, answer what was asked, end."""
        LOG.info("conductor %s stops", self._conf.host)
        end = ending.Ending(self._conf.conductor.drain_seconds)
        end.run("membership", self._ownership.leave)
        self._worker.hand_back(min(HAND_BACK_SECONDS, end.left()))
        end.run("leases", self._leases.release_all)
        end.run("peers", self._peers.ring)
        end.run("calls", self._server.stop, grace=GRACE_SECONDS, hurry=self._break_off)
        end.run("worker", lambda: self._worker.stop(end.left()))
        end.run("resources", self._resources.stop)
        for part in reversed(self._parts):
            end.run(type(part).__name__, part.stop, grace=GRACE_SECONDS, hurry=self._break_off_all)
        end.run("connections", self._connections.close, grace=GRACE_SECONDS, hurry=self._break_off_all)
        self._store.close()

    def _break_off(self):
        """Wait for no document or introspection any more; synchronizations are handed back, subscriptions ended."""
        self._connections.break_off([connections.LIVE, connections.INTROSPECTION])

    def _break_off_all(self):
        self._connections.break_off(connections.KINDS)
