# SPDX-License-Identifier: Apache-2.0
"""Descriptions of the introspection dialect's handlers for the OpenAPI document: schemas, parameters, examples."""

from collections.abc import Callable

from valence.api.http import descriptions
from valence.db.models import introspection

#: prefix of the names of its schemas and error responses
DIALECT = "Introspection"
#: statuses of errors of requests that read, and of requests that change, a machine or a rule
READING, WRITING = (400, 404), (400, 404, 409)

_TEXT, _MAYBE_TEXT = {"type": "string"}, {"type": ["string", "null"]}
_BOOLEAN, _VERSION = {"type": "boolean"}, {"type": "integer", "minimum": 1, "maximum": 999_999_999}
_OBJECT = {"type": "object", "additionalProperties": True}
_MOMENT = {"description": "UTC, as in 2026-11-21T03:37:02."}
_UUID = {"type": "string", "format": "uuid"}
#: a document of a machine, whatever its contents
DOCUMENT = _OBJECT | {"description": "Document of a machine, as ironic-inspector has it."}
#: the body of 202
ACCEPTED = {"type": "object", "description": "Nothing.", "maxProperties": 0}


def _list(items: dict, text: str = "") -> dict:
    return {"type": "array", "items": items} | ({"description": text} if text else {})


def _closed(**properties: dict) -> dict:
    """Return the schema of an object that has all of these properties."""
    return {"type": "object", "properties": properties, "required": [*properties]}


_LINKS = descriptions.reference("Links")
_RULE = {
    "uuid": _UUID,
    "description": _MAYBE_TEXT,
    "scope": _MAYBE_TEXT | {"description": "Name or UUID of the pod manager whose machines it is for."},
}
_PARTS = {
    "conditions": _list(_OBJECT, "What has to hold of the document: op, field and more."),
    "actions": _list(_OBJECT, "What is done then: action and more."),
}
SCHEMAS = {
    "Introspection": _closed(
        uuid=_TEXT,
        state={"type": "string", "enum": [*introspection.STATES]},
        finished=_BOOLEAN,
        error=_MAYBE_TEXT,
        started_at=_MAYBE_TEXT | _MOMENT,
        finished_at=_MAYBE_TEXT | _MOMENT,
        links=_LINKS,
    ),
    "IntrospectionVersion": _closed(
        version=_VERSION,
        source=_TEXT,
        finished_at=_MAYBE_TEXT,
        processed=_MAYBE_TEXT | {"description": "SHA-256 of the processed document."},
        unprocessed=_MAYBE_TEXT | {"description": "SHA-256 of the unprocessed document."},
        links=_LINKS,
    ),
    "IntrospectionDifference": _closed(
        old=_VERSION,
        new=_VERSION,
        differences=_list(
            {
                "type": "object",
                "properties": {
                    "path": _TEXT,
                    "change": {"type": "string", "enum": ["added", "removed", "changed"]},
                    "old": {"description": "Value in the old version."},
                    "new": {"description": "Value in the new version."},
                },
                "required": ["path", "change"],
            }
        ),
    ),
    "IntrospectionRuleSummary": _closed(**_RULE, links=_LINKS),
    "IntrospectionRule": _closed(**_RULE, **_PARTS, links=_LINKS),
    "IntrospectionError": _closed(error=_closed(message=_TEXT)),
}
#: the body that creates a rule
RULE = {
    "type": "object",
    "properties": {"uuid": _UUID, "description": _MAYBE_TEXT, "scope": _MAYBE_TEXT}
    | {
        "conditions": {"anyOf": [_OBJECT, _PARTS["conditions"]]},
        "actions": {"anyOf": [_OBJECT, _PARTS["actions"] | {"minItems": 1}]},
    },
    "required": ["actions"],
}
RULE_EXAMPLE = {
    "description": "Machines with little memory fail.",
    "conditions": [{"op": "lt", "field": "memory_mb", "value": 4096}],
    "actions": [{"action": "fail", "message": "There is too little memory."}],
}
DOCUMENT_EXAMPLE = {
    "inventory": {"interfaces": [{"name": "eth0", "mac_address": "52:54:00:12:34:56"}]},
    "boot_interface": "01-52-54-00-12-34-56",
}
VERSIONS = _closed(versions=_list(_closed(id=_TEXT, status=_TEXT, links=_LINKS)))
RESOURCES = _closed(resources=_list(_closed(name=_TEXT, links=_LINKS)))


def one(name: str) -> dict:
    """Return a reference to a schema of SCHEMAS."""
    return descriptions.reference(name)


def page(under: str, name: str) -> dict:
    """Return the schema of a list under a name."""
    return _closed(**{under: _list(one(name))})


def query(name: str, text: str, schema: dict = _TEXT) -> dict:
    """Return a parameter of the query."""
    return descriptions.parameter(name, schema, text)


STATE = query("state", f"States to show, separated by commas: {', '.join(introspection.STATES)}.")
MARKER = query("marker", "UUID of the last machine of the page before.", _UUID)
LIMIT = query(
    "limit", "Most machines of the page; 0 is as many as there may be.", {"type": "integer", "minimum": 0}
)
MANAGE_BOOT = query("manage_boot", "Whether Valence boots the machine into the ramdisk.", _BOOLEAN)
SOURCE = query("source", "Who looks into the machine.", {"type": "string", "enum": ["ramdisk", "redfish"]})
DATA_VERSION = query("version", "Version of the documents; by default the newest.", _VERSION)
OLD = query("old", "Older version; by default the one before, of the same source.", _VERSION)
NEW = query("new", "Newer version; by default the newest.", _VERSION)
WHOLE = query("whole", "Compare whole documents, not only what tells of hardware.", _BOOLEAN)
TOKEN = query("token", "Token of the introspection, where its start answered with one.")
KNOWN = descriptions.parameter("If-None-Match", _TEXT, "ETag of the document that the client has.", "header")


def verb(answers: dict, *, parameters: tuple = (), failures: tuple = (), body: dict | None = None, **about):
    """Return the Description of a handler with the schemas of its responses by status."""
    types = {"media_types": ("application/json",)} if body else {}
    return descriptions.Description(
        parameters=parameters,
        answers=answers,
        failures=failures,
        body=body,
        dialect=DIALECT,
        **types,
        **about,
    )


def described(answers: dict, **about) -> Callable:
    """Set the Description of a handler that is a function."""
    return descriptions.describe(verb(answers, **about))


def error(status: int) -> dict:
    """Return the schema and an example of an error with a status."""
    return {"schema": one("IntrospectionError"), "example": {"error": {"message": "What is wrong."}}}
