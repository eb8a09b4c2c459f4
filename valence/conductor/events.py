# SPDX-License-Identifier: Apache-2.0
"""Events as changes to commit: who builds one stores it together with what it tells of."""

from valence.db import models
from valence.db import store
from valence.db.models.event import STATES


def pod_manager(context, happened, *, old=None, new=None, more=None):
    """Return the creation of ``valence.pod_manager.<happened>``; old and new are pod managers.

    ``more`` is what the event says of the new state beyond the pod manager itself.
    """
    subject = new or old
    return _create(
        context,
        f"valence.pod_manager.{happened}",
        object_kind="pod_manager",
        object_id=subject.uuid,
        podm_id=subject.uuid,
        old=old and old.public(STATES["pod_manager"]),
        new=new and new.public(STATES["pod_manager"]) | (more or {}),
    )


def resource(context, happened, *, old=None, new=None):
    """Return the creation of ``valence.resource.<happened>``; old and new are ResourceWithState objects."""
    subject = new or old
    return _create(
        context,
        f"valence.resource.{happened}",
        object_kind="resource",
        object_id=subject.uuid,
        podm_id=subject.podm_id,
        old=old and old.public(STATES["resource"]),
        new=new and new.public(STATES["resource"]),
    )


def introspection(context, happened, *, old=None, new=None):
    """Return the creation of ``valence.introspection.<happened>``; old and new are Introspection objects."""
    subject = new or old
    return _create(
        context,
        f"valence.introspection.{happened}",
        object_kind="introspection",
        object_id=subject.uuid,
        podm_id=subject.podm_id,
        old=old and old.public(STATES["introspection"]),
        new=new and new.public(STATES["introspection"]),
    )


def _create(context, event_type, **values):
    event = models.Event(event_type=event_type, actor=context.actor, request_id=context.request_id, **values)
    return store.Create(event)
