# SPDX-License-Identifier: Apache-2.0
"""The conductor as a service: build its parts, start them in order, stop them in reverse order by one deadline.

The deadline, [conductor] drain_seconds, is shared: each step of `Conductor.stop` gets the time that the steps before
have left, and a step that does not end in time is left behind.
"""

import functools
import threading
import time
from collections import abc

from oslo_log import log

from valence.bus import messaging
from valence.bus import notifications
from valence.bus import rpc_server
from valence.common import secrets
from valence.common.web import http_server
from valence.common.web import metrics
from valence.composition import quotas
from valence.conductor.cluster import leases
from valence.conductor.cluster import ownership
from valence.conductor.cluster import site
from valence.conductor.endpoints import backup
from valence.conductor.endpoints import devices
from valence.conductor.endpoints import flavors
from valence.conductor.endpoints import nodes
from valence.conductor.endpoints import operations
from valence.conductor.endpoints import pod_managers
from valence.conductor.endpoints import records
from valence.conductor.endpoints import resources
from valence.conductor.endpoints import status
from valence.conductor.events import outbox
from valence.conductor.events import purge
from valence.conductor.events import restores
from valence.conductor.hardware_events import receiver
from valence.conductor.hardware_events import removals
from valence.conductor.hardware_events import subscriptions
from valence.conductor.introspection import service
from valence.conductor.inventory import connections
from valence.conductor.monitoring import observer
from valence.conductor.monitoring import work_metrics
from valence.conductor.nodes import sweep as node_sweep
from valence.conductor.nodes import worker as node_worker
from valence.conductor.nodes.ironic import access
from valence.conductor.work import deletions
from valence.conductor.work import leftovers
from valence.conductor.work import worker
from valence.db import store
from valence.podmanagers import base

LOG = log.getLogger(__name__)

#: limits of the port of the metrics
METRICS = http_server.Limits(connections=64, connections_per_address=16, drain=5)
#: seconds that work gets to end when its conductor stops, before others may begin it anew
HAND_BACK_SECONDS = 0.5
#: pod managers that are deleted at the same time
DELETION_THREADS = 8
#: as many changes of sessions as one API sends at a time: a call without a thread shows no sign of life to its caller
SESSION_THREADS = 96
#: seconds that calls, and then subscriptions, get to end before the connections to pod managers are broken off
GRACE_SECONDS = 2.0


class Conductor:
    """Everything that a conductor runs."""

    def __init__(self, conf, transport=None):
        self._conf = conf
        quotas.configure(conf)
        self._store = work_metrics.MeteredStore(store.connect(conf, secrets.load(conf)))
        self._connections = connections.Connections(conf)
        self._leases = leases.LeaseKeeper(self._store, conf.host, conf.conductor.lease_seconds)
        self._site = site.Site(conf, self._store)
        self._health = site.StoreHealth(self._store, self._site.clock)
        self._ownership = ownership.Ownership(conf, self._store)
        self._worker = worker.Worker(conf, self._store, self._leases, self._connections, self._ownership)
        self._ironic = access.Ironic(conf)
        self._node_worker = node_worker.NodeWorker(
            conf,
            self._store,
            self._leases,
            live_connections=self._connections,
            ownership=self._ownership,
            ironic=self._ironic,
            hint=self._hint,
        )
        transport = transport or messaging.get_transport(conf)
        self._peers = ownership.Peers(conf, transport, self._site)
        self._site.announce = self._peers.announce
        live = resources.Documents(conf, self._store, self._connections, self._ownership)
        self._resources = resources.ResourcesEndpoint(conf, self._store, live, self._ownership, self._peers)
        self._introspection = service.Introspecting(
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
            self._node_worker,
            node_sweep.Sweep(self._store, self._leases, self._wake_all),
            *self._relays(),
            purge.Purge(conf, self._store, self._leases),
            self._deletions,
            leftovers.Leftovers(self._store, self._leases, self._deletions.finish),
            removals.Removals(self._store, self._leases, self._connections),
            observer.Observer(
                self._store, self._health, owns=self._ownership.owns, published=conf.notifications.enabled
            ),
            *self._subscriptions(),
            *self._figures(),
        ]

    def _endpoints(self):
        subscribes = self._conf.events.enabled and self._conf.events.port is not None
        self._deletions = deletions.Deletions(
            self._store, self._leases, self._conf.host, subscribes=subscribes
        )
        self._pod_managers = pod_managers.PodManagersEndpoint(
            self._store, self._deletions, self._connections, self._ownership, self._wake_all
        )
        self._backup = backup.BackupEndpoint(self._store)
        return [
            records.RecordsEndpoint(self._store),
            self._pod_managers,
            self._resources,
            nodes.NodesEndpoint(self._store, self._wake_nodes, self._ironic),
            devices.DevicesEndpoint(self._store),
            flavors.FlavorsEndpoint(self._store),
            flavors.QuotasEndpoint(self._store),
            operations.OperationsEndpoint(self._store, self._leases, self._wake, self._wake_all),
            self._backup,
            *self._introspection.endpoints,
            status.StatusEndpoint(self._conf.host, self._health, self._site),
        ]

    def _long(self):
        """Return the slow namespaces, each with its own threads; old APIs call them on the main topic."""
        options = self._conf.conductor
        return [
            rpc_server.Long(messaging.DETAILS_TOPIC, [self._resources], options.detail_threads),
            rpc_server.Long(messaging.BULK_TOPIC, self._introspection.endpoints, options.document_threads),
            rpc_server.Long(messaging.DELETION_TOPIC, [self._pod_managers], DELETION_THREADS),
            rpc_server.Long(messaging.SESSION_TOPIC, [self._backup], SESSION_THREADS),
        ]

    def _wake(self):
        self._ownership.membership.wake()
        self._worker.wake()
        self._node_worker.wake()

    def _wake_all(self):
        self._worker.wake()
        self._node_worker.wake()
        self._peers.wake_all()

    def _wake_nodes(self, podm_id):
        """Have work on the nodes of a pod manager begin; nobody else needs to look where it is this conductor's."""
        if self._ownership.owns(podm_id):
            self._node_worker.wake()
        else:
            self._wake_all()

    def _hint(self, podm_id, resource_url, is_structural):
        """Have a resource, or a whole pod manager, read again that work on a node has changed."""
        self._worker.hints.offer(podm_id, [base.Hint(resource_url, structural=is_structural)])

    def _relays(self):
        if not self._conf.notifications.enabled:
            return [restores.Watch(self._store)]
        notifier = notifications.Notifier(self._conf)
        share = functools.partial(outbox.share, self._ownership.membership, self._conf.host)
        relay = outbox.Relay(self._store, self._leases, notifier, share)
        self._store.told = relay.wake
        return [relay]

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
            http_server.Server(
                "metrics", options.metrics_host, options.metrics_port, metrics.application, limits=METRICS
            )
        ]

    def start(self):
        """Start every part, and the work on pod managers last, when all calls can be answered.

        Raises SchemaOutdated, and StoreUnavailable when the database is away: nothing runs then.
        """
        self._store.schema.require()
        self._site.read()
        self._health.look()
        self._leases.inherit()
        restores.begin_at_start(self._store)
        for part in self._parts:
            part.start()
        self._server.start()
        self._ownership.start()
        self._worker.start()
        LOG.info("conductor %s serves the site %s", self._conf.host, self._site.site)

    def stop(self):
        """Leave the other conductors, hand back running work so that they continue it, answer open calls, and end."""
        LOG.info("conductor %s stops", self._conf.host)
        end = Ending(self._conf.conductor.drain_seconds)
        end.run("membership", self._ownership.leave)
        self._deletions.hand_back()
        self._worker.hand_back(min(HAND_BACK_SECONDS, end.left()))
        end.run("leases", self._leases.release_all)
        end.run("peers", self._peers.wake_all)
        end.run("calls", self._server.stop, grace=GRACE_SECONDS, hurry=self._break_off)
        end.run("worker", lambda: self._worker.stop(end.left()))
        end.run("resources", self._resources.stop)
        for part in reversed(self._parts):
            end.run(type(part).__name__, part.stop, grace=GRACE_SECONDS, hurry=self._break_off_all)
        end.run("connections", self._connections.close, grace=GRACE_SECONDS, hurry=self._break_off_all)
        self._store.close()

    def _break_off(self):
        """Interrupt the reading of documents and introspections; other work has ended or been handed back before."""
        self._connections.break_off([connections.LIVE, connections.INTROSPECTION])

    def _break_off_all(self):
        self._connections.break_off(connections.KINDS)


class Ending:
    """A deadline ``seconds`` from now for the steps of a shutdown; ``clock`` returns seconds."""

    def __init__(self, seconds: float, clock: abc.Callable[[], float] = time.monotonic):
        self._clock, self._at = clock, clock() + seconds

    def left(self) -> float:
        """Return the seconds until the deadline, 0 after it."""
        return max(0.0, self._at - self._clock())

    def run(
        self,
        name: str,
        step: abc.Callable[[], object],
        *,
        grace: float | None = None,
        hurry: abc.Callable[[], object] | None = None,
    ) -> bool:
        """Run a step until the deadline; return whether it ended, or leave it behind.

        If it runs longer than ``grace`` seconds, ``hurry`` is called, which makes it end.
        """
        thread = threading.Thread(target=_run, args=(name, step), name=f"stop-{name}", daemon=True)
        thread.start()
        if hurry is not None:
            thread.join(min(grace or 0.0, self.left()))
            if thread.is_alive():
                hurry()
        thread.join(self.left())
        if thread.is_alive():
            LOG.warning("%s did not end in time and is left behind", name)
        return not thread.is_alive()


def _run(name, step):
    try:
        step()
    except Exception:  # the steps that follow must run in any case
        LOG.exception("%s could not be stopped", name)
