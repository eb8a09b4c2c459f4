# SPDX-License-Identifier: Apache-2.0
"""Sees that every owned pod manager tells of its changes, by the best way that it has; the timer only reconciles then.

A subscription is renewed when the pod manager has dropped it, and ended when the pod manager is removed, in
maintenance, or served by another conductor. Whoever subscribes removes what a dead predecessor left: Valence's
subscriptions to a pod manager all have the same Context.
"""

import collections
import dataclasses
import threading
import time
from concurrent import futures

from oslo_log import log

from valence.common import errors
from valence.conductor import access
from valence.conductor import attachments
from valence.conductor import connections
from valence.conductor import due
from valence.conductor import metrics
from valence.conductor import periodic
from valence.conductor import removals
from valence.conductor import worker
from valence.db import models
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
    """How one pod manager is attached, and when that is looked after next (``time.monotonic``)."""

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
        """Look after it again after a pause, longer each time until it lasts; return the seconds."""
        pause = min(RETRY_INTERVAL * 2**self.failures, LONGEST_RETRY)
        self.failures += 1
        self.postpone(pause)
        return pause


class Subscriptions:
    """Attaches the pod managers for which ``owns(uuid)`` is true; ``receiver`` is None where nobody can post."""

    def __init__(self, database, leases, live_connections, hints, *, owns, receiver=None):
        self._store, self._leases, self._connections = database, leases, live_connections
        self._hints, self._owns, self._receiver = hints, owns, receiver
        self._cares, self._busy, self._lock = {}, set(), threading.Lock()
        self._pool = futures.ThreadPoolExecutor(WORKERS, "subscriptions")
        self._loop = periodic.Loop("subscriptions", self.look, LOOK_INTERVAL)
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
        for uuid in list(self._cares):
            self._submit(self._leave, uuid)
        self._pool.shutdown(wait=True)
        if self._receiver is not None:
            self._receiver.stop()

    def look(self):
        """Look after everybody who needs it now."""
        wanted = {
            each.uuid for each in self._store.list(models.PodManager, fields=FIELDS) if self._wants(each)
        }
        now = time.monotonic()
        for uuid in self._cares.keys() - wanted:
            self._submit(self._leave, uuid)
        for uuid in wanted:
            care = self._cares.setdefault(uuid, Care())
            if care.due <= now or self._is_detached(uuid, care):
                self._submit(self._attend, uuid)
        self._show()

    def _wants(self, pod_manager):
        return pod_manager.status == "online" and not pod_manager.maintenance and self._owns(pod_manager.uuid)

    def _is_detached(self, uuid, care):
        """Tell whether the connection was closed since, and its subscription with it."""
        attached = care.attached
        return attached is not None and attached.driver is not self._connections.current(
            uuid, connections.EVENTS
        )

    def _submit(self, task, uuid):
        with self._lock:
            if uuid in self._busy:
                return
            self._busy.add(uuid)
        self._pool.submit(self._run, task, uuid)

    def _run(self, task, uuid):
        try:
            task(uuid)
        except (errors.LeaseHeld, errors.NotFound, errors.InMaintenance):
            pass  # it is being worked on, or gone, or in maintenance: the next look tells
        except errors.ValenceError as error:
            self._note_failure(uuid, error.detail)
        except Exception:
            LOG.exception("pod manager %s: its events could not be attached", uuid)
            self._note_failure(uuid, "an unexpected error")
        finally:
            with self._lock:
                self._busy.discard(uuid)

    def _note_failure(self, uuid, reason):
        pause = self._cares.setdefault(uuid, Care()).retry()
        LOG.warning("pod manager %s: no events, trying again in %.0f s: %s", uuid, pause, reason)

    def _leave(self, uuid):
        care = self._cares.pop(uuid, None)
        if care is not None and care.attached is not None:
            care.attached.end()
        self._hints.discard(uuid)

    def _attend(self, uuid):
        """See that a pod manager is attached by the connection that it has now."""
        care, pod_manager = self._cares[uuid], access.read(self._store, uuid)
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
                due.make_due(self._store, pod_manager, lease, within=RECONCILE_SECONDS)
        care.postpone(NOTHING_INTERVAL if care.attached.way == attachments.NONE else CHECK_INTERVAL)
        if care.attached.is_over:
            care.retry()
        if self._stopping:
            self._leave(uuid)

    def _detach(self, care, *, dropped):
        """End what there was; ``dropped`` says that the pod manager did so before."""
        attached, care.attached = care.attached, None
        if attached is None:
            return
        care.mute = care.mute or (dropped and attached.way == base.PUSH and not attached.heard)
        attached.end()

    def _attach(self, care, pod_manager, driver):
        """Return the best attachment that can be made."""
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
        """Remove, once, what earlier registrations of the pod manager have left there."""
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
        return lambda hints: self._hints.offer(uuid, hints)

    def _show(self):
        found = [care.attached for care in list(self._cares.values()) if care.attached is not None]
        counts = collections.Counter(each.way for each in found)
        for way in (*base.WAYS, attachments.NONE):
            metrics.SUBSCRIPTIONS.labels(way).set(counts[way])
