# SPDX-License-Identifier: Apache-2.0
"""What a model is: a path, fields, and what follows from them."""

import typing

from valence.db import types


class ModelBase:
    """A thing that Valence keeps.

    ``path`` names the table, the etcd folder and the collection; ``fields`` maps names to fields of
    ``valence.db.types``. ``kind`` is the singular name used in errors, events and links. A changed model
    gets a new ``version``. ``indexes`` lists field groups that lists filter and sort by together.
    Instances hold JSON values as attributes.
    """

    path: str
    kind: str
    #: name of the field that identifies a row, None without fields
    key: typing.Any
    version = "1.0"
    fields: dict[str, typing.Any] = {}
    indexes: tuple[tuple[str, ...], ...] = ()
    #: models whose rows with the same key make one row of this read-only model; only the first has every row
    joins: tuple[typing.Any, ...] = ()
    #: public fields that lists cannot be filtered or sorted by, because they are added to the rows afterwards
    unfiltered: frozenset[str] = frozenset()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.fields = {name: _field(given) for name, given in cls.fields.items()}
        cls.key = next(
            (name for name, field in cls.fields.items() if field.key), next(iter(cls.fields), None)
        )
        cls.kind = cls.__dict__.get("kind", cls.path.removesuffix("s") if "path" in cls.__dict__ else None)

    def __init__(self, **values: typing.Any) -> None:
        for name, field in self.fields.items():
            setattr(self, name, values[name] if name in values else field.initial())

    def as_dict(self) -> dict[str, typing.Any]:
        """Return every value by field name, secrets included."""
        return {name: getattr(self, name) for name in self.fields}

    def public(self, names: typing.Iterable[str] | None = None) -> dict[str, typing.Any]:
        """Return the values that may be shown, of all public fields or of ``names``."""
        return {name: getattr(self, name) for name in (names or self.public_fields())}

    def replace(self, **values: typing.Any) -> typing.Self:
        """Return a copy with ``values`` changed."""
        return type(self)(**(self.as_dict() | values))

    @classmethod
    def from_dict(cls, values: dict[str, typing.Any]) -> typing.Self:
        """Return an instance of what a peer sent: unknown fields are ignored, missing ones defaulted."""
        return cls(**{name: value for name, value in values.items() if name in cls.fields})

    @classmethod
    def load(cls, values: dict[str, typing.Any]) -> typing.Self:
        """Return an instance of values that are known to be complete, a dict that it keeps; drivers use this."""
        loaded = cls.__new__(cls)
        loaded.__dict__ = values
        return loaded

    @classmethod
    def public_fields(cls) -> list[str]:
        """Return the names of the fields that may be shown."""
        return [name for name, field in cls.fields.items() if field.public]

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.as_dict() == other.as_dict()

    __hash__ = None  # type: ignore[assignment]

    if typing.TYPE_CHECKING:

        def __getattr__(self, name: str) -> typing.Any: ...  # the fields

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {getattr(self, type(self).key)}>"


class ModelBaseWithTimestamp(ModelBase):
    """A model whose rows say when they were made and changed, and count their changes."""

    def __init_subclass__(cls) -> None:
        cls.fields = cls.fields | {
            "created_at": types.DateTime("When it was created.", default=None, write="never", index=True),
            "updated_at": types.DateTime("When it was last changed.", default=None, write="never"),
            "revision": types.Integer("Number of the last change.", default=1, write="never"),
        }
        super().__init_subclass__()


class LookedUp(typing.NamedTuple):
    """Fields of rows of ``model`` that rows with the same values of the fields ``by`` are shown with.

    ``fields`` are pairs of the name by which a field is shown, and its name in ``model``. ``otherwise`` are pairs of
    such a name and of the row's own field that is shown where no row of ``model`` is found; without one it is None.
    """

    model: type[ModelBase]
    by: tuple[str, ...]
    fields: tuple[tuple[str, str], ...]
    otherwise: tuple[tuple[str, str], ...] = ()

    def fields_of(self, names: typing.Iterable[str]) -> dict[str, types.Field]:
        """Return the fields among ``names`` that are looked up."""
        return {name: self.model.fields[there] for name, there in self.fields if name in names}

    def own(self, names: typing.Iterable[str]) -> tuple[str, ...]:
        """Return the fields that the rows themselves must be read with, to show ``names``."""
        known = dict(self.fields)
        replaced = [own for name, own in self.otherwise if name in names]
        return tuple(dict.fromkeys((*self.by, *replaced, *(name for name in names if name not in known))))

    @property
    def read(self) -> tuple[str, ...]:
        """The fields that are read of ``model``."""
        return tuple(dict.fromkeys((*self.by, *(there for _, there in self.fields))))

    def wanted(
        self, rows: typing.Iterable[ModelBase], names: typing.Iterable[str]
    ) -> dict[str, list[typing.Any]]:
        """Return the values of the fields ``by`` to look for; nothing where nothing is looked up."""
        places = {self._place(row) for row in rows} if self.fields_of(names) else set()
        known = [place for place in places if None not in place]
        return {
            name: sorted(set(column)) for name, column in zip(self.by, zip(*known, strict=True), strict=False)
        }

    def shown(
        self,
        rows: typing.Iterable[ModelBase],
        names: typing.Sequence[str],
        found: typing.Iterable[ModelBase],
    ) -> list[dict[str, typing.Any]]:
        """Return the fields ``names`` of rows, with those that are looked up in the rows that were ``found``."""
        known, own = dict(self.fields), dict(self.otherwise)
        by_place = {self._place(row): row for row in found}
        shown = []
        for row in rows:
            other = by_place.get(self._place(row))
            # Each value is a field of one of both rows; None where there is no other row, and nothing in its place.
            places = {
                name: (row, name)
                if name not in known
                else (other, known[name])
                if other
                else (row, own.get(name))
                for name in names
            }
            shown.append({name: there and getattr(place, there) for name, (place, there) in places.items()})
        return shown

    def _place(self, row: ModelBase) -> tuple[typing.Any, ...]:
        return tuple(getattr(row, name) for name in self.by)


def _field(given: typing.Any) -> types.Field:
    """Return the field; the guide's older form is a dict that holds the validator of a field type."""
    if isinstance(given, types.Field):
        return given
    kind: type[types.Field] = given["validate"].__self__
    return kind(default=None)
