# SPDX-License-Identifier: Apache-2.0
"""The work that introspections wait for: machines are prepared and booted, and what takes too long fails."""

import collections
import threading

from oslo_log import log

from valence.common import context
from valence.common import errors
from valence.common import introspection_errors
from valence.conductor import access
from valence.conductor import connections
from valence.conductor import crew
from valence.conductor import introspections
from valence.conductor import periodic
from valence.db import models
from valence.db import store
from valence.introspection import addresses

LOG = log.getLogger(__name__)

#: seconds between two looks for work
INTERVAL = 1.0
#: seconds between two looks at least: what ends in quick succession is followed by one look
REST = 0.05
#: rows that one query finds
PAGE = 1000
FIELDS = ("uuid", "podm_id", "started_at")
#: introspections of one pod manager that are begun at the same time
SHARE = 2
#: seconds after which the start of an introspection gives its place to one of another pod manager
SLOW_SECONDS = 2.0
#: what there is to be done: ramdisks send again what a dead conductor left, of Redfish nobody does
WORK = ({"state": "starting"}, {"state": "processing", "source": "redfish"})
OPEN = ("starting", "waiting", "processing", "reapplying")
#: why a pod manager was not contacted, or not with success
NO_CONTACT = (errors.PodManagerError, errors.InMaintenance, errors.SecretUnreadable)
#: the text that clients of ironic-inspector know
TIMEOUT = "Introspection timeout"


class Introspector:
    """Looks every second, or when rung, for introspections that were started or are overdue.

    A pod manager has at most SHARE of them at the same time, the oldest first; those of a slow one wait for slow ones.
    """

    def __init__(self, conf, database, leases, *, live_connections, ownership, records, intake):
        self._store, self._leases, self._intake = database, leases, intake
        self._host = conf.host
        self._connections, self._ownership, self._records = live_connections, ownership, records
        #: UUIDs of introspections by pod manager, the oldest first, and of those that are worked on
        self._waiting: dict[str, collections.deque] = {}
        self._busy, self._lock, self._stopping = set(), threading.Lock(), False
        #: places whose work was done and whose pod manager has more
        self._advanced: set[tuple] = set()
        self._loop = periodic.Loop("introspector", self.look, INTERVAL, rest=REST)
        self.ring = self._loop.ring
        self._crew = crew.Crew(
            self._work,
            ended=self._look_again,
            workers=conf.sync.workers,
            slow_workers=conf.sync.slow_workers,
            patience=SLOW_SECONDS,
        )

    def start(self):
        """Begin to look for work."""
        self._loop.start()

    def stop(self):
        """Hand back what is being done: another conductor goes on with it."""
        self._stopping = True
        self._loop.stop()
        self._connections.break_off([connections.INTROSPECTION])
        self._crew.stop()

    def look(self):
        """Give what was started to the crew, and let fail what is overdue."""
        overdue = [store.Filter("state", "in", list(OPEN)), store.Filter("deadline", "lt", self._store.at())]
        for row in list(self._rows(overdue)):
            self._alone(row.uuid, self._fail_overdue)
        started = [row for wanted in WORK for row in self._rows(_filters(wanted))]
        pod_managers = {row.podm_id for row in started}
        self._ownership.learn(pod_managers)
        mine = set(filter(self._ownership.owns, pod_managers))
        waiting = collections.defaultdict(collections.deque)
        for row in sorted(started, key=lambda row: row.started_at or ""):
            if row.podm_id in mine:
                waiting[row.podm_id].append(row.uuid)
        with self._lock:
            self._waiting = waiting
        self._crew.offer(_in_turn(waiting))

    def _rows(self, filters):
        """Yield all introspections with what is needed to choose, a page at a time: few are open at once."""
        marker, page = None, [None] * PAGE
        while len(page) == PAGE:
            page = self._store.list(
                models.Introspection, filters=filters, marker=marker, limit=PAGE, fields=FIELDS
            )
            yield from page
            marker = page[-1].uuid if page else None

    def _look_again(self, key):
        """Look for more if a place of a pod manager has become free by work that was done."""
        if key in self._advanced:
            self._advanced.discard(key)
            self.ring()

    def _work(self, key):
        """Do the oldest introspection of a pod manager that nobody works on; the key is of one of its places."""
        with self._lock:
            waiting = self._waiting.get(key[0])
            uuid = next((each for each in waiting or () if each not in self._busy), None)
            if uuid is None or self._stopping:
                return
            waiting.remove(uuid)
            self._busy.add(uuid)
        try:
            if self._alone(uuid, self._prepare) and self._waiting.get(key[0]):
                self._advanced.add(key)
        except Exception:
            LOG.exception("introspection %s: its start failed", uuid)
            self._alone(uuid, self._fail_unexpected)
        finally:
            with self._lock:
                self._busy.discard(uuid)

    def _alone(self, uuid, work):
        """Do ``work`` under an introspection's lease, unless another has it or was faster; return if it was done."""
        try:
            with self._leases.hold(introspections.lease_name(uuid)) as lease:
                work(self._records.get(uuid), lease)
            return True
        except (errors.LeaseHeld, errors.LeaseLost, errors.RevisionMismatch, errors.NotFound):
            pass
        except errors.Unavailable as error:
            LOG.warning("introspection %s waits: %s", uuid, error.detail)
        return False

    def _fail_overdue(self, row, lease):
        if row.state in OPEN and row.deadline and row.deadline < self._store.at():
            self._records.fail(context.service_context(), row, TIMEOUT, lease)

    def _fail_unexpected(self, row, lease):
        """Let an introspection fail that would fail again each second; the cause is in the log."""
        if row.state in OPEN:
            self._records.fail(context.service_context(), row, errors.Internal(host=self._host).detail, lease)

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
            if self._stopping:
                return  # this conductor interrupted it; the next one goes on
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


def _filters(wanted):
    return [store.Filter(name, "eq", value) for name, value in wanted.items()]


def _in_turn(waiting):
    """Return the places of pod managers that have work: the first one of each, then the second one of each."""
    return [(podm_id, place) for place in range(SHARE) for podm_id, of in waiting.items() if place < len(of)]
