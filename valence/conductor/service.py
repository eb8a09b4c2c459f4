# SPDX-License-Identifier: Apache-2.0
"""The conductor as a service: built from its parts, started in order, stopped in the reverse order."""

from oslo_log import log

from valence.common import messaging
from valence.common import metrics
from valence.common import notifications
from valence.common import secrets
from valence.conductor import connections
from valence.conductor import health
from valence.conductor import leases
from valence.conductor import listener
from valence.conductor import metered_store
from valence.conductor import observer
from valence.conductor import outbox
from valence.conductor import purge
from valence.conductor import worker
from valence.conductor.endpoints import backup
from valence.conductor.endpoints import operations
from valence.conductor.endpoints import pod_managers
from valence.conductor.endpoints import records
from valence.conductor.endpoints import resources
from valence.conductor.endpoints import status
from valence.db import store

LOG = log.getLogger(__name__)


class Conductor:
    """Everything that a conductor runs; ``stop`` drains it."""

    def __init__(self, conf, transport=None):
        self._conf = conf
        self._store = metered_store.MeteredStore(store.connect(conf, secrets.load(conf)))
        self._connections = connections.Connections(conf)
        self._leases = leases.LeaseKeeper(self._store, conf.host, conf.conductor.lease_seconds)
        self._health = health.StoreHealth(self._store)
        self._worker = worker.Worker(conf, self._store, self._leases, self._connections)
        self._resources = resources.ResourcesEndpoint(conf, self._store, self._connections)
        self._server = messaging.Server(
            conf, transport or messaging.get_transport(conf), self._endpoints(), conf.host
        )
        self._parts = [
            self._leases,
            self._health,
            *self._relays(),
            purge.Purge(conf, self._store, self._leases),
            observer.Observer(
                self._store, self._health, owns=lambda uuid: True, published=conf.notifications.enabled
            ),
            *self._figures(),
        ]

    def _endpoints(self):
        return [
            records.RecordsEndpoint(self._store),
            pod_managers.PodManagersEndpoint(self._store, self._leases, self._connections, self._worker.ring),
            self._resources,
            operations.OperationsEndpoint(self._worker.ring),
            backup.BackupEndpoint(self._store),
            status.StatusEndpoint(self._conf.host, self._health),
        ]

    def _relays(self):
        if not self._conf.notifications.enabled:
            return []
        return [outbox.Relay(self._store, self._leases, notifications.Notifier(self._conf))]

    def _figures(self):
        options = self._conf.conductor
        if options.metrics_port is None:
            return []
        return [listener.Listener("metrics", options.metrics_host, options.metrics_port, metrics.application)]

    def start(self):
        """Start every part; the RPC server comes last, when all can be answered.

        Raises SchemaOutdated, and StoreUnavailable when the database is away: nothing runs then.
        """
        self._store.schema.require()
        for part in self._parts:
            part.start()
        self._worker.start()
        self._server.start()
        LOG.info("conductor %s serves", self._conf.host)

    def stop(self):
        """Answer what was asked, hand back what runs, give leases and connections back."""
        LOG.info("conductor %s stops", self._conf.host)
        self._server.stop()
        self._worker.stop()
        self._resources.stop()
        for part in reversed(self._parts):
            part.stop()
        self._connections.close()
        self._store.close()
