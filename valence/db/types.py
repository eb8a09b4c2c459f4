# SPDX-License-Identifier: Apache-2.0
"""The kinds of fields that a model is made of.

A field says its documentation, its JSON schema, who may write it, and how it is stored. Values are JSON
values: times are ``2026-11-21T03:37:02Z`` strings, secrets plain strings that only drivers encrypt.
"""

import datetime
import typing
import uuid

REQUIRED = object()
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class Field:
    """One field of a model.

    ``default`` makes the field optional; ``default=None`` makes it nullable too. ``write`` is "always",
    "create" (fixed after creation) or "never" (only Valence writes it). ``unique`` and ``index`` are kept by
    the store; ``public=False`` keeps the field out of answers, events and filters.
    """

    json_type = "string"

    def __init__(
        self,
        doc: str = "",
        *,
        key: bool = False,
        default: typing.Any = REQUIRED,
        write: str = "always",
        unique: bool = False,
        index: bool = False,
        public: bool = True,
        example: typing.Any = None,
    ) -> None:
        self.doc = doc
        self.key = key
        self.default = default
        self.write = "never" if key else write
        self.unique = unique
        self.index = index
        self.public = public
        self.example = example

    @property
    def required(self) -> bool:
        """Whether a creation must give this field."""
        return self.default is REQUIRED and self.write != "never"

    @property
    def nullable(self) -> bool:
        """Whether None is a value of this field."""
        return self.default is None

    def initial(self) -> typing.Any:
        """Return the value of a field that was not given: a fresh copy where the default is a container."""
        if self.default is REQUIRED:
            return None
        return type(self.default)(self.default) if isinstance(self.default, (list, dict)) else self.default

    def schema(self) -> dict[str, typing.Any]:
        """Return the field's JSON schema (draft 2020-12)."""
        kind = [self.json_type, "null"] if self.nullable else self.json_type
        schema = {"type": kind, "description": self.doc} | self.constraints()
        if self.nullable and "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
        if self.example is not None:
            schema["examples"] = [self.example]
        return schema

    def constraints(self) -> dict[str, typing.Any]:
        """Return what the schema says beyond type and description."""
        return {}

    @classmethod
    def validate(cls, value: typing.Any) -> typing.Any:
        """Return ``value`` if a field of this kind, without further limits, takes it; raise ValueError otherwise.

        This is the callable of the older form of a field, ``{"validate": types.Text.validate}``.
        """
        if value is not None and not isinstance(value, cls.python_type):
            raise ValueError(f"{value!r} is not a {cls.json_type}")
        return value

    python_type: type | tuple[type, ...] = str


class Text(Field):
    """A string of at most ``max`` characters."""

    def __init__(
        self, doc: str = "", *, min: int = 0, max: int = 255, format: str | None = None, **kwargs: typing.Any
    ) -> None:
        super().__init__(doc, **kwargs)
        self.min, self.max, self.format = min, max, format

    def constraints(self) -> dict[str, typing.Any]:
        limits: dict[str, typing.Any] = {"maxLength": self.max}
        if self.min:
            limits["minLength"] = self.min
        if self.format:
            limits["format"] = self.format
        return limits


class UUID(Text):
    """A UUID; as a key it is made by Valence."""

    def __init__(self, doc: str = "", **kwargs: typing.Any) -> None:
        super().__init__(doc, max=36, format="uuid", **kwargs)

    def initial(self) -> typing.Any:
        return str(uuid.uuid4()) if self.key else super().initial()


class Reference(Text):
    """The key of another model's row, of its form.

    ``on_delete`` says what the removal of that row means here: it is refused ("restrict"), this row is removed too
    ("cascade"), or the field becomes None ("clear"), for which the default must be None.
    """

    def __init__(
        self, doc: str, model: typing.Any, *, on_delete: str = "restrict", **kwargs: typing.Any
    ) -> None:
        key = model.fields[model.key]
        super().__init__(doc, max=key.max, format=key.format, **kwargs)
        self.model, self.on_delete = model, on_delete
        self.index = self.index or not self.key


class Secret(Text):
    """A string that is encrypted at rest and never shown."""

    def __init__(self, doc: str = "", **kwargs: typing.Any) -> None:
        super().__init__(doc, public=False, **kwargs)

    def constraints(self) -> dict[str, typing.Any]:
        return super().constraints() | {"writeOnly": True}


class Choice(Text):
    """One of a few words."""

    def __init__(self, doc: str, choices: typing.Sequence[str], **kwargs: typing.Any) -> None:
        super().__init__(doc, max=max(map(len, choices)), **kwargs)
        self.choices = tuple(choices)

    def constraints(self) -> dict[str, typing.Any]:
        return {"enum": list(self.choices)}


class Integer(Field):
    """A whole number of at most 63 bits."""

    json_type = "integer"
    python_type = int

    def __init__(
        self, doc: str = "", *, min: int = -(2**63), max: int = 2**63 - 1, **kwargs: typing.Any
    ) -> None:
        super().__init__(doc, **kwargs)
        self.min, self.max = min, max

    def constraints(self) -> dict[str, typing.Any]:
        return {"minimum": self.min, "maximum": self.max}


class Sequence(Integer):
    """A number that the store gives to each new row in the order of commits, without gaps.

    Whoever has read every row up to N misses none by reading on from N: no row with a smaller number can
    appear later.
    """

    def __init__(self, doc: str) -> None:
        super().__init__(doc, min=1, write="never", unique=True)


class Boolean(Field):
    """True or false."""

    json_type = "boolean"
    python_type = bool


class DateTime(Text):
    """A moment in UTC, to the second: ``2026-11-21T03:37:02Z``."""

    def __init__(self, doc: str = "", **kwargs: typing.Any) -> None:
        super().__init__(doc, max=20, format="date-time", **kwargs)


class JSON(Field):
    """A JSON object or, with ``json_type="array"``, a list of what has the schema ``items``; never filtered by."""

    json_type = "object"
    python_type = (dict, list)

    def __init__(
        self,
        doc: str = "",
        *,
        json_type: str = "object",
        items: dict[str, typing.Any] | None = None,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(doc, **kwargs)
        self.json_type, self.items = json_type, items or {}

    def constraints(self) -> dict[str, typing.Any]:
        return {"items": self.items} if self.json_type == "array" else {}


def now() -> str:
    """Return this host's present time as a DateTime value, to show; times that are compared come from ``Store.at``."""
    return datetime.datetime.now(datetime.UTC).strftime(TIME_FORMAT)


def moment(seconds: float) -> str:
    """Return the DateTime value of a time in seconds since 1970."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime(TIME_FORMAT)


def parse_time(value: str) -> datetime.datetime:
    """Return the aware datetime of a DateTime value; raise ValueError for anything else."""
    return datetime.datetime.strptime(value, TIME_FORMAT).replace(tzinfo=datetime.UTC)
