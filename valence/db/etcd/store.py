# SPDX-License-Identifier: Apache-2.0
"""What the two stores on etcd have in common: everything but the keys of their API."""

import abc
import contextlib

from valence.common import bus_errors
from valence.common import errors
from valence.db import changes as changesets
from valence.db import models
from valence.db import questions
from valence.db import store
from valence.db.etcd import commits
from valence.db.etcd import draft
from valence.db.etcd import failures
from valence.db.etcd import leases
from valence.db.etcd import loading
from valence.db.etcd import objects
from valence.db.etcd import plan
from valence.db.etcd import queries
from valence.db.etcd import renewal
from valence.db.etcd import rows
from valence.db.etcd import schema

#: how often a list is begun anew whose snapshot went away
ATTEMPTS = 5


class EtcdStore(store.Store):
    """A store of keys in etcd; ``etcd`` is the client of an API, ``keyspace`` what it makes of keys."""

    def __init__(self, etcd, keyspace, paths, cipher):
        #: every model whose objects refer to others or hold secrets
        self.models = list(models.STORED)
        self._etcd, self._cipher = etcd, cipher
        self.keyspace, self.paths = keyspace, paths
        self.objects = objects.Objects(paths, cipher)
        self.commits = commits.Commits(keyspace)
        self._loading = loading.Loading(self.commits, self.objects)
        self.fences = leases.Leases(self._lease_keys(), self.commits, paths, etcd.clock)
        self.schema = schema.Schema(self.read, self.commits, paths, self.objects, self.models)

    def get(self, model, key):
        self.objects.operand(model, model.key, key)
        found = self.read(lambda snapshot: [*rows.read(self.objects, snapshot, model, [key])])
        if not found:
            raise errors.NotFound(kind=model.kind, key=key)
        return self.objects.decoder(model, tuple(model.fields))(found[0][1])

    def list(self, model, *, filters=(), sort=(), marker=None, limit=None, fields=None):
        names = tuple(model.fields) if fields is None else tuple(dict.fromkeys((model.key, *fields)))
        sorts = questions.sorts(model, sort)
        found = self.read(
            lambda snapshot: queries.Query(self.objects, snapshot, model, filters).page(sorts, marker, limit)
        )
        return [*map(self.objects.decoder(model, names), found)]

    def count(self, model, *, filters=()):
        return self.read(lambda snapshot: queries.Query(self.objects, snapshot, model, filters).count())

    def clock(self):
        return self._etcd.clock.bounds()

    def commit(self, *changes, lease=None, before=None):
        if not changes:
            return []
        batch, now = changesets.Changes(changes), self.at()

        def drafted(snapshot):
            # What is planned on this snapshot is written only if nobody commits after it: so nothing that comes later
            # than this comparison, by a writer who was stopped, follows a commit that came after ``before``.
            if before is not None and before <= self._etcd.clock.bounds()[1] < float("inf"):
                raise bus_errors.TooLate()
            if lease:
                self.fences.require(snapshot, lease)
            return plan.Plan(snapshot, batch, self.models, self.objects, now).make(), None

        self.commits.run(drafted)
        return batch.in_order()

    def load(self, model, objects, *, last_number=None):
        self._loading.load(model, objects, last_number)

    def last_number(self, model):
        return self.read(lambda snapshot: loading.last_number(snapshot, self.paths, model))

    def lease(self, name, holder, ttl, *, steal=False):
        return self.fences.take(name, holder, ttl, steal)

    def renew(self, leases):
        return self.fences.renew_all(leases)

    def leases(self, prefix):
        return self.read(lambda snapshot: self.fences.held(snapshot, prefix))

    def renew_secrets(self):
        return renewal.Renewal(self, self._cipher).renew()

    def now(self):
        if not self._etcd.clock.is_set:
            self.ping()
        return self._etcd.clock.now()

    def ping(self):
        self._etcd.ping()

    def close(self):
        self._etcd.close()

    @abc.abstractmethod
    def _lease_keys(self):
        """Return how the keys of leases are read and changed."""

    def read(self, work):
        """Return ``work(snapshot)`` on the newest snapshot that lasts as long."""
        for _ in range(ATTEMPTS):
            with contextlib.suppress(failures.Stale):
                return work(self.commits.newest())
        # Others write all the time: like a commit, it waits for its turn.
        return self.commits.run(lambda snapshot: (draft.Batch(), work(snapshot)))
