# SPDX-License-Identifier: Apache-2.0
"""The introspection part of a conductor: its endpoints, its background work, and the sweep of data without a machine.

The row of an introspection is the queue of the sweep: after the deletion of its machine it stays, hidden from clients,
until the storage has removed the data. Such rows are looked for every INTERVAL, half-written data every PURGE_INTERVAL.
"""

import time

from oslo_log import log

from valence.common import errors
from valence.conductor.endpoints import introspection
from valence.conductor.introspection import intake
from valence.conductor.introspection import preparation
from valence.conductor.introspection import states
from valence.conductor.work import threads
from valence.db import models
from valence.db import store
from valence.introspection import history
from valence.introspection import own_process
from valence.introspection import processing as document_processing
from valence.introspection.rules import rules
from valence.introspection.storages import storage


class Introspecting:
    """The parts of introspection on one storage: ``endpoints`` serve calls, ``introspector`` does background work."""

    def __init__(self, conf, database, leases, connections, ownership):
        records = states.Introspections(conf, database)
        self.history = history.History(conf, database, storage.load(conf, database))
        # Made in any case: options that make no sense are told at the start.
        self._own_process, processing = None, document_processing.Processing(conf)
        if conf.processing.own_process:
            self._own_process = processing = own_process.OwnProcess(conf)
        taking = intake.Intake(
            records, leases, self.history, processing=processing, rules=rules.Rules(database)
        )
        self.introspector = preparation.Introspector(
            conf,
            database,
            leases,
            live_connections=connections,
            ownership=ownership,
            records=records,
            intake=taking,
        )
        self.sweep = Sweep(database, leases, self.history)
        served = introspection.IntrospectionEndpoint(
            database,
            leases,
            records,
            self.history,
            intake=taking,
            host=conf.host,
            wake=self.introspector.wake,
        )
        self.endpoints = [served, introspection.IntrospectionRulesEndpoint(database)]

    def start(self):
        """Begin the background work."""
        self.introspector.start()
        self.sweep.start()

    def stop(self):
        """End the background work."""
        self.sweep.stop()
        self.introspector.stop()
        if self._own_process:
            self._own_process.stop()


LOG = log.getLogger(__name__)

INTERVAL, PURGE_INTERVAL = 30.0, 3600.0
PAGE = 500
LEASE, PURGE_LEASE = "introspection-sweep", "introspection-purge"


class Sweep(threads.Periodic):
    """Removes the data of machines that are gone; one conductor at a time does."""

    def __init__(self, database, leases, history):
        self._store, self._leases, self._history = database, leases, history
        self._loop = threads.Loop("introspection-sweep", self._run, INTERVAL)
        self._purge_at = 0.0

    def _run(self):
        self.sweep()
        if time.monotonic() >= self._purge_at:
            self.purge()
            self._purge_at = time.monotonic() + PURGE_INTERVAL

    def sweep(self):
        """Remove the data of all machines that are gone; raise StorageUnavailable."""
        try:
            with self._leases.hold(LEASE):
                for row in list(self._orphans()):
                    self._remove(row)
        except (errors.LeaseHeld, errors.LeaseLost):
            pass

    def purge(self):
        """Remove half-written and old data; raise StorageUnavailable."""
        try:
            with self._leases.hold(PURGE_LEASE):
                self._history.backend.purge()
        except (errors.LeaseHeld, errors.LeaseLost):
            pass

    def _orphans(self):
        """Yield the introspections whose machines are gone."""
        marker = None
        while rows := self._store.list(models.Introspection, marker=marker, limit=PAGE):
            wanted = store.Filter("uuid", "in", [row.uuid for row in rows])
            there = {
                each.uuid for each in self._store.list(models.Resource, filters=[wanted], fields=["uuid"])
            }
            yield from (row for row in rows if row.uuid not in there)
            marker = rows[-1].uuid

    def _remove(self, row):
        try:
            with self._leases.hold(states.lease_name(row.uuid)) as lease:
                if self._history.backend.removes:
                    self._history.clear(row.uuid, lease)
                # Its versions go with it.
                self._store.commit(store.Delete(row), lease=lease)
        except (errors.LeaseHeld, errors.LeaseLost, errors.RevisionMismatch, errors.NotFound):
            return  # somebody works on it: next time
        if self._history.backend.removes:
            LOG.info("introspection %s: the machine is gone, its data are removed", row.uuid)
        else:
            LOG.warning(
                "introspection %s: the machine is gone; the storage cannot remove its data, they stay there",
                row.uuid,
            )
