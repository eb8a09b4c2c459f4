# SPDX-License-Identifier: Apache-2.0
"""Keep each pod manager of this conductor subscribed by its best way to send events; the timer then only reconciles.

A subscription is renewed when the pod manager has dropped it, and ended when the pod manager is removed, in
maintenance, or served by another conductor. All subscriptions of Valence to a pod manager have the same Context, so a
new one replaces what a failed predecessor left.
"""

import collections
import dataclasses
import functools
import time

from oslo_log import log

from valence.common import errors
from valence.conductor.cluster import ownership
from valence.conductor.hardware_events import attachments
from valence.conductor.hardware_events import removals
from valence.conductor.inventory import connections
from valence.conductor.monitoring import work_metrics
from valence.conductor.work import pacing
from valence.conductor.work import threads
from valence.conductor.work import worker
from valence.podmanagers import base

LOG = log.getLogger(__name__)

#: seconds between two looks for who is not attached, and between two questions whether a subscription is still there
LOOK_INTERVAL, CHECK_INTERVAL = 2.0, 60.0
#: seconds until another try where that failed, doubled with each failure; and where there is nothing to try
RETRY_INTERVAL, LONGEST_RETRY, NOTHING_INTERVAL = 2.0, 300.0, 600.0
#: seconds within which a pod manager that was attached is synchronized; many are attached at once when a conductor dies
RECONCILE_SECONDS = 30.0
WORKERS = 8
FIELDS = ("uuid", "status", "maintenance")


@dataclasses.dataclass
class Care:
    """How one pod manager is attached, and when that is checked next (``time.monotonic``)."""

    attached: object = None
    due: float = 0.0
    failures: int = 0
    #: it dropped a subscription without having posted anything: it probably cannot reach the receiver
    mute: bool = False
    #: what earlier registrations have left at it was removed
    is_cleaned: bool = False

    def postpone(self, seconds):
        self.due = time.monotonic() + seconds

    def retry(self):
        """Plan another attempt after a pause, longer with each failure in a row; return the seconds."""
        pause = min(RETRY_INTERVAL * 2**self.failures, LONGEST_RETRY)
        self.failures += 1
        self.postpone(pause)
        return pause


class Subscriptions:
    """Attaches the pod managers for which ``owns(uuid)`` is true; ``receiver`` is None where posts cannot arrive."""

    def __init__(self, database, leases, live_connections, hints, *, owns, receiver=None):
        self._store, self._leases, self._connections = database, leases, live_connections
        self._hints, self._owns, self._receiver = hints, owns, receiver
        self._cares, self._wanted = {}, set()
        self._pool = threads.WorkerPool(self._work, workers=WORKERS)
        self._loop = threads.Loop("subscriptions", self.look, LOOK_INTERVAL)
        self._stopping = False

    def start(self):
        """Begin to attach."""
        if self._receiver is not None:
            self._receiver.start()
        self._loop.start()

    def stop(self):
        """End every subscription and stream."""
        self._stopping = True
        self._loop.stop(timeout=10)
        self._pool.offer(list(self._cares))
        self._pool.stop(finish=True)
        if self._receiver is not None:
            self._receiver.stop()

    def look(self):
        """Offer the pod managers to attach, to check, and to detach to the pool."""
        owned = ownership.owned(self._store, self._owns, FIELDS)
        self._wanted = {each.uuid for each in owned if each.status == "online" and not each.maintenance}
        for uuid in self._wanted:
            self._cares.setdefault(uuid, Care())
        self._pool.offer([uuid for uuid, care in list(self._cares.items()) if self._is_due(uuid, care)])
        self._show()

    def _is_due(self, uuid, care):
        """Whether a pod manager is to be looked after now; a closed connection has lost its subscription too."""
        if uuid not in self._wanted or care.due <= time.monotonic():
            return True
        current = self._connections.current(uuid, connections.EVENTS)
        return care.attached is not None and care.attached.driver is not current

    def _work(self, uuid):
        try:
            if self._stopping or uuid not in self._wanted:
                self._leave(uuid)
            else:
                self._attend(uuid)
        except (errors.LeaseHeld, errors.NotFound, errors.InMaintenance):
            pass  # it is being worked on, or gone, or in maintenance: the next look tells
        except errors.ValenceError as error:
            self._note_failure(uuid, error.detail)
        except Exception:  # drivers raise anything; the others must be served
            LOG.exception("pod manager %s: its events could not be attached", uuid)
            self._note_failure(uuid, "an unexpected error")

    def _note_failure(self, uuid, reason):
        pause = self._cares.setdefault(uuid, Care()).retry()
        LOG.warning("pod manager %s: no events, trying again in %.0f s: %s", uuid, pause, reason)

    def _leave(self, uuid):
        care = self._cares.pop(uuid, None)
        if care is not None and care.attached is not None:
            care.attached.end()
        self._hints.discard(uuid)

    def _attend(self, uuid):
        """Check that a pod manager is attached over its current connection, or attach it."""
        care, pod_manager = self._cares[uuid], connections.read(self._store, uuid)
        driver, attached = self._connections.get(pod_manager, connections.EVENTS), care.attached
        if attached is not None and attached.driver is driver and attached.is_alive():
            care.failures = 0
            care.postpone(CHECK_INTERVAL)
            return
        with self._leases.hold(worker.lease_name(uuid)) as lease:
            self._detach(care, dropped=attached is not None and attached.driver is driver)
            care.attached = self._attach(care, pod_manager, driver)
            if care.attached.way != attachments.NONE:
                # What changed before, nobody told.
                pacing.make_due(self._store, pod_manager, lease, within=RECONCILE_SECONDS)
        care.postpone(NOTHING_INTERVAL if care.attached.way == attachments.NONE else CHECK_INTERVAL)
        if care.attached.is_over:
            care.retry()
        if self._stopping:
            self._leave(uuid)

    def _detach(self, care, *, dropped):
        """End the attachment; ``dropped`` says that the pod manager has ended it before."""
        attached, care.attached = care.attached, None
        if attached is None:
            return
        care.mute = care.mute or (dropped and attached.way == base.PUSH and not attached.heard)
        attached.end()

    def _attach(self, care, pod_manager, driver):
        """Return the best attachment that works."""
        ways = driver.ways()
        if base.PUSH in ways and self._receiver is not None and not (care.mute and base.STREAM in ways):
            try:
                return self._push(care, pod_manager, driver)
            except errors.PodManagerError as error:
                if base.STREAM not in ways:
                    raise
                LOG.info(
                    "pod manager %s: no subscription, a stream instead: %s", pod_manager.uuid, error.detail
                )
        if base.STREAM in ways:
            return self._stream(care, pod_manager, driver)
        return attachments.Nothing(driver)

    def _remove_left(self, care, pod_manager, driver):
        """Remove, once, the subscriptions that earlier registrations of the pod manager left."""
        if care.is_cleaned:
            return
        try:
            driver.remove_subscriptions(lambda context: removals.is_left(self._store, context))
            care.is_cleaned = True
        except errors.PodManagerError as error:
            LOG.info("pod manager %s: old subscriptions may be left: %s", pod_manager.uuid, error.detail)

    def _push(self, care, pod_manager, driver):
        offer = self._offer(pod_manager.uuid)
        context = removals.context_of(pod_manager.uuid)
        attached = attachments.Push(driver, pod_manager, context, self._receiver, offer)
        self._remove_left(care, pod_manager, driver)
        LOG.info("pod manager %s: posts its events", pod_manager.uuid)
        return attached

    def _stream(self, care, pod_manager, driver):
        LOG.info("pod manager %s: its events come as a stream", pod_manager.uuid)
        return attachments.Stream(driver, pod_manager, self._offer(pod_manager.uuid), care.retry)

    def _offer(self, uuid):
        return functools.partial(self._hints.offer, uuid)

    def _show(self):
        found = [care.attached for care in list(self._cares.values()) if care.attached is not None]
        counts = collections.Counter(each.way for each in found)
        for way in (*base.WAYS, attachments.NONE):
            work_metrics.SUBSCRIPTIONS.labels(way).set(counts[way])
