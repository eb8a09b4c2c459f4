# SPDX-License-Identifier: Apache-2.0
"""Actions of rules. Those that set something do it in ``node`` of the processed document.

``node`` has the form of a node of Ironic, so that whoever enrols the machine there can take it as it is.

Texts in actions of rules in which ``{data[name][number]}`` stands for a value of the document.

They are format strings of Python, as in ironic-inspector, with three limits: a field names items of the document and no
attributes of Python objects, numbers in a format specification have at most three digits, and all values that are
filled in for one document have at most LONGEST characters.
"""

import re
import string
import typing

from valence.common import introspection_errors

#: most characters that the rules fill in for one document
LONGEST_TEXT = 16 * 1024 * 1024

_FIELD = re.compile(r"data((?:\[[^\[\]]+\])*)")
_LARGE_NUMBER = re.compile(r"\d{4}")
#: fields that may stand in the format of another one, one in the other
_DEEPEST = 1
#: most characters of a template in an error
_SHOWN = 100


def check(value):
    """Raise ValueError with a sentence if a text in ``value``, which may be nested, can never be filled in."""
    for text in _texts(value):
        try:
            for _, field, spec, conversion in string.Formatter().parse(text):
                _check_field(field, spec, conversion)
        except ValueError as error:
            raise ValueError(
                f"{_short(text)} is no template: {error}; write {{{{ and }}}} for braces"
            ) from None


class Templates(string.Formatter):
    """Fills in values of one document."""

    def __init__(self, document: dict):
        self._document, self._left = document, LONGEST_TEXT

    def fill(self, value):
        """Return ``value`` with all its texts, names in objects too, filled in; raise RuleFailed."""
        if isinstance(value, dict):
            return {self.fill(name): self.fill(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.fill(inner) for inner in value]
        return self._filled(value) if isinstance(value, str) and ("{" in value or "}" in value) else value

    def get_field(self, field_name, args, kwargs):
        """Return the value that a field names; overrides what would give access to attributes."""
        match = _FIELD.fullmatch(field_name)
        if match is None:
            raise ValueError(f"{field_name!r} is no place in the document")
        value = self._document
        for name in match[1][1:-1].split("][") if match[1] else ():
            value = _value_inside(value, name)
        return value, "data"

    def format_field(self, value, format_spec):
        """Return a value as text; overrides what would make texts of any size."""
        if _LARGE_NUMBER.search(format_spec):
            raise ValueError("the number in its format is too large")
        text = super().format_field(value, format_spec)
        self._left -= len(text)
        if self._left < 0:
            raise ValueError("the rules fill in too much")
        return text

    def _filled(self, text):
        try:
            return self.vformat(text, (), {})
        except (ValueError, TypeError, LookupError, OverflowError) as error:
            reason = f"The value {_short(text)} of a rule cannot be filled in: {error}."
            raise introspection_errors.RuleFailed(reason=reason) from None


def _check_field(field, spec, conversion, depth=0):
    if field is None:
        return
    if not _FIELD.fullmatch(field):
        raise ValueError(f"{{{field}}} is not of the form {{data[name][name]}}")
    if conversion not in (None, "r", "s", "a"):
        raise ValueError(f"there is no conversion !{conversion}")
    if _LARGE_NUMBER.search(spec):
        raise ValueError("a number in a format has at most three digits")
    if depth > _DEEPEST:
        raise ValueError("a format holds fields with formats that hold fields")
    for _, inner, inner_spec, inner_conversion in string.Formatter().parse(spec):
        _check_field(inner, inner_spec, inner_conversion, depth + 1)


def _value_inside(value, name):
    if isinstance(value, dict) and name in value:
        return value[name]
    if isinstance(value, list) and name.isascii() and name.isdigit() and int(name) < len(value):
        return value[int(name)]
    raise LookupError(f"the document has no {name!r} there")


def _texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for inner in (*value, *value.values()) if isinstance(value, dict) else value:
            yield from _texts(inner)


def _short(text):
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


#: most parts of a path
DEEPEST = 16
LONGEST = 1024


class Action(typing.NamedTuple):
    """What is done to ``node``, and its parameters.

    ``needs`` are those that must have a value, ``takes`` those that must be there and may be null, ``may`` further ones
    with their defaults. In a ``value``, and nowhere else, texts are templates.
    """

    run: typing.Callable
    needs: tuple
    takes: tuple = ()
    may: dict = {}


def _fail(node, message):
    raise introspection_errors.RuleFailed(reason=str(message))


def _set_attribute(node, path, value, reset_interfaces):
    *above, last = _parts(path)
    holder = _holder(node, above)
    if isinstance(holder, dict):
        holder[last] = value
    elif last == "-":
        holder.append(value)
    else:
        holder.insert(_index(holder, last, len(holder)), value)


def _extend_attribute(node, path, value, unique):
    *above, last = _parts(path)
    known = _inside(_holder(node, above), last, [])
    if not isinstance(known, list):
        raise introspection_errors.RuleFailed(reason=f"A rule extends {path}, which is no list.")
    if not unique or value not in known:
        known.append(value)


def _set_capability(node, name, value):
    holder = _holder(node, ["properties"])
    if not isinstance(holder, dict):
        raise introspection_errors.RuleFailed(
            reason="A rule sets a capability in properties, which is no object."
        )
    known = dict(
        each.split(":", 1) for each in str(holder.get("capabilities") or "").split(",") if ":" in each
    )
    known.pop(name, None) if value is None else known.update({name: value})
    holder["capabilities"] = ",".join(f"{each}:{known[each]}" for each in known)


def _add_trait(node, name):
    _extend_attribute(node, "/traits", name, unique=True)


def _remove_trait(node, name):
    traits = node.get("traits")
    if isinstance(traits, list) and name in traits:
        traits.remove(name)


ACTIONS = {
    "fail": Action(_fail, ("message",)),
    # Ironic has interfaces of drivers to reset; here there are none.
    "set-attribute": Action(_set_attribute, ("path",), ("value",), {"reset_interfaces": None}),
    "extend-attribute": Action(_extend_attribute, ("path", "value"), may={"unique": False}),
    "set-capability": Action(_set_capability, ("name",), may={"value": None}),
    "add-trait": Action(_add_trait, ("name",)),
    "remove-trait": Action(_remove_trait, ("name",)),
}


def normal(given):
    """Return an action that can be run; raise ValueError with a sentence."""
    kind = ACTIONS.get(str(given.get("action")))
    if kind is None:
        raise ValueError(f"action must be one of: {', '.join(sorted(ACTIONS))}")
    has_value = {name for name, value in given.items() if value is not None}
    missing = [name for name in kind.needs if name not in has_value]
    missing += [name for name in kind.takes if name not in given]
    unknown = has_value - {"action", *kind.needs, *kind.takes, *kind.may}
    if missing or unknown:
        names = (
            f"{', '.join(missing)} is missing" if missing else f"{', '.join(sorted(unknown))} is not known"
        )
        raise ValueError(names)
    _check_values(given)
    return given


def _check_values(given):
    if given.get("path") is not None:
        _parts(given["path"])
    if not all(isinstance(given[name], str) for name in ("name", "message") if given.get(name) is not None):
        raise ValueError("name and message must be texts")
    check(given.get("value"))


def run(action, node, filler):
    """Do what an action says to ``node``, with its value as ``filler``, Templates, fills it in; raise RuleFailed."""
    kind = ACTIONS[action["action"]]
    given = {name: action[name] for name in (*kind.needs, *kind.takes)}
    given |= {name: action.get(name, default) for name, default in kind.may.items()}
    if "value" in given:
        given["value"] = filler.fill(given["value"])
    kind.run(node, **given)


def _parts(path):
    """Return the names of a path such as ``/properties/cpus``, a JSON pointer; raise ValueError with a sentence."""
    parts = path.strip("/").split("/") if isinstance(path, str) and len(path) <= LONGEST else []
    if not parts or not all(parts) or len(parts) > DEEPEST:
        raise ValueError(f"path must be like /properties/cpus, of at most {DEEPEST} names")
    return [part.replace("~1", "/").replace("~0", "~") for part in parts]


def _holder(node, names):
    """Return the object or list in ``node`` that names lead to; an object is made where there is nothing."""
    for name in names:
        node = _inside(node, name, {})
        if not isinstance(node, (dict, list)):
            raise introspection_errors.RuleFailed(
                reason=f"A rule sets something in {name}, which is no object."
            )
    return node


def _inside(holder, name, default):
    return (
        holder.setdefault(name, default)
        if isinstance(holder, dict)
        else holder[_index(holder, name, len(holder) - 1)]
    )


def _index(holder, name, last):
    """Return the number that ``name`` is; raise RuleFailed if it is none, or larger than ``last``."""
    if not (name.isascii() and name.isdigit() and int(name) <= last):
        raise introspection_errors.RuleFailed(
            reason=f"A rule names {name!r} in a list of {len(holder)}: that is no place in it."
        )
    return int(name)
