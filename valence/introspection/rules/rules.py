# SPDX-License-Identifier: Apache-2.0
"""Rules: what a site wants to be done with machines of which something was found, without writing a hook.

They run after the hooks and before the processed document is stored, in the order in which they were made.
"""

from valence.common import errors
from valence.db import models
from valence.db import store
from valence.introspection.rules import actions
from valence.introspection.rules import conditions

#: most conditions, and most actions, of one rule
MOST = 100


def normal(document):
    """Return the fields of the rule that ``document``, an object, describes; raise BadRequest with every problem."""
    problems = []
    fields = {name: _text(problems, document, name) for name in ("description", "scope")}
    fields["conditions"] = _each(problems, document, "conditions", conditions.normal)
    fields["actions"] = _each(problems, document, "actions", actions.normal)
    if not fields["actions"]:
        problems.append("actions: there must be one at least")
    if problems:
        raise errors.BadRequest(reason=f"The rule is not valid: {'; '.join(problems)}.")
    return fields


class Rules:
    """The rules that are stored."""

    def __init__(self, database):
        self._store = database

    def every(self):
        """Return all rules in their order."""
        return self._store.list(models.IntrospectionRule, sort=[store.Sort("position")])


def apply(rules, document, machine):
    """Change a processed document as rules say; raise RuleFailed.

    ``machine`` is what is known of the machine, as needed where there are rules; a rule with a scope is for the
    machines of the pod manager of that name or uuid. All conditions are evaluated before the first action is run.
    """
    # What a ramdisk sends under this name was set by nobody who may.
    document.pop("node", None)
    documents = {"data": document, "node": machine}
    met = [
        rule
        for rule in rules
        if rule.scope in (None, "", machine["pod_manager"], machine["podm_id"])
        and all(conditions.holds(condition, documents) for condition in rule.conditions)
    ]
    if not met:
        return
    node, filler = {}, actions.Templates(document)
    for rule in met:
        for action in rule.actions:
            actions.run(action, node, filler)
    document["node"] = node


def _text(problems, document, name):
    value = document.get(name)
    longest = models.IntrospectionRule.fields[name].max
    if value is None or (isinstance(value, str) and len(value) <= longest and "\0" not in value):
        return value
    problems.append(f"{name}: it must be a text of at most {longest} characters")
    return None


def _each(problems, document, name, check):
    given = document.get(name, [])
    if not isinstance(given, list) or len(given) > MOST:
        problems.append(f"{name}: they must be a list of at most {MOST}")
        return []
    return [_checked(problems, f"{name}[{number}]", each, check) for number, each in enumerate(given)]


def _checked(problems, place, given, check):
    try:
        if not isinstance(given, dict):
            raise ValueError("it must be an object")
        return check(given)
    except ValueError as error:
        problems.append(f"{place}: {error}")
    return given
