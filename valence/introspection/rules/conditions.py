# SPDX-License-Identifier: Apache-2.0
"""Conditions of rules: an operator over what stands at a place of the processed document, or of the machine.

Places in documents as rules name them: the part of JSONPath that ironic-inspector's rules use.

``inventory.interfaces[*].mac_address``, ``root_disk.size``, ``all_interfaces.*.ip``, ``extra['a.b'][0]``,
``disks[1:].name``, ``inventory..size``.
"""

import ipaddress
import operator
import re
import typing

from valence.common import introspection_errors

#: steps to every value of an object, and to a value and everything inside of it
EVERY, DEEP = object(), object()
#: most steps of a path that search in depth: each multiplies what is found
DEEPEST = 2

_STEP = re.compile(
    r"""(?P<dots>\.\.?)(?:(?P<name>[^\s.\[\]'"*$?(),:|&]+)|(?P<any>\*)|'(?P<apart>[^']+)'|"(?P<distant>[^"]+)")"""
    r"""|\[(?:(?P<every>\*)|(?P<number>\d{1,6})|(?P<start>\d{0,6}):(?P<end>\d{0,6})"""
    r"""|'(?P<single>[^']+)'|"(?P<double>[^"]+)"|(?P<bare>[A-Za-z_@][\w@-]*))\]"""
)
_NAMES = ("name", "apart", "distant", "single", "double", "bare")


def parse(text: str) -> list:
    """Return the steps that lead to a place; raise ValueError with a sentence."""
    rest = text[1:] if text.startswith("$") else text if text.startswith("[") else f".{text}"
    steps = []
    while rest:
        match = _STEP.match(rest)
        if match is None or (not steps and rest.startswith("..") and not text.startswith("$")):
            raise ValueError(f"{text!r} is no path of names, [number], [start:end], [*], .* and ..name")
        steps += [DEEP, _step(match)] if match["dots"] == ".." else [_step(match)]
        rest = rest[match.end() :]
    if not steps:
        raise ValueError("a path needs a name")
    if steps.count(DEEP) > DEEPEST:
        raise ValueError(f"a path has at most {DEEPEST} times '..'")
    return steps


def values(document, steps: list) -> list:
    """Return what is at a place: none, one, or with ``*`` many values."""
    found = [document]
    for step in steps:
        found = [inner for value in found for inner in _inside(value, step)]
    return found


def _step(match):
    if match["any"]:
        return EVERY
    if match["every"]:
        return slice(None)
    if match["number"]:
        return int(match["number"])
    if match["start"] is not None:
        return slice(int(match["start"] or 0), int(match["end"]) if match["end"] else None)
    return next(match[name] for name in _NAMES if match[name])


def _inside(value, step) -> typing.Iterable:
    if step is DEEP:
        return _deep(value)
    if isinstance(step, slice):
        # ironic-inspector takes a single value for a list of it.
        return value[step] if isinstance(value, list) else [value][step] if value is not None else []
    if isinstance(value, dict):
        return value.values() if step is EVERY else [value[key] for key in (str(step),) if key in value]
    return value[step : step + 1] if isinstance(value, list) and isinstance(step, int) else []


def _deep(value):
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from _deep(each)


#: what a place may begin with -> which of the documents it is in; without it is ``data``
SCHEMES = {"data://": "data", "node://": "node"}
MULTIPLE = ("any", "all", "first")
LONGEST = 1024
_EMPTY = (None, "", [], {})


class Operator(typing.NamedTuple):
    """How a value that was found is compared with the one of the condition, and what that may be."""

    test: typing.Callable
    check: typing.Callable = lambda value: None
    #: whether there is a value to compare with, and whether a place that is not there can be tested
    has_value: bool = True
    takes_nothing: bool = False


def _ordered(compare):
    def test(found, value):
        try:
            return compare(_alike(found, value), value)
        except (TypeError, ValueError, OverflowError):
            return False

    return test


def _alike(found, value):
    """Return what was found as a number where it is compared with one: ramdisks send many as texts.

    As in ironic-inspector, a number with a fraction loses it where it is compared with an integer.
    """
    if isinstance(value, float):
        return float(found)
    if not isinstance(value, int):
        return found
    try:
        return int(found)
    except ValueError:
        return float(found)


def _is_in_network(found, value):
    try:
        return ipaddress.ip_address(str(found)) in ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False


def _check_pattern(value):
    try:
        re.compile(_text(value))
    except (re.error, OverflowError) as error:
        raise ValueError(f"{value!r} is no regular expression: {error}") from None
    except RecursionError:
        raise ValueError("a regular expression is nested too deep") from None


def _check_network(value):
    ipaddress.ip_network(_text(value), strict=False)


def _text(value):
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value


_equal = _ordered(operator.eq)
OPERATORS = {
    "eq": Operator(_equal),
    "ne": Operator(lambda found, value: not _equal(found, value)),
    "lt": Operator(_ordered(operator.lt)),
    "gt": Operator(_ordered(operator.gt)),
    "le": Operator(_ordered(operator.le)),
    "ge": Operator(_ordered(operator.ge)),
    "contains": Operator(lambda found, value: bool(re.search(value, str(found))), _check_pattern),
    "matches": Operator(lambda found, value: bool(re.fullmatch(value, str(found))), _check_pattern),
    "in-net": Operator(_is_in_network, _check_network),
    "is-empty": Operator(lambda found, _: found in _EMPTY, has_value=False, takes_nothing=True),
}


def normal(given):
    """Return a condition with its defaults; raise ValueError with a sentence."""
    condition = {"multiple": "any", "invert": False}
    condition |= {name: value for name, value in given.items() if value is not None or name == "value"}
    kind = OPERATORS.get(str(condition.get("op")))
    if kind is None:
        raise ValueError(f"op must be one of: {', '.join(sorted(OPERATORS))}")
    if not kind.has_value and condition.get("value") is None:
        condition.pop("value", None)
    _check_parameters(
        condition, {"op", "field", "multiple", "invert"} | ({"value"} if kind.has_value else set())
    )
    if condition["multiple"] not in MULTIPLE:
        raise ValueError(f"multiple must be one of: {', '.join(MULTIPLE)}")
    if not isinstance(condition["invert"], bool):
        raise ValueError("invert must be true or false")
    _place(condition["field"])
    if kind.has_value:
        kind.check(condition["value"])
    return condition


def holds(condition, documents):
    """Return whether a condition holds of ``{"data": processed document, "node": facts of the machine}``.

    Raise RuleFailed for a field that only an earlier version took.
    """
    kind = OPERATORS[condition["op"]]
    try:
        name, steps = _place(condition["field"])
    except ValueError as error:
        raise introspection_errors.RuleFailed(reason=f"A rule must be created again: {error}.") from None
    found = values(documents[name], steps) or ([None] if kind.takes_nothing else [])
    results = [kind.test(each, condition.get("value")) != condition["invert"] for each in found]
    if not results or condition["multiple"] == "first":
        return results[:1] == [True]
    return all(results) if condition["multiple"] == "all" else any(results)


def _place(field):
    if not isinstance(field, str) or len(field) > LONGEST:
        raise ValueError(f"field must be a text of at most {LONGEST} characters")
    scheme = next((each for each in SCHEMES if field.startswith(each)), "")
    return SCHEMES.get(scheme, "data"), parse(field.removeprefix(scheme))


def _check_parameters(condition, allowed):
    for problem, names in (
        ("is missing", allowed - condition.keys()),
        ("is not known", condition.keys() - allowed),
    ):
        if names:
            raise ValueError(f"{', '.join(sorted(names))} {problem}")
