# SPDX-License-Identifier: Apache-2.0
"""What the two stores on etcd have in common: everything but the keys of their API."""

import abc
import contextlib
import typing

from oslo_config import cfg

from valence.common import bus_errors
from valence.common import errors
from valence.db import changesets
from valence.db import models
from valence.db import store
from valence.db import values
from valence.db.etcd import bulk
from valence.db.etcd import commits
from valence.db.etcd import endpoints
from valence.db.etcd import keyspace
from valence.db.etcd import leases
from valence.db.etcd import objects
from valence.db.etcd import paths
from valence.db.etcd import plan
from valence.db.etcd import queries
from valence.db.etcd import schema

#: changes from which on a commit queues before it is planned
MANY = 50
#: how often a list is begun anew whose snapshot went away
ATTEMPTS = 5


class EtcdStore(store.Store, typing.Generic[keyspace.AnySnapshot, keyspace.AnyClient]):
    """A store of keys in etcd, by the client of an API and by what this makes of keys."""

    def __init__(self, conf: cfg.ConfigOpts, cipher: store.Cipher) -> None:
        #: every model whose objects refer to others or hold secrets
        self.models = list(models.STORED)
        self._cipher = cipher
        where = endpoints.locate(conf.database)
        self.paths = paths.Paths(where.prefix, self._spell)
        self._etcd, self.keyspace = self._open(where)
        self.objects = objects.Objects(self.paths, cipher)
        self.commits = commits.Commits(self.keyspace)
        self._loading = bulk.Loading(self.commits, self.objects)
        self.fences = leases.Leases(self._lease_keys(), self.commits, self.paths, self._etcd.clock)
        self.schema = schema.Schema(self.read, self.commits, self.paths, self.objects, self.models)

    def get(self, model: type[store.AnyModel], key: store.Key) -> store.AnyModel:
        self.objects.operand(model, model.key, key)
        found = self.read(lambda snapshot: [*objects.read(self.objects, snapshot, model, [key])])
        if not found:
            raise errors.NotFound(kind=model.kind, key=key)
        return self.objects.decoder(model, tuple(model.fields))(found[0][1])

    def list(
        self, model: type[store.AnyModel], **query: typing.Unpack[store.Query]
    ) -> typing.Sequence[store.AnyModel]:
        values.require_known(query)
        sorts = values.sorts(model, query.get("sort", ()))
        filters, marker, limit = query.get("filters", ()), query.get("marker"), query.get("limit")
        found = self.read(
            lambda snapshot: queries.Query(self.objects, snapshot, model, filters).page(sorts, marker, limit)
        )
        return [*map(self.objects.decoder(model, values.names(model, query.get("fields"))), found)]

    def count(self, model: store.Model, *, filters: store.Filters = ()) -> int:
        return self.read(lambda snapshot: queries.Query(self.objects, snapshot, model, filters).count())

    def clock(self) -> tuple[float, float]:
        return self._etcd.clock.bounds()

    def commit(
        self, *changes: store.Change, lease: store.Lease | None = None, before: float | None = None
    ) -> typing.Sequence[typing.Any]:
        if not changes:
            return []
        changesets.require_keys(changes, self.objects.operand)
        batch, now = changesets.Changes(changes), self.at()

        def drafted(snapshot: keyspace.AnySnapshot) -> tuple[keyspace.Batch, None]:
            # What is planned on this snapshot is written only if nobody commits after it: so nothing that comes later
            # than this comparison, by a writer who was stopped, follows a commit that came after ``before``.
            if before is not None and before <= self._etcd.clock.bounds()[1] < float("inf"):
                raise bus_errors.TooLate()
            if lease:
                self.fences.require(snapshot, lease)
            return plan.Plan(snapshot, batch, self.models, self.objects, now).make(), None

        self.commits.run(drafted, is_large=len(changes) > MANY)
        return batch.in_order()

    def load(
        self,
        model: store.Model,
        objects: typing.Iterable[models.ModelBase],
        *,
        last_number: int | None = None,
    ) -> None:
        self._loading.load(model, objects, last_number)

    def last_number(self, model: store.Model) -> int:
        return self.read(lambda snapshot: plan.last_number(snapshot, self.paths, model))

    def lease(self, name: str, holder: str, ttl: float, *, steal: bool = False) -> store.Lease:
        return self.fences.take(name, holder, ttl, steal)

    def renew(self, leases: typing.Collection[store.Lease]) -> typing.Sequence[store.Lease]:
        return self.fences.renew_all(leases)

    def leases(self, prefix: str) -> typing.Sequence[store.HeldLease]:
        return self.read(lambda snapshot: self.fences.held(snapshot, prefix))

    def renew_secrets(self) -> int:
        return bulk.Renewal(self, self._cipher).renew()

    def now(self) -> float:
        if not self._etcd.clock.is_set:
            self.ping()
        return self._etcd.clock.now()

    def ping(self) -> None:
        self._etcd.ping()

    def close(self) -> None:
        self._etcd.close()

    @abc.abstractmethod
    def _spell(self, text: str) -> str:
        """Return a text as the API takes it as a part of a key."""

    @abc.abstractmethod
    def _open(
        self, where: endpoints.Location
    ) -> tuple[keyspace.AnyClient, keyspace.Keyspace[keyspace.AnySnapshot]]:
        """Return the client of the API at a Location, and what it makes of keys."""

    @abc.abstractmethod
    def _lease_keys(self) -> keyspace.LeaseKeys[keyspace.AnySnapshot]:
        """Return how the keys of leases are read and changed."""

    def read(self, work: typing.Callable[[keyspace.AnySnapshot], keyspace.Result]) -> keyspace.Result:
        """Return ``work(snapshot)`` on the newest snapshot that lasts as long."""
        for _ in range(ATTEMPTS):
            with contextlib.suppress(endpoints.Stale):
                return work(self.commits.newest())
        # Others write all the time: like a commit, it waits for its turn.
        return self.commits.run(lambda snapshot: (keyspace.Batch(), work(snapshot)))
