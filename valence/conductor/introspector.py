# SPDX-License-Identifier: Apache-2.0
"""The work that introspections wait for: machines are prepared and booted, and what takes too long fails."""

import threading

import futurist
from oslo_log import log

from valence.common import context
from valence.common import errors
from valence.common import introspection_errors
from valence.conductor import access
from valence.conductor import connections
from valence.conductor import introspections
from valence.conductor import periodic
from valence.db import models
from valence.db import store
from valence.introspection import addresses

LOG = log.getLogger(__name__)

#: seconds between two looks for work
INTERVAL = 1.0
LOOK_LIMIT = 100
#: what there is to be done: ramdisks send again what a dead conductor left, of Redfish nobody does
WORK = ({"state": "starting"}, {"state": "processing", "source": "redfish"})
OPEN = ("starting", "waiting", "processing", "reapplying")
#: why a pod manager was not contacted, or not with success
NO_CONTACT = (errors.PodManagerError, errors.InMaintenance, errors.SecretUnreadable)
#: the text that clients of ironic-inspector know
TIMEOUT = "Introspection timeout"


class Introspector:
    """Looks every second, or when rung, for introspections that were started or are overdue."""

    def __init__(self, conf, database, leases, *, live_connections, ownership, records, intake):
        self._store, self._leases, self._intake = database, leases, intake
        self._connections, self._ownership, self._records = live_connections, ownership, records
        self._busy, self._lock = set(), threading.Lock()
        self._pool = futurist.ThreadPoolExecutor(max_workers=conf.sync.workers)
        self._loop = periodic.Loop("introspector", self.look, INTERVAL)
        self.ring = self._loop.ring

    def start(self):
        """Begin to look for work."""
        self._loop.start()

    def stop(self):
        """End what is being done."""
        self._loop.stop()
        self._pool.shutdown(wait=True)

    def look(self):
        """Give what was started to the pool, and let fail what is overdue."""
        overdue = [store.Filter("state", "in", list(OPEN)), store.Filter("deadline", "lt", self._store.at())]
        for row in self._store.list(models.Introspection, filters=overdue, limit=LOOK_LIMIT):
            self._alone(row.uuid, self._fail_overdue)
        for wanted in WORK:
            filters = [store.Filter(name, "eq", value) for name, value in wanted.items()]
            for row in self._store.list(models.Introspection, filters=filters, limit=LOOK_LIMIT):
                if self._is_mine(row.podm_id):
                    self._submit(row.uuid)

    def _is_mine(self, podm_id):
        """Whether this conductor is the one that works on a pod manager; one that is new is looked up first."""
        return bool(self._ownership.owner(podm_id)) and self._ownership.owns(podm_id)

    def _submit(self, uuid):
        with self._lock:
            if uuid in self._busy:
                return
            self._busy.add(uuid)
        self._pool.submit(self._work, uuid)

    def _work(self, uuid):
        try:
            self._alone(uuid, self._prepare)
        except Exception:
            LOG.exception("introspection %s: its start failed; it is tried again", uuid)
        finally:
            with self._lock:
                self._busy.discard(uuid)

    def _alone(self, uuid, work):
        """Do ``work`` under the lease of an introspection; somebody else who has it, or was faster, does it."""
        try:
            with self._leases.hold(introspections.lease_name(uuid)) as lease:
                work(self._records.get(uuid), lease)
        except (errors.LeaseHeld, errors.LeaseLost, errors.RevisionMismatch, errors.NotFound):
            pass
        except errors.Unavailable as error:
            LOG.warning("introspection %s waits: %s", uuid, error.detail)

    def _fail_overdue(self, row, lease):
        if row.state in OPEN and row.deadline and row.deadline < self._store.at():
            self._records.fail(context.service_context(), row, TIMEOUT, lease)

    def _prepare(self, row, lease):
        if not any(wanted.items() <= row.as_dict().items() for wanted in WORK):
            return
        mine = context.service_context()
        try:
            machine = self._records.machine(row.uuid)
            if row.source == "redfish":
                self._take(mine, row, lease, self._inspect(machine))
                return
            row = self._records.expect(row, self._known(row, machine), lease)
            if row.manage_boot:
                with self._connection(machine) as driver:
                    driver.boot_from_network(machine.resource_url)
            self._records.change(mine, row, {"state": "waiting"}, lease=lease)
        except (*NO_CONTACT, introspection_errors.NotOffered) as error:
            self._records.fail(mine, row, error.detail, lease)

    def _inspect(self, machine):
        with self._connection(machine) as driver:
            return driver.inspect(machine.resource_url)

    def _connection(self, machine):
        """Return the context in which there is a connection to the pod manager of a machine."""
        pod_manager = access.read(self._store, machine.podm_id)
        return self._connections.use(pod_manager, connections.INTROSPECTION)

    def _take(self, mine, row, lease, document):
        try:
            self._intake.take(mine, row, lease, document)
        except introspection_errors.RamdiskFailed as error:
            LOG.info("introspection %s failed: %s", row.uuid, error.detail)
        except errors.Conflict:
            pass  # it was aborted, or started anew, while the pod manager answered

    def _known(self, row, machine):
        """Return what the machine is known by."""
        try:
            with self._connection(machine) as driver:
                told = driver.machine(machine.resource_url)
        except NO_CONTACT:
            if row.manage_boot:
                raise
            # Whoever boots the machine without Valence needs no pod manager; its serial number may do.
            return addresses.normal(serial=[machine.identity], uuid=[machine.identity])
        return addresses.normal(
            mac=told.macs, bmc_address=told.bmc_addresses, uuid=[told.uuid], serial=[told.serial]
        )
