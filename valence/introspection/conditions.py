# SPDX-License-Identifier: Apache-2.0
"""Conditions of rules: an operator over what stands at a place of the processed document, or of the machine."""

import ipaddress
import operator
import re
import typing

from valence.introspection import places

#: what a place may begin with -> which of the documents it is in; without it is ``data``
SCHEMES = {"data://": "data", "node://": "node"}
MULTIPLE = ("any", "all", "first")
LONGEST = 1024
#: texts, too, that say that there is nothing
_EMPTY = (None, "", "None", "[]", "{}", [], {})


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
    """Return what was found as a number where it is compared with one: ramdisks send many as texts."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(found) if is_number and isinstance(found, str) else found


def _is_in_network(found, value):
    try:
        return ipaddress.ip_address(str(found)) in ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False


def _check_pattern(value):
    try:
        re.compile(_text(value))
    except re.error as error:
        raise ValueError(f"{value!r} is no regular expression: {error}") from None


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
    condition = {"multiple": "any", "invert": False} | given
    kind = OPERATORS.get(str(condition.get("op")))
    if kind is None:
        raise ValueError(f"op must be one of: {', '.join(sorted(OPERATORS))}")
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
    """Return whether a condition holds of ``{"data": processed document, "node": facts of the machine}``."""
    kind = OPERATORS[condition["op"]]
    name, steps = _place(condition["field"])
    found = places.values(documents[name], steps) or ([None] if kind.takes_nothing else [])
    results = [kind.test(each, condition.get("value")) != condition["invert"] for each in found]
    if not results or condition["multiple"] == "first":
        return results[:1] == [True]
    return all(results) if condition["multiple"] == "all" else any(results)


def _place(field):
    if not isinstance(field, str) or len(field) > LONGEST:
        raise ValueError(f"field must be a text of at most {LONGEST} characters")
    scheme = next((each for each in SCHEMES if field.startswith(each)), "")
    return SCHEMES.get(scheme, "data"), places.parse(field.removeprefix(scheme))


def _check_parameters(condition, allowed):
    for problem, names in (
        ("is missing", allowed - condition.keys()),
        ("is not known", condition.keys() - allowed),
    ):
        if names:
            raise ValueError(f"{', '.join(sorted(names))} {problem}")
