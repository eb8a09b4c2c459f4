# SPDX-License-Identifier: Apache-2.0
"""The events that Valence publishes on the bus: schema and sample of every type."""

import functools

from valence.api.http import descriptions
from valence.api.http import handler
from valence.api.model import query
from valence.api.model import schemas
from valence.db import models
from valence.db.models import event as event_model

OBJECTS = {
    "backup_job": models.JobAttachment,
    "backup_session": models.Session,
    "flavor": models.Flavor,
    "introspection": models.Introspection,
    "node": models.Node,
    "pod_manager": models.PodManager,
    "quota": models.Quota,
    "resource": models.ResourceWithState,
}


@descriptions.described(answers={200: {"type": "object"}}, failures=(400,))
def listing(call):
    """Show the type, schema and a sample of every event that is published."""
    query.options(call.raw_query, {})
    return handler.document(call, _whole() | {"links": [handler.link(call, "self", "/v1/notifications")]})


@functools.cache
def _whole():
    types = event_model.EVENT_TYPES.items()
    return {"notifications": [_notification(name, kind) for name, kind in types]}


#: epoch of the samples
EPOCH = 1795232222000


def _notification(name, kind):
    return {
        "event_type": name,
        "description": kind.doc,
        "object_kind": kind.object_kind,
        "object_version": OBJECTS[kind.object_kind].version,
        "schema": _schema(kind),
        "sample": _sample(name, kind),
    }


def _schema(kind):
    """Return the schema of ``Event.payload``."""
    event = models.Event.fields
    about = {
        "kind": {"const": kind.object_kind},
        "id": event["object_id"].schema(),
        "podm_id": event["podm_id"].schema(),
    }
    properties = {
        "version": {"const": models.Event.version},
        "event_id": event["uuid"].schema(),
        "epoch": event_model.EPOCH.schema(),
        "sequence": event["sequence"].schema(),
        "object": _object(about),
        "old": _object(_state(kind, more=False)) if kind.old else {"type": "null"},
        "new": _object(_state(kind, more=True)) if kind.new else {"type": "null"},
        "actor": event["actor"].schema(),
        "request_id": event["request_id"].schema(),
        "timestamp": event["created_at"].schema(),
    }
    return _object(properties)


def _state(kind, more):
    fields = OBJECTS[kind.object_kind].fields
    told = {name: fields[name].schema() for name in event_model.STATES[kind.object_kind]}
    return told | ({name: field.schema() for name, field in kind.more.items()} if more else {})


def _object(properties):
    return {"type": "object", "properties": properties, "required": list(properties)}


def _sample(name, kind):
    model = OBJECTS[kind.object_kind]
    state = schemas.example(model, event_model.STATES[kind.object_kind])
    more = {field_name: schemas.example_value(field) for field_name, field in kind.more.items()}
    values = schemas.example(models.Event, models.Event.public_fields())
    about = {"event_type": name, "object_kind": kind.object_kind, "object_id": state[model.key]}
    states = {"old": state if kind.old else None, "new": state | more if kind.new else None}
    event = models.Event(**(values | about | states | {"created_at": schemas.EXAMPLES["date-time"]}))
    return event.payload(EPOCH)
