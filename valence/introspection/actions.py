# SPDX-License-Identifier: Apache-2.0
"""Actions of rules. Those that set something do it in ``node`` of the processed document.

``node`` has the form of a node of Ironic, so that whoever enrols the machine there can take it as it is.
"""

import re
import typing

from valence.common import introspection_errors

#: most parts of a path
DEEPEST = 16
LONGEST = 1024

_FIELD = re.compile(r"\{\{|\}\}|\{data((?:\[[^\[\]{}]+\])+)\}|[{}]")


class Action(typing.NamedTuple):
    """What is done to ``node``, the parameters that it needs, and further ones with their defaults."""

    run: typing.Callable
    needs: tuple
    may: dict = {}


def _fail(node, message):
    raise introspection_errors.RuleFailed(reason=str(message))


def _set_attribute(node, path, value):
    *above, last = _parts(path)
    _holder(node, above)[last] = value


def _extend_attribute(node, path, value, unique):
    *above, last = _parts(path)
    known = _holder(node, above).setdefault(last, [])
    if not isinstance(known, list):
        raise introspection_errors.RuleFailed(reason=f"A rule extends {path}, which is no list.")
    if not unique or value not in known:
        known.append(value)


def _set_capability(node, name, value):
    holder = _holder(node, ["properties"])
    known = dict(
        each.split(":", 1) for each in str(holder.get("capabilities") or "").split(",") if ":" in each
    )
    known[str(name)] = str(value)
    holder["capabilities"] = ",".join(f"{each}:{known[each]}" for each in known)


def _add_trait(node, name):
    _extend_attribute(node, "/traits", name, unique=True)


def _remove_trait(node, name):
    traits = node.get("traits")
    if isinstance(traits, list) and name in traits:
        traits.remove(name)


ACTIONS = {
    "fail": Action(_fail, ("message",)),
    "set-attribute": Action(_set_attribute, ("path", "value")),
    "extend-attribute": Action(_extend_attribute, ("path", "value"), {"unique": False}),
    "set-capability": Action(_set_capability, ("name", "value")),
    "add-trait": Action(_add_trait, ("name",)),
    "remove-trait": Action(_remove_trait, ("name",)),
}


def normal(given):
    """Return an action that can be run; raise ValueError with a sentence."""
    kind = ACTIONS.get(str(given.get("action")))
    if kind is None:
        raise ValueError(f"action must be one of: {', '.join(sorted(ACTIONS))}")
    missing = [name for name in kind.needs if name not in given]
    unknown = given.keys() - {"action", *kind.needs, *kind.may}
    if missing or unknown:
        names = (
            f"{', '.join(missing)} is missing" if missing else f"{', '.join(sorted(unknown))} is not known"
        )
        raise ValueError(names)
    if "path" in given:
        _parts(given["path"])
    if not all(isinstance(given[name], str) for name in ("name", "message") if name in given):
        raise ValueError("name and message must be texts")
    return given


def run(action, document):
    """Do what an action says to a processed document; raise RuleFailed."""
    kind = ACTIONS[action["action"]]
    given = {name: action[name] for name in kind.needs} | {
        name: action.get(name, kind.may[name]) for name in kind.may
    }
    node = document.setdefault("node", {})
    if not isinstance(node, dict):
        raise introspection_errors.RuleFailed(reason="The document has a node that is no object.")
    kind.run(node, **{name: filled(value, document) for name, value in given.items()})


def filled(value, document):
    """Return a value with every ``{data[name][name]}`` in its texts replaced by what the document has there."""
    if isinstance(value, dict):
        return {name: filled(inner, document) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, document) for inner in value]
    return _FIELD.sub(lambda match: _content(match, document), value) if isinstance(value, str) else value


def _content(match, document):
    if match[1] is None:
        return match[0][:1]
    found = document
    for name in match[1][1:-1].split("]["):
        found = _inside(found, name, match[0])
    return str(found)


def _inside(value, name, field):
    if isinstance(value, dict) and name in value:
        return value[name]
    if isinstance(value, list) and name.isascii() and name.isdigit() and int(name) < len(value):
        return value[int(name)]
    raise introspection_errors.RuleFailed(
        reason=f"A rule asks for {field}, which the document does not have."
    )


def _parts(path):
    """Return the names of a path such as ``/properties/cpus``; raise ValueError with a sentence."""
    parts = path.strip("/").split("/") if isinstance(path, str) and len(path) <= LONGEST else []
    if not parts or not all(parts) or len(parts) > DEEPEST:
        raise ValueError(f"path must be like /properties/cpus, of at most {DEEPEST} names")
    return parts


def _holder(node, names):
    """Return the object in ``node`` that names lead to, made where there is nothing."""
    for name in names:
        node = node.setdefault(name, {})
        if not isinstance(node, dict):
            raise introspection_errors.RuleFailed(
                reason=f"A rule sets something in {name}, which is no object."
            )
    return node
