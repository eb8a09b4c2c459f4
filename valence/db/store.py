# SPDX-License-Identifier: Apache-2.0
"""The store: what every database driver keeps to. ``tests/contract`` is its definition by examples."""

import abc
import builtins
import dataclasses
import json
import typing

from oslo_config import cfg
from oslo_log import log
from stevedore import driver

from valence.common import errors
from valence.common.configuration import extras
from valence.db import models
from valence.db import options
from valence.db import schemas
from valence.db import types

LOG = log.getLogger(__name__)
Result = typing.TypeVar("Result")
Row = typing.TypeVar("Row")

#: how often a change is tried when other changes of the same rows are committed first
TRIES = 20
#: entry points of the drivers, and the beginnings of connections that do not name one
DRIVERS = "valence.db.driver"
SCHEMES = {"sqlite": "sqlalchemy", "mysql": "sqlalchemy", "postgresql": "sqlalchemy"}
OPERATORS = ("eq", "neq", "in", "begins", "gt", "gte", "lt", "lte")

Model = type[models.ModelBase]
AnyModel = typing.TypeVar("AnyModel", bound=models.ModelBase)
#: what a row is known by: the value of its model's ``key``
Key = str
#: values by field name, as they are stored or to be changed
RowValues = dict[str, typing.Any]
Names = typing.Sequence[str]


class Filter(typing.NamedTuple):
    """One condition on a field; ``value`` is a list for ``in`` and ``begins``. A list of filters is a conjunction.

    None equals None, differs from every value, and is neither greater nor less than anything. ``begins`` holds for
    texts that begin with one of several texts, of which none is empty or consists of U+10FFFF alone.
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


#: a row that is attached to a listed one, and the row that it names
Pair = tuple[models.ModelBase, models.ModelBase]
#: a listed row with what is attached to it
Listed = tuple[AnyModel, list[Pair]]

#: a page as clients get it: JSON text of a list, the number of rows, and the key of the last if there are more
Page = tuple[str, int, Key | None]
Filters = typing.Sequence[Filter]
Sorts = typing.Sequence[Sort]


class Query(typing.TypedDict, total=False):
    """What a list selects: ``marker`` is the key of the last object of the page before; see ``Store.list``."""

    filters: Filters
    sort: Sorts
    marker: Key | None
    limit: int | None
    fields: Names | None


class Cipher(typing.Protocol):
    """What encrypts the secrets of a store: ``valence.common.secrets.Cipher``, or ``Sealed`` where they only move."""

    def encrypt(self, text: str, /) -> str:
        """Return the token of a text."""

    def decrypt(self, token: str, /) -> str:
        """Return the text of a token."""

    def renew(self, token: str, /) -> str:
        """Return the token of the same text by the newest key; the same token if it has that key."""


class Attached(typing.NamedTuple):
    """Rows that are read with those of a list: of ``model``, whose reference ``owner`` names the listed row.

    They come in the order of ``order``, each with the row that its reference ``target`` names. ``fields`` and
    ``target_fields`` are the only ones that are needed of either.
    """

    model: Model
    owner: str
    target: str
    order: str
    fields: tuple[str, ...]
    target_fields: tuple[str, ...]

    @property
    def parts(self) -> tuple[tuple[Model, tuple[str, ...]], tuple[Model, tuple[str, ...]]]:
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
    values: RowValues
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


#: one change of a commit
Change = Create | Update | Delete | Require


class Leases(typing.Protocol):
    """The leases of one store, as a Lease needs them."""

    def renew(self, lease: "Lease", /) -> None:
        """Start the time of a lease anew; raise LeaseLost."""

    def release(self, lease: "Lease", /) -> None:
        """Remove a lease, if it is still held."""


class Lease:
    """A right that one holder has for ``ttl`` seconds; ``token`` grows with every new holder.

    A context manager: leaving it releases the lease.
    """

    def __init__(self, leases: Leases, name: str, holder: str, token: int, ttl: float) -> None:
        self._leases = leases
        self.name, self.holder, self.token, self.ttl = name, holder, token, ttl

    def renew(self) -> None:
        """Start the time anew; raise LeaseLost when it ran out and somebody else took the lease."""
        self._leases.renew(self)

    def release(self) -> None:
        """Give the lease back; nothing happens when it was lost before."""
        self._leases.release(self)

    def __enter__(self) -> typing.Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class HeldLease(typing.NamedTuple):
    """What anybody may know of a lease that somebody holds now."""

    name: str
    holder: str
    token: int


class Store(abc.ABC):
    """A database of models. Every method raises StoreUnavailable when the database cannot be reached.

    A process may use a store from any number of threads; it makes its store after it forked.
    """

    schema: schemas.Schema

    @abc.abstractmethod
    def get(self, model: type[AnyModel], key: Key) -> AnyModel:
        """Return one object; raise NotFound."""

    def get_without_secrets(self, model: type[AnyModel], key: Key) -> AnyModel:
        """Return one object whose secrets have their initial values, so that no key is needed; raise NotFound."""
        names = [name for name, field in model.fields.items() if not isinstance(field, types.Secret)]
        found = self.list(model, filters=[Filter(model.key, "eq", key)], limit=1, fields=names)
        if not found:
            raise errors.NotFound(kind=model.kind, key=key)
        return found[0]

    @abc.abstractmethod
    def list(
        self,
        model: type[AnyModel],
        *,
        filters: Filters = (),
        sort: Sorts = (),
        marker: Key | None = None,
        limit: int | None = None,
        fields: Names | None = None,
    ) -> typing.Sequence[AnyModel]:
        """Return a page of objects: those after the object with the key ``marker``, at most ``limit``.

        The cost does not grow with the number of the page. ``fields`` names the only ones that are needed;
        others then have their initial values. A marker that is gone, where the sort needs its values, is
        a BadRequest.
        """

    def list_with(
        self, attached: Attached, model: type[AnyModel], **query: typing.Unpack[Query]
    ) -> typing.Sequence[Listed[AnyModel]]:
        """Return what ``list(model, **query)`` does, each row with what is Attached to it.

        Shape: ``(row, [(row that is attached, row that it names), ...])``.
        """
        listed = self.list(model, **query)
        by_owner: dict[Key, builtins.list[Pair]] = {getattr(row, model.key): [] for row in listed}
        for row, target in _attached(self, attached, list(by_owner)):
            by_owner[getattr(row, attached.owner)].append((row, target))
        return [(row, by_owner[getattr(row, model.key)]) for row in listed]

    def page(
        self, model: Model, looked_up: models.LookedUp | None = None, **query: typing.Unpack[Query]
    ) -> Page:
        """Return what ``list`` does as JSON objects, of public fields, some of which may be looked up."""
        limit, names = query.get("limit"), query.get("fields") or model.public_fields()
        read: Query = {"limit": limit and limit + 1, "fields": looked_up.own(names) if looked_up else names}
        found = self.list(model, **query | read)
        rows = found[:limit]
        shown = self.look_up(looked_up, rows, names) if looked_up else [row.public(names) for row in rows]
        text = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
        return text, len(rows), getattr(rows[-1], model.key) if len(found) > len(rows) else None

    def look_up(
        self, looked_up: models.LookedUp, rows: typing.Sequence[models.ModelBase], names: Names
    ) -> typing.Sequence[RowValues]:
        """Return the fields ``names`` of rows with what is looked up for them."""
        filters = [Filter(name, "in", found) for name, found in looked_up.wanted(rows, names).items()]
        found = self.list(looked_up.model, filters=filters, fields=looked_up.read) if filters else []
        return looked_up.shown(rows, names, found)

    @abc.abstractmethod
    def count(self, model: Model, *, filters: Filters = ()) -> int:
        """Return how many objects there are."""

    @abc.abstractmethod
    def clock(self) -> tuple[float, float]:
        """Return the earliest and the latest that the database's clock may show now, in seconds since 1970."""

    @abc.abstractmethod
    def commit(
        self, *changes: Change, lease: Lease | None = None, before: float | None = None
    ) -> typing.Sequence[typing.Any]:
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
    def load(
        self, model: Model, objects: typing.Iterable[models.ModelBase], *, last_number: int | None = None
    ) -> None:
        """Store objects as another store has them, with their moments, revisions and sequence numbers.

        In bulk, for a database that nobody else writes to: when it fails a part may be stored. Loading again
        what is there already is harmless. With ``last_number`` the model's Sequence goes on after that number.
        What breaks a rule is a mistake of the caller; where the database notices, that is a Conflict.
        """

    @abc.abstractmethod
    def last_number(self, model: Model) -> int:
        """Return the last number that the model's Sequence gave, also to a row that is gone; 0 before the first."""

    @abc.abstractmethod
    def lease(self, name: str, holder: str, ttl: float, *, steal: bool = False) -> Lease:
        """Take a lease for ``ttl`` seconds; raise LeaseHeld while somebody has it, the same holder too.

        ``steal`` takes it from whoever has it: their commits under it fail from then on.
        """

    @abc.abstractmethod
    def leases(self, prefix: str) -> typing.Sequence[HeldLease]:
        """Return the leases that are held now and whose names begin with ``prefix``, in the order of their names."""

    def renew(self, leases: typing.Collection[Lease]) -> typing.Sequence[Lease]:
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
    def ping(self) -> None:
        """Return quietly if the database answers, within two seconds."""

    @abc.abstractmethod
    def close(self) -> None:
        """Give every connection back."""


def change(
    row: Row,
    attempt: typing.Callable[[Row], Result],
    read: typing.Callable[[], Row],
    *,
    expected: tuple[type[Exception], ...] = (errors.RevisionMismatch,),
    tries: int = TRIES,
) -> Result:
    """Return the result of ``attempt(row)``, or of ``attempt(read())`` where another change was committed first.

    ``attempt`` commits changes of ``row``, which was read before. ``expected`` are the errors that another change
    explains; after ``tries`` attempts the last one is raised. Other errors are raised at once, such as NotFound, and
    TooLate after the deadline of the call.
    """
    for _ in range(tries - 1):
        try:
            return attempt(row)
        except expected as error:
            LOG.debug("another change was committed first, trying again: %s", error)
        row = read()
    return attempt(row)


def again(
    attempt: typing.Callable[[], Result],
    *,
    expected: tuple[type[Exception], ...] = (errors.RevisionMismatch,),
    tries: int = TRIES,
) -> Result:
    """Return the result of ``attempt``, which reads rows and commits changes of them; otherwise like ``change``."""
    return change(None, lambda _: attempt(), lambda: None, expected=expected, tries=tries)


def _keyed(model: Model, names: typing.Iterable[str]) -> tuple[Model, tuple[str, ...]]:
    return model, tuple(dict.fromkeys((model.key, *names)))


def _attached(
    database: Store, attached: Attached, owners: typing.Sequence[typing.Any]
) -> typing.Iterator[tuple[typing.Any, typing.Any]]:
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


def _having(
    database: Store, model: Model, name: str, values: typing.Sequence[typing.Any], **asked: typing.Any
) -> typing.Sequence[typing.Any]:
    return database.list(model, filters=[Filter(name, "in", values)], **asked) if values else []


def _is_lost(lease: Lease) -> bool:
    try:
        lease.renew()
    except errors.LeaseLost:
        return True
    return False


def connect(conf: cfg.ConfigOpts, cipher: Cipher) -> Store:
    """Return the store that ``[database] connection`` names; ``cipher`` encrypts its secrets.

    Raises DatabaseUnknown for a connection that no driver knows, PackageMissing where its library is not installed.
    """
    options.register(conf)
    scheme = conf.database.connection.partition(":")[0].partition("+")[0]
    name = SCHEMES.get(scheme, scheme)
    drivers = extras.entry_points(DRIVERS)
    if name not in drivers:
        known = sorted({*SCHEMES, *drivers} - {*SCHEMES.values()})
        raise errors.DatabaseUnknown(scheme=scheme, known=", ".join(known))
    with extras.required():
        manager: driver.DriverManager[Store] = driver.DriverManager(
            DRIVERS, name, invoke_on_load=True, invoke_args=(conf, cipher)
        )
    return typing.cast(Store, manager.driver)
