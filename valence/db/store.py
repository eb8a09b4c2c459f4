# SPDX-License-Identifier: Apache-2.0
"""The store: what every database driver keeps to. ``tests/contract`` is its definition by examples."""

import abc
import dataclasses
import typing

from stevedore import driver
from stevedore import exception
from stevedore import extension

from valence.common import errors
from valence.db import models
from valence.db import options
from valence.db import types

#: entry points of the drivers, and the beginnings of connections that do not name one
DRIVERS = "valence.db.driver"
SCHEMES = {"sqlite": "sqlalchemy", "mysql": "sqlalchemy", "postgresql": "sqlalchemy"}
OPERATORS = ("eq", "neq", "in", "gt", "gte", "lt", "lte")


class Filter(typing.NamedTuple):
    """One condition on a field; ``value`` is a list for ``in``. A list of filters is a conjunction.

    None equals None, differs from every value, and is neither greater nor less than anything.
    """

    field: str
    op: str
    value: typing.Any


class Sort(typing.NamedTuple):
    """One sort key; rows that are equal in all of them come in the order of their keys, in the last direction.

    None is smaller than every value, texts compare by code points.
    """

    field: str
    descending: bool = False


class Attached(typing.NamedTuple):
    """Rows that are read with those of a list: of ``model``, whose reference ``owner`` names the listed row.

    They come in the order of ``order``, each with the row that its reference ``target`` names. ``fields`` and
    ``target_fields`` are the only ones that are needed of either.
    """

    model: type[models.ModelBase]
    owner: str
    target: str
    order: str
    fields: tuple
    target_fields: tuple

    @property
    def parts(self):
        """Model and names of the fields that are read of either, its key first."""
        target = self.model.fields[self.target].model
        return _keyed(self.model, self.fields), _keyed(target, self.target_fields)


@dataclasses.dataclass
class Create:
    """Store a new object; the store sets created_at and updated_at where it has none.

    Raises Duplicate, or NotFound for what it refers to.
    """

    obj: models.ModelBase


@dataclasses.dataclass
class Update:
    """Change fields of an object that was read before: compare-and-swap where its model has a revision.

    Raises RevisionMismatch, NotFound, Duplicate. ``touch=False`` leaves revision and updated_at as they
    are, for bookkeeping that no client needs to know of; it still compares.
    """

    obj: models.ModelBase
    values: dict
    touch: bool = True


@dataclasses.dataclass
class Delete:
    """Remove an object, and what refers to it where the reference cascades.

    Raises NotFound, RevisionMismatch, InUse.
    """

    obj: models.ModelBase


@dataclasses.dataclass
class Require:
    """Change nothing of an object, but let the commit fail unless it is there, in whatever state.

    For rows that name another one without a Reference, because they outlive it. Raises NotFound.
    """

    obj: models.ModelBase


class Lease(abc.ABC):
    """A right that one holder has for a time; ``token`` grows with every new holder.

    A context manager: leaving it releases the lease.
    """

    name: str
    holder: str
    token: int

    @abc.abstractmethod
    def renew(self):
        """Start the time anew; raise LeaseLost when it ran out and somebody else took the lease."""

    @abc.abstractmethod
    def release(self):
        """Give the lease back; nothing happens when it was lost before."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()


class HeldLease(typing.NamedTuple):
    """What anybody may know of a lease that somebody holds now."""

    name: str
    holder: str
    token: int


class Schema(abc.ABC):
    """What a database must have before it can hold models."""

    @abc.abstractmethod
    def upgrade(self):
        """Bring the database to the newest version; several processes may do so at once."""

    @abc.abstractmethod
    def require(self):
        """Raise SchemaOutdated unless the database is as new as this Valence, or newer."""

    @abc.abstractmethod
    def version(self):
        """Return the version that the database has, None for an empty one."""

    @abc.abstractmethod
    def head(self):
        """Return the newest version that this Valence knows."""

    @abc.abstractmethod
    def differences(self):
        """Return what differs between the database and the models, one line each."""


class Store(abc.ABC):
    """A database of models. Every method raises StoreUnavailable when the database cannot be reached.

    A process may use a store from any number of threads; it makes its store after it forked.
    """

    schema: Schema

    @abc.abstractmethod
    def get(self, model, key) -> models.ModelBase:
        """Return one object; raise NotFound."""

    def get_without_secrets(self, model, key) -> models.ModelBase:
        """Return one object whose secrets have their initial values, so that no key is needed; raise NotFound."""
        names = [name for name, field in model.fields.items() if not isinstance(field, types.Secret)]
        found = self.list(model, filters=[Filter(model.key, "eq", key)], limit=1, fields=names)
        if not found:
            raise errors.NotFound(kind=model.kind, key=key)
        return found[0]

    @abc.abstractmethod
    def list(self, model, *, filters=(), sort=(), marker=None, limit=None, fields=None) -> list:
        """Return a page of objects: those after the object with the key ``marker``, at most ``limit``.

        The cost does not grow with the number of the page. ``fields`` names the only ones that are needed;
        others then have their initial values. A marker that is gone, where the sort needs its values, is
        a BadRequest.
        """

    def list_with(self, attached, model, **asked) -> typing.Sequence:
        """Return what ``list(model, **asked)`` does, each row with what is Attached to it.

        Shape: ``(row, [(row that is attached, row that it names), ...])``.
        """
        listed = self.list(model, **asked)
        by_owner = {getattr(row, model.key): [] for row in listed}
        for row, target in _attached(self, attached, list(by_owner)):
            by_owner[getattr(row, attached.owner)].append((row, target))
        return [(row, by_owner[getattr(row, model.key)]) for row in listed]

    @abc.abstractmethod
    def count(self, model, *, filters=()) -> int:
        """Return how many objects there are."""

    @abc.abstractmethod
    def clock(self) -> tuple[float, float]:
        """Return the earliest and the latest that the database's clock may show now, in seconds since 1970."""

    @abc.abstractmethod
    def commit(self, *changes, lease=None, before=None):
        """Apply Create, Update, Delete and Require changes in one transaction, all or none.

        Their order does not matter: what is required is looked for, what is removed goes first, then what is
        changed, then what is created, and an object is in one change only. When the database goes away in
        mid-commit, and does not come back soon, that raises OutcomeUnknown: a StoreUnavailable that may have been
        applied.

        Returns the objects as stored, None for a Delete and a Require, in the order of the changes. With ``lease``
        nothing is written unless that lease is still held: raises LeaseLost. With ``before``, in seconds of the
        database's clock, nothing is written after that moment, nor after a commit that came after it: raises TooLate.
        """

    @abc.abstractmethod
    def load(self, model, objects, *, last_number=None):
        """Store objects as another store has them, with their moments, revisions and sequence numbers.

        In bulk, for a database that nobody else writes to: when it fails a part may be stored. Loading again
        what is there already is harmless. With ``last_number`` the model's Sequence goes on after that number.
        What breaks a rule is a mistake of the caller; where the database notices, that is a Conflict.
        """

    @abc.abstractmethod
    def last_number(self, model) -> int:
        """Return the last number that the model's Sequence gave, also to a row that is gone; 0 before the first."""

    @abc.abstractmethod
    def lease(self, name, holder, ttl, *, steal=False) -> Lease:
        """Take a lease for ``ttl`` seconds; raise LeaseHeld while somebody has it, the same holder too.

        ``steal`` takes it from whoever has it: their commits under it fail from then on.
        """

    @abc.abstractmethod
    def leases(self, prefix) -> typing.Sequence[HeldLease]:
        """Return the leases that are held now and whose names begin with ``prefix``, in the order of their names."""

    def renew(self, leases) -> typing.Sequence[Lease]:
        """Renew leases that this store took, and return those of them that are lost."""
        return [lease for lease in leases if _is_lost(lease)]

    @abc.abstractmethod
    def renew_secrets(self) -> int:
        """Encrypt with the newest key what other keys encrypted, and return how many secrets that were.

        Conductors may run meanwhile; nothing but the encryption changes.
        """

    @abc.abstractmethod
    def now(self) -> float:
        """Return the time in seconds since 1970, on the one clock of all processes that use this database.

        Leases run on the same clock. It is cached, so most calls need no query, and it goes on while the database is
        away; raises StoreUnavailable only if the database has never answered.
        """

    def at(self, seconds: float = 0.0) -> str:
        """Return the time ``seconds`` from now, on the clock of ``now``, as a DateTime value."""
        return types.moment(self.now() + seconds)

    @abc.abstractmethod
    def ping(self):
        """Return quietly if the database answers, within two seconds."""

    @abc.abstractmethod
    def close(self):
        """Give every connection back."""


def _keyed(model, names):
    return model, tuple(dict.fromkeys((model.key, *names)))


def _attached(database, attached, owners):
    """Yield the (row, target) pairs that are attached to rows with the keys ``owners``, in their order."""
    (model, names), (target_model, target_names) = attached.parts
    fields = (*names, attached.owner, attached.target)
    sort = [Sort(attached.owner), Sort(attached.order)]
    rows = _having(database, model, attached.owner, owners, sort=sort, fields=fields)
    keys = {getattr(row, attached.target) for row in rows}
    targets = _having(database, target_model, target_model.key, list(keys), fields=target_names)
    known = {getattr(target, target_model.key): target for target in targets}
    for row in rows:
        # What is missing was removed a moment ago, and what attaches it with it.
        if target := known.get(getattr(row, attached.target)):
            yield row, target


def _having(database, model, name, values, **asked):
    return database.list(model, filters=[Filter(name, "in", values)], **asked) if values else []


def _is_lost(lease):
    try:
        lease.renew()
    except errors.LeaseLost:
        return True
    return False


def connect(conf, cipher):
    """Return the store that ``[database] connection`` names; ``cipher`` encrypts its secrets.

    Raises DatabaseUnknown for a connection that no driver knows.
    """
    options.register(conf)
    scheme = conf.database.connection.partition(":")[0].partition("+")[0]
    name = SCHEMES.get(scheme, scheme)
    try:
        manager = driver.DriverManager(
            DRIVERS,
            name,
            invoke_on_load=True,
            invoke_args=(conf, cipher),
            on_missing_entrypoints_callback=None,
        )
    except exception.NoMatches:
        drivers = extension.ExtensionManager(DRIVERS).entry_points_names()
        known = sorted({*SCHEMES, *drivers} - {*SCHEMES.values()})
        raise errors.DatabaseUnknown(scheme=scheme, known=", ".join(known)) from None
    return manager.driver
