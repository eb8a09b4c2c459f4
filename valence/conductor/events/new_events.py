# SPDX-License-Identifier: Apache-2.0
"""Build events of things that clients see, to be committed together with the change itself."""

import functools

from valence.db import models
from valence.db import store
from valence.db.models.event import STATES


def _event(kind, context, happened, *, old=None, new=None, more=None):
    """Return the creation of ``valence.<kind>.<happened>``; old and new are the thing before and after.

    ``more`` is added to the new state that the event shows.
    """
    subject, shown = new or old, STATES[kind]
    event = models.Event(
        event_type=f"valence.{kind}.{happened}",
        object_kind=kind,
        object_id=subject.uuid,
        podm_id=subject.uuid if kind == "pod_manager" else getattr(subject, "podm_id", None),
        project_id=getattr(subject, "project_id", None),
        old=old and old.public(shown),
        new=new and new.public(shown) | (more or {}),
        actor=context.actor,
        request_id=context.request_id,
    )
    return store.Create(event)


def of_device(claim, device, **more):
    """Return what an event of a node says of one of its devices: a Claim, its Device or None, and ``more``."""
    about = {"device_type": device and device.device_type, "model": device and device.model}
    return {"device_id": claim.device_id, "part": claim.part} | about | more


#: of a PodManager, a ResourceWithState, an Introspection, a Node, a Flavor
pod_manager = functools.partial(_event, "pod_manager")
resource = functools.partial(_event, "resource")
introspection = functools.partial(_event, "introspection")
node = functools.partial(_event, "node")
flavor = functools.partial(_event, "flavor")
