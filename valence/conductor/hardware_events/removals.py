# SPDX-License-Identifier: Apache-2.0
"""Removal of event subscriptions that deleted pod managers still have.

The conductor that serves a pod manager removes its subscription when it notices the deletion. It may be dead by then:
so the deletion also stores a task, with what is needed to sign in, that any conductor carries out. The task, and the
password in it, is removed after its success, or after an hour of failures.
"""

import contextlib
import threading

from oslo_log import log

from valence.common import errors
from valence.conductor.work import threads
from valence.db import models
from valence.db import store

LOG = log.getLogger(__name__)

#: seconds between two looks for tasks
INTERVAL = 5.0
#: seconds until the first attempt, which leaves the owner time to do it; doubled with each failure up to a bound
FIRST_PAUSE, LONGEST_PAUSE = 10.0, 600.0
#: seconds after which a task is given up
LIFETIME = 3600.0
WORKERS = 4
PAGE = 100
PREFIX = "valence:"


def context_of(uuid: str) -> str:
    """Return the Context of Valence's subscriptions to a pod manager."""
    return PREFIX + uuid


def after_deletion(pod_manager: models.PodManager, database: store.Store) -> list[store.Create]:
    """Return the changes that have the subscription of a deleted pod manager removed.

    There are none where there can be no subscription, in maintenance, and without a readable password.
    """
    was_contacted = pod_manager.status == "online" or pod_manager.last_contact_at is not None
    if not was_contacted or pod_manager.maintenance or pod_manager.password is None:
        return []
    task = models.SubscriptionRemoval(
        podm_id=pod_manager.uuid,
        access=pod_manager.public(),
        password=pod_manager.password,
        next_attempt_at=database.at(FIRST_PAUSE),
        expires_at=database.at(LIFETIME),
    )
    return [store.Create(task)]


def is_left(database: store.Store, context: str) -> bool:
    """Return whether a Context belongs to a subscription of a pod manager that was deleted from this Valence.

    Its events, kept for [conductor] event_days, prove that the pod manager was this Valence's.
    """
    if not context.startswith(PREFIX):
        return False
    uuid = context.removeprefix(PREFIX)
    if database.count(models.PodManager, filters=[store.Filter("uuid", "eq", uuid)]):
        return False
    of_it = [store.Filter("object_id", "eq", uuid), store.Filter("object_kind", "eq", "pod_manager")]
    return bool(database.list(models.Event, filters=of_it, limit=1, fields=["uuid"]))


class Removals(threads.Periodic):
    """Runs the tasks, each under a lease of its own."""

    def __init__(self, database, leases, live_connections):
        self._store, self._leases, self._connections = database, leases, live_connections
        self._drivers, self._lock = set(), threading.Lock()
        self._pool = threads.WorkerPool(self._run, workers=WORKERS)
        self._loop = threads.Loop("removals", self.look, INTERVAL)
        self._stopping = False

    def stop(self):
        """Interrupt the running attempts; another conductor repeats them."""
        self._stopping = True
        super().stop()
        with self._lock:
            drivers = list(self._drivers)
        for driver in drivers:
            driver.abort()
        self._pool.stop()

    def look(self):
        """Offer the tasks that are due to the pool."""
        due = [store.Filter("next_attempt_at", "lte", self._store.at())]
        rows = self._store.list(models.SubscriptionRemoval, filters=due, limit=PAGE, fields=["uuid"])
        self._pool.offer(row.uuid for row in rows)

    def _run(self, uuid):
        try:
            with self._leases.hold(f"subscription_removal/{uuid}") as lease:
                self._attempt(uuid, lease)
        except (errors.LeaseHeld, errors.LeaseLost, errors.NotFound, errors.RevisionMismatch):
            pass  # another conductor carries it out, or has done so
        except errors.Unavailable as error:
            LOG.warning("a subscription to remove waits: %s", error.detail)
        except Exception:  # the edge of a thread of the pool
            LOG.exception("a subscription could not be removed")

    def _attempt(self, uuid, lease):
        task = self._store.get_without_secrets(models.SubscriptionRemoval, uuid)
        if self._stopping or task.next_attempt_at > self._store.at():
            return
        try:
            self._remove(self._store.get(models.SubscriptionRemoval, uuid))
        except (errors.Unavailable, errors.NotFound):
            raise
        except Exception as error:  # drivers raise anything; another attempt follows
            self._note_failure(task, error, lease)
            return
        self._store.commit(store.Delete(task), lease=lease)
        LOG.info("pod manager %s was deleted: no subscription is left at it", task.podm_id)

    def _remove(self, task):
        pod_manager = models.PodManager.from_dict(task.access | {"password": task.password})
        ours = context_of(task.podm_id)
        with contextlib.closing(self._connections.new(pod_manager)) as driver:
            with self._lock:
                self._drivers.add(driver)
                if self._stopping:
                    driver.abort()
            try:
                driver.remove_subscriptions(lambda context: context == ours)
            finally:
                with self._lock:
                    self._drivers.discard(driver)

    def _note_failure(self, task, error, lease):
        """Plan another attempt, or give the task up."""
        reason = error.detail if isinstance(error, errors.ValenceError) else repr(error)
        if isinstance(error, errors.SecretUnreadable) or task.expires_at <= self._store.at():
            LOG.warning("pod manager %s: a subscription may be left at it: %s", task.podm_id, reason)
            self._store.commit(store.Delete(task), lease=lease)
            return
        pause = min(FIRST_PAUSE * 2 ** min(task.attempts, 10), LONGEST_PAUSE)
        values = {"attempts": task.attempts + 1, "next_attempt_at": self._store.at(pause)}
        self._store.commit(store.Update(task, values), lease=lease)
        LOG.info(
            "pod manager %s: its subscription is removed later, in %.0f s: %s", task.podm_id, pause, reason
        )
