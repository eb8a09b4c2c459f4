# SPDX-License-Identifier: Apache-2.0
"""Query parameters: filters, sort, paging and fields, checked against a model; all problems are reported together."""

import csv
import functools
import re
import typing
import urllib.parse

from oslo_utils import strutils

from valence.api.model import schemas
from valence.bus import wire
from valence.common import errors
from valence.db import models
from valence.db import types

OPERATORS = ("eq", "neq", "in", "gt", "gte", "lt", "lte")
PAGING = ("limit", "marker", "sort", "fields", "with_count")
MOST_PARAMETERS = 100
#: values of one in:, keys of one sort, names of one fields
MOST_VALUES, MOST_KEYS, MOST_FIELDS = 500, 10, 200

_OPERATOR = re.compile(rf"({'|'.join(OPERATORS)}):(.*)", re.DOTALL)


Fields = dict[str, types.Field]
#: makes a value of a parameter's text; raises ValueError with a sentence
Reader = typing.Callable[[str], typing.Any]
Readers = typing.Mapping[str, Reader]


class Query(typing.NamedTuple):
    """The query of a list, as ``client.Records.list`` takes it; ``extra`` are values of other parameters.

    ``with_count`` wants the number of all rows that match the filters; ``limit`` may then be 0 for no rows.
    """

    filters: list[typing.Any]
    sort: list[typing.Any]
    marker: str | None
    limit: int | None
    fields: list[str] | None
    extra: dict[str, typing.Any]
    with_count: bool

    def arguments(self) -> wire.Query:
        """Return the keywords of ``client.Records.list``."""
        names = ("filters", "sort", "marker", "limit", "fields")
        return typing.cast(wire.Query, {name: getattr(self, name) for name in names})


class Problems(list[errors.Problem]):
    """Problems found so far."""

    def add(self, name: str, detail: str, hint: str) -> None:
        """Add a problem of the parameter ``name``."""
        self.append({"path": name, "detail": detail, "hint": hint})

    def attempt(self, name: str, read: Reader, text: str) -> typing.Any:
        """Return ``read(text)``, or None after adding the sentence of its ValueError as a problem."""
        try:
            return read(text)
        except ValueError as error:
            self.add(name, str(error), "Correct it or leave it out.")
        return None

    def report(self) -> None:
        """Raise ValidationFailed if there are any."""
        if self:
            raise errors.ValidationFailed(problems=list(self))


def pairs(text: str) -> list[tuple[str, str]]:
    """Return the names and values of a URL's query, in their order."""
    try:
        found = urllib.parse.parse_qsl(
            text, keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=MOST_PARAMETERS
        )
    except UnicodeDecodeError:
        raise errors.BadRequest(reason="The query of the URL is not UTF-8.") from None
    except ValueError:
        raise errors.BadRequest(reason=f"The query has more than {MOST_PARAMETERS} parameters.") from None
    if any("\0" in name or "\0" in value for name, value in found):
        raise errors.BadRequest(reason="The query of the URL contains the character NUL.")
    return found


def options(text: str, allowed: Readers) -> dict[str, typing.Any]:
    """Return the parameters of a request that takes only ``allowed``, each once; ``{name: reader}``."""
    problems = Problems()
    values: dict[str, typing.Any] = {}
    for name, value in pairs(text):
        if _accepted(problems, name, allowed, values):
            values[name] = problems.attempt(name, allowed[name], value)
    problems.report()
    return values


def parse(
    model: type[models.ModelBase], text: str, *, max_limit: int, default_limit: int, extra: Readers
) -> Query:
    """Return the Query of ``text``, the query of a URL; ``extra`` maps other parameters to readers."""
    problems, filters = Problems(), []
    single: dict[str, typing.Any] = {}
    known = {*PAGING, *extra}
    fields = filterable(model)  # type: ignore[arg-type]
    for name, value in pairs(text):
        if name in fields:
            filters += _filter(problems, name, fields[name], value)
        elif _accepted(problems, name, known, single, fields):
            single[name] = value
    with_count = "with_count" in single and problems.attempt("with_count", flag, single["with_count"])
    query = Query(
        filters=filters,
        sort=_sort(problems, fields, single.get("sort")),
        marker=_marker(problems, model, single.get("marker")),
        limit=_limit(problems, single.get("limit"), 0 if with_count else 1, max_limit, default_limit),
        fields=_fields(problems, model, single.get("fields")),
        extra={name: problems.attempt(name, extra[name], single[name]) for name in extra if name in single},
        with_count=bool(with_count),
    )
    problems.report()
    return query


@functools.cache
def filterable(model: type[models.ModelBase]) -> Fields:
    """Return the fields of ``model`` that lists may be filtered and sorted by."""
    public = {name: model.fields[name] for name in model.public_fields() if name not in model.unfiltered}
    return {name: field for name, field in public.items() if not isinstance(field, types.JSON)}


def boolean(text: str) -> bool:
    """Return a truth value; "" is none: an empty variable of a script must not force or erase."""
    try:
        return bool(strutils.bool_from_string(text, strict=True))
    except ValueError:
        raise ValueError("It must be true or false.") from None


def flag(text: str) -> bool:
    """Return a truth value of a parameter that only shows more; "" is true: ``?stream`` is ``?stream=true``."""
    return not text or boolean(text)


def integer(text: str) -> int:
    """Return a whole number of at most 63 bits."""
    if not re.fullmatch(r"[+-]?[0-9]{1,19}", text, re.ASCII) or not -(2**63) <= int(text) < 2**63:
        raise ValueError("It must be a whole number.")
    return int(text)


def value(field: types.Field, text: str) -> typing.Any:
    """Return ``text`` as a value of ``field``; raise ValueError with a sentence."""
    if isinstance(field, types.Choice) and text not in field.choices:
        raise ValueError(f"It must be one of: {', '.join(field.choices)}.")
    if isinstance(field, types.Integer):
        return integer(text)
    if isinstance(field, types.Boolean):
        return boolean(text)
    form = getattr(field, "format", None)
    return schemas.FORMATS[form](text) if form in ("uuid", "date-time") else text


def _accepted(
    problems: Problems,
    name: str,
    allowed: typing.Collection[str],
    seen: typing.Container[str],
    fields: typing.Iterable[str] = (),
) -> bool:
    if name in seen:
        problems.add(name, "It is given twice.", "Give it once.")
        return False
    if name not in allowed:
        names = ", ".join(sorted({*allowed, *fields})) or "none"
        problems.add(name, "There is no such parameter.", f"Parameters are: {names}.")
        return False
    return True


def _filter(problems: Problems, name: str, field: types.Field, text: str) -> list[typing.Any]:
    match = _OPERATOR.fullmatch(text)
    operator, text = match.groups() if match else ("eq", text)
    read = functools.partial(_values if operator == "in" else value, field)
    found = problems.attempt(name, read, text)
    return [] if found is None else [[name, operator, found]]


def _values(field: types.Field, text: str) -> list[typing.Any]:
    """Return the values of ``in:a,b,"c,d"``."""
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error:
        rows = []
    if len(rows) != 1 or not rows[0]:
        raise ValueError('in: needs values like a,b,"c,d".')
    if len(rows[0]) > MOST_VALUES:
        raise ValueError(f"in: takes at most {MOST_VALUES} values.")
    return [value(field, each) for each in rows[0]]


def _sort(problems: Problems, fields: Fields, text: str | None) -> list[list[typing.Any]]:
    keys: list[list[typing.Any]] = []
    wanted = text.split(",") if text else []
    if len(wanted) > MOST_KEYS:
        problems.add(
            "sort", f"There are more than {MOST_KEYS} keys.", "Sort by the keys that tell rows apart."
        )
        return []
    for each in wanted:
        name, _, direction = each.partition(":")
        if name not in fields or direction not in ("", "asc", "desc"):
            hint = f"Write name:asc or name:desc with one of: {', '.join(fields)}."
            problems.add("sort", f"It cannot be sorted by {each!r}.", hint)
        elif name in [known for known, _ in keys]:
            problems.add("sort", f"{name} is given twice.", "Give it once.")
        else:
            keys.append([name, direction == "desc"])
    return keys


def _marker(problems: Problems, model: type[models.ModelBase], text: str | None) -> str | None:
    return (
        None
        if text is None
        else problems.attempt("marker", functools.partial(value, model.fields[model.key]), text)
    )


def _limit(problems: Problems, text: str | None, least: int, most: int, default: int) -> int | None:
    if text is None:
        return min(default, most)
    number: int | None = problems.attempt("limit", integer, text)
    if number is not None and not least <= number <= most:
        hint = "Follow the link 'next' to get more. With with_count=true it may be 0."
        problems.add("limit", f"It must be between {least} and {most}.", hint)
    return number


def names(model: type[models.ModelBase], text: str) -> list[str]:
    """Return the names of public fields that ``text`` lists."""
    wanted, public = list(dict.fromkeys(text.split(","))), model.public_fields()
    if len(wanted) > MOST_FIELDS:
        raise ValueError(f"There are more than {MOST_FIELDS} names; fields are: {', '.join(public)}.")
    unknown = [name for name in wanted if name not in public]
    if unknown:
        raise ValueError(
            f"There is no field {', '.join(map(repr, unknown))}; fields are: {', '.join(public)}."
        )
    return wanted


def _fields(problems: Problems, model: type[models.ModelBase], text: str | None) -> list[str] | None:
    return None if text is None else problems.attempt("fields", functools.partial(names, model), text)
