# SPDX-License-Identifier: Apache-2.0
"""Handlers of rules: conditions on a machine's document, and the actions to take when they hold."""

import contextlib

import flask

from valence.api.introspection import describing
from valence.api.introspection import dialect
from valence.api.introspection import documents
from valence.api.model import schemas
from valence.common import errors
from valence.common import packing

#: largest rule, in bytes: rules are read for every document, and cross the bus in one message
LARGEST = 64 * 1024
SHORT = ("uuid", "description", "scope")


@describing.described(
    {200: describing.one("IntrospectionRule"), 201: describing.one("IntrospectionRule")},
    body=describing.RULE,
    body_example=describing.RULE_EXAMPLE,
    failures=(*describing.WRITING, 413),
)
def create(call, uuid=None):
    """Make a rule."""
    # openstacksdk posts it to the URL that it is going to have.
    document = _document(call, uuid)
    rule = call.conductor.introspection_rules.create(call.context, document)
    shown = flask.json.dumps(_shown(call, rule))
    status = 201 if flask.g.version >= dialect.RULE_CREATED else 200
    return flask.Response(shown, status, content_type="application/json")


@describing.described({200: describing.page("rules", "IntrospectionRuleSummary")})
def listing(call):
    """List the rules in the order in which they are applied."""
    rules = call.conductor.introspection_rules.list(call.context)
    return {"rules": [_shown(call, {name: rule[name] for name in SHORT}) for rule in rules]}


@describing.described({200: describing.one("IntrospectionRule")}, failures=describing.READING)
def show(call, uuid):
    """Show a rule."""
    return _shown(call, call.conductor.introspection_rules.get(call.context, _identifier(uuid)))


@describing.described({204: None}, failures=describing.READING)
def delete(call, uuid):
    """Remove a rule."""
    call.conductor.introspection_rules.delete(call.context, _identifier(uuid))
    return flask.Response(status=204)


@describing.described({204: None})
def clear(call):
    """Remove every rule."""
    call.conductor.introspection_rules.clear(call.context)
    return flask.Response(status=204)


def _document(call, uuid):
    data = documents.read(call.http)
    if len(data) > LARGEST:
        raise errors.TooLarge(what="rule", limit=f"{LARGEST} bytes")
    document = None
    if packing.is_shallow(data, call.settings.max_json_depth):
        with contextlib.suppress(ValueError):
            document = flask.json.loads(data)
    if not isinstance(document, dict):
        raise errors.BadRequest(reason="The rule must be a JSON object.")
    document["uuid"] = uuid or document.get("uuid")
    if document["uuid"] is not None:
        document["uuid"] = _identifier(
            document["uuid"], errors.BadRequest(reason="The uuid of the rule is none.")
        )
    return document


def _identifier(text, error=None):
    if not isinstance(text, str) or not schemas.is_uuid(text):
        raise error or errors.NotFound(kind="introspection_rule", key=text)
    return text.lower()


def _shown(call, rule):
    return rule | {"links": [dialect.own(call, f"/v1/rules/{rule['uuid']}")]}
