# SPDX-License-Identifier: Apache-2.0
"""Events of the backup service as changes to commit: stored together with what they tell of."""

import uuid

from valence.backup import scope
from valence.db import models
from valence.db import store
from valence.db.models.event import STATES

#: values that events tell by the tenant's own names
_NAMES = ("id", "job_id", "session_id")
#: longest identifier that an event takes
_LONGEST = models.Event.fields["object_id"].max


def job(asking, happened, *, old=None, new=None):
    """Return the creation of ``valence.backup.job.<happened>``; old and new are JobAttachments."""
    return _create(asking, "backup_job", f"valence.backup.job.{happened}", old, new)


def job_changed(asking, old, new):
    """Return the creation of ``valence.backup.job.state_changed`` in a list, an empty one where nothing is to tell."""
    is_same = _state("backup_job", old) == _state("backup_job", new)
    return [] if is_same else [job(asking, "state_changed", old=old, new=new)]


def session(asking, happened, *, old=None, new=None):
    """Return the creation of ``valence.backup.session.<happened>``; old and new are Sessions."""
    return _create(asking, "backup_session", f"valence.backup.session.{happened}", old, new)


def _create(asking, kind, event_type, old, new):
    subject = new or old
    return store.Create(
        models.Event(
            event_type=event_type,
            object_kind=kind,
            object_id=_identifier(getattr(subject, type(subject).key)),
            old=old and _state(kind, old),
            new=new and _state(kind, new),
            actor=asking.user_id or None,
            request_id=asking.request_id,
        )
    )


def _state(kind, row):
    told = row.public(STATES[kind])
    return told | {name: scope.name_of(told[name]) for name in _NAMES if name in told}


def _identifier(key):
    name = scope.name_of(key)
    return name if len(name) <= _LONGEST else str(uuid.uuid5(uuid.NAMESPACE_OID, key))
