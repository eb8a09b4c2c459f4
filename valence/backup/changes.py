# SPDX-License-Identifier: Apache-2.0
"""The scope of a request, and the rules for finding and changing rows in it.

A `Scope` says which rows a request may see and in which version of the API their documents are. `find` hides rows of
other tenants as if they did not exist; `again` repeats a change after a conflict; `job` and `session` build the events
that are committed together with a change.
"""

import contextlib
import threading
import typing
import uuid
import weakref

from valence.common import context
from valence.common import errors
from valence.db import models
from valence.db import store
from valence.db.models.event import STATES


class Scope(typing.NamedTuple):
    """The tenant of a request: a project in v2, a user of a project in v1.

    ``user_id`` and ``user_name`` are the caller. With ``everywhere`` lists have the rows of all projects; with
    ``trusts`` central clients work only under one.
    """

    version: str
    project_id: str
    user_id: str = ""
    user_name: str | None = None
    everywhere: bool = False
    trusts: bool = False
    request_id: str | None = None

    @property
    def is_v1(self):
        """Whether documents are in the form of version 1."""
        return self.version == "v1"

    def key(self, name):
        """Return the key of the row that this tenant calls ``name``."""
        return f"{self.project_id}:{name}"

    def filters(self, project="project_id"):
        """Return the filters of the rows that this tenant may see."""
        return [] if self.everywhere else [store.Filter(project, "eq", self.project_id)]

    def owns(self, row):
        """Return whether a row, found by a key of this project, is this tenant's."""
        return not self.is_v1 or row.user_id == self.user_id


def name_of(key):
    """Return the tenant's name for the row with a key; empty for None."""
    return key.partition(":")[2] if key else ""


def project_of(key):
    """Return the project of the row with a key."""
    return key.partition(":")[0]


#: values that events tell by the tenant's own names
_NAMES = ("id", "job_id", "session_id")
#: longest identifier that an event takes
_LONGEST = models.Event.fields["object_id"].max


def job(scope, happened, *, old=None, new=None):
    """Return the creation of ``valence.backup.job.<happened>``; old and new are JobAttachments."""
    return _create(scope, "backup_job", f"valence.backup.job.{happened}", old, new)


def job_changed(scope, old, new):
    """Return the creation of ``valence.backup.job.state_changed`` in a list, an empty one if the state is the same."""
    is_same = _state("backup_job", old) == _state("backup_job", new)
    return [] if is_same else [job(scope, "state_changed", old=old, new=new)]


def session(scope, happened, *, old=None, new=None):
    """Return the creation of ``valence.backup.session.<happened>``; old and new are Sessions."""
    return _create(scope, "backup_session", f"valence.backup.session.{happened}", old, new)


def _create(scope, kind, event_type, old, new):
    subject = new or old
    return store.Create(
        models.Event(
            event_type=event_type,
            object_kind=kind,
            object_id=_identifier(getattr(subject, type(subject).key)),
            old=old and _state(kind, old),
            new=new and _state(kind, new),
            actor=scope.user_id or None,
            request_id=scope.request_id,
        )
    )


def _state(kind, row):
    told = row.public(STATES[kind])
    return told | {name: name_of(told[name]) for name in _NAMES if name in told}


def _identifier(key):
    name = name_of(key)
    return name if len(name) <= _LONGEST else str(uuid.uuid5(uuid.NAMESPACE_OID, key))


#: how often a change is tried; each failure means that another change of the same thing got through
TRIES = 100
#: seconds that a change waits for others of the same row in this process
PATIENCE = 30.0


def find(database, scope, model, name):
    """Return the row that the tenant calls ``name``; raise NotFound, also for a row of another tenant."""
    try:
        row = database.get(model, scope.key(name))
    except errors.NotFound:
        raise missing(model, name) from None
    if not scope.owns(row):
        raise missing(model, name)
    return row


def find_by(database, scope, model, name):
    """Return the same as ``find``, also for a joined model."""
    rows = database.list(model, filters=[store.Filter(model.key, "eq", scope.key(name))], limit=1)
    if not rows or not scope.owns(rows[0]):
        raise missing(model, name)
    return rows[0]


def missing(model, name):
    """Return the error for a row that does not exist."""
    return errors.NotFound(kind=model.kind, key=name)


def again(
    database: store.Store,
    scope: Scope,
    model: type,
    name: str,
    change: typing.Callable,
    *expected: type,
) -> typing.Any:
    """Return the result of ``change`` of the row that the tenant calls ``name``, repeated after a conflict.

    Within this process, changes of one row take turns: 48 at once would roll each other back until some give up.
    Between processes the revision decides. ``expected`` are further errors that a conflict explains.
    """
    with _turn((id(database), model, scope.key(name)), _patience(database)):
        conflicts = (errors.RevisionMismatch, errors.InUse, *expected)
        return store.again(change, expected=conflicts, tries=TRIES)


def _patience(database):
    """Return the seconds that a change waits for its turn at most: not beyond the deadline of the call."""
    end = context.answer_deadline()
    return PATIENCE if end is None else min(PATIENCE, max(0.0, end - database.now()))


@contextlib.contextmanager
def _turn(key, patience):
    """Wait for the other changes of a row; raise Unavailable where they take too long."""
    with _guard:
        lock = _locks.setdefault(key, threading.Lock())
    if not lock.acquire(timeout=patience):
        raise errors.Unavailable(reason=f"Other changes of it have not ended within {patience:.0f} s.")
    try:
        yield
    finally:
        lock.release()


#: the locks of rows that are being changed
_locks: weakref.WeakValueDictionary = weakref.WeakValueDictionary()
_guard = threading.Lock()
