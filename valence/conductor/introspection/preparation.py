# SPDX-License-Identifier: Apache-2.0
"""The background work of introspections: boot machines or inspect them by Redfish, and fail what is overdue."""

import collections
import threading

from oslo_log import log

from valence.common import context
from valence.common import errors
from valence.common import introspection_errors
from valence.conductor.introspection import states
from valence.conductor.inventory import connections
from valence.conductor.work import threads
from valence.db import models
from valence.db import store
from valence.introspection import documents

LOG = log.getLogger(__name__)

#: seconds between two looks for work
INTERVAL = 1.0
#: seconds between two looks at least: what ends in quick succession is followed by one look
REST = 0.05
#: rows that one query finds
PAGE = 1000
FIELDS = ("uuid", "podm_id", "started_at", "state")
#: introspections of one pod manager that are begun at the same time
SHARE = 2
#: seconds after which the start of an introspection gives its place to one of another pod manager
SLOW_SECONDS = 2.0
#: states in which there is something to be done; in WORKING that is what a failed conductor left
WORK = ("starting", *states.WORKING)
#: why a pod manager was not contacted, or not with success
NO_CONTACT = (errors.PodManagerError, errors.InMaintenance, errors.SecretUnreadable)


class Introspector:
    """Polls every second, and after ``wake``, for introspections that were started or are overdue.

    At most SHARE introspections of a pod manager run at the same time, the oldest first. Slow pod managers wait for
    slow ones.
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
        self._loop = threads.Loop("introspector", self.look, INTERVAL, rest=REST)
        self.wake = self._loop.wake
        self._pool = threads.WorkerPool(
            self._work,
            ended=self._look_again,
            workers=conf.sync.workers,
            slow_workers=conf.sync.slow_workers,
            patience=SLOW_SECONDS,
        )

    def start(self):
        """Begin to poll."""
        self._loop.start()

    def stop(self):
        """Hand back running work: another conductor continues it."""
        self._stopping = True
        self._loop.stop()
        self._connections.break_off([connections.INTROSPECTION])
        self._pool.stop()

    def look(self):
        """Offer the introspections that were started to the pool, and let those fail that are overdue."""
        overdue = [
            store.Filter("state", "in", list(states.OPEN)),
            store.Filter("deadline", "lt", self._store.at()),
        ]
        for row in list(self._rows(overdue)):
            self._alone(row.uuid, self._fail_overdue)
        started = self._left_alone(list(self._rows([store.Filter("state", "in", list(WORK))])))
        pod_managers = {row.podm_id for row in started}
        self._ownership.learn(pod_managers)
        mine = set(filter(self._ownership.owns, pod_managers))
        waiting = collections.defaultdict(collections.deque)
        for row in sorted(started, key=lambda row: row.started_at or ""):
            if row.podm_id in mine:
                waiting[row.podm_id].append(row.uuid)
        with self._lock:
            self._waiting = waiting
        self._pool.offer(_in_turn(waiting))

    def _left_alone(self, rows):
        """Return the rows without those whose documents a conductor works on: it holds their lease."""
        if all(row.state == "starting" for row in rows):
            return rows
        held = {lease.name for lease in self._store.leases(states.lease_name(""))}
        return [row for row in rows if row.state == "starting" or states.lease_name(row.uuid) not in held]

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
        """Poll again if work on a pod manager was done and more waits for its place."""
        if key in self._advanced:
            self._advanced.discard(key)
            self.wake()

    def _work(self, key):
        """Run the oldest free introspection of a pod manager; ``key`` is (UUID of the pod manager, place)."""
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
        except Exception:  # drivers and plug-ins raise anything; the introspection must end
            LOG.exception("introspection %s: its start failed", uuid)
            self._alone(uuid, self._fail_unexpected)
        finally:
            with self._lock:
                self._busy.discard(uuid)

    def _alone(self, uuid, work):
        """Run ``work`` under an introspection's lease, unless another conductor holds it; return whether it ran."""
        try:
            with self._leases.hold(states.lease_name(uuid)) as lease:
                work(self._records.get(uuid), lease)
            return True
        except (errors.LeaseHeld, errors.LeaseLost, errors.RevisionMismatch, errors.NotFound):
            pass
        except errors.Unavailable as error:
            LOG.warning("introspection %s waits: %s", uuid, error.detail)
        return False

    def _fail_overdue(self, row, lease):
        if row.state in states.OPEN and row.deadline and row.deadline < self._store.at():
            self._records.fail(context.service_context(), row, states.TIMEOUT, lease)

    def _fail_unexpected(self, row, lease):
        """Fail an introspection that would fail again every second; the cause is in the log."""
        if row.state in states.OPEN:
            self._records.fail(context.service_context(), row, errors.Internal(host=self._host).detail, lease)

    def _prepare(self, row, lease):
        mine = context.service_context()
        if row.state == "reapplying":
            self._resume(mine, row, lease)
        elif row.state == "processing" and row.source != "redfish":
            # Its conductor failed. The ramdisk was not answered, and sends its document again.
            self._records.restore(row, {"state": "waiting", "deadline": self._records.extended()}, lease)
        elif row.state in WORK:
            self._begin(mine, row, lease)

    def _begin(self, mine, row, lease):
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
        """Return a context manager that gives a connection to the pod manager of a machine."""
        pod_manager = connections.read(self._store, machine.podm_id)
        return self._connections.use(pod_manager, connections.INTROSPECTION)

    def _take(self, mine, row, lease, document):
        try:
            self._intake.take(mine, row, lease, document)
        except introspection_errors.RamdiskFailed as error:
            LOG.info("introspection %s failed: %s", row.uuid, error.detail)
        except errors.BadRequest as error:  # what the pod manager told is no document, or takes too long
            self._records.fail(mine, row, error.detail, lease)
        except errors.Conflict:
            pass  # it was aborted, or started anew, while the pod manager answered

    def _resume(self, mine, row, lease):
        try:
            self._intake.resume(mine, row, lease)
        except errors.Unavailable:
            raise
        except errors.ValenceError as error:
            LOG.info("introspection %s failed: %s", row.uuid, error.detail)

    def _known(self, row, machine):
        """Return the addresses and identifiers by which the machine's ramdisk will be recognized."""
        try:
            with self._connection(machine) as driver:
                told = driver.machine(machine.resource_url)
        except NO_CONTACT:
            if row.manage_boot:
                raise
            # Whoever boots the machine without Valence needs no pod manager; its serial number may do.
            return documents.normal(serial=[machine.identity], uuid=[machine.identity])
        return documents.normal(
            mac=told.macs, bmc_address=told.bmc_addresses, uuid=[told.uuid], serial=[told.serial]
        )


def _in_turn(waiting):
    """Return the places of pod managers that have work: the first one of each, then the second one of each."""
    return [(podm_id, place) for place in range(SHARE) for podm_id, of in waiting.items() if place < len(of)]
