# SPDX-License-Identifier: Apache-2.0
"""How things are found and changed: by whoever may see them, and again where somebody else was faster."""

from oslo_log import log

from valence.common import errors
from valence.db import store

LOG = log.getLogger(__name__)

#: how often a change is tried; each failure means that another change of the same thing got through
TRIES = 100


def find(database, asking, model, name):
    """Return what the tenant calls ``name``; raise NotFound, for what is somebody else's too."""
    try:
        row = database.get(model, asking.key(name))
    except errors.NotFound:
        raise missing(model, name) from None
    if not asking.owns(row):
        raise missing(model, name)
    return row


def find_by(database, asking, model, name):
    """Return what ``find`` returns, of a joined model too."""
    rows = database.list(model, filters=[store.Filter(model.key, "eq", asking.key(name))], limit=1)
    if not rows or not asking.owns(rows[0]):
        raise missing(model, name)
    return rows[0]


def missing(model, name):
    """Return the error that tells that there is no such thing."""
    return errors.NotFound(kind=model.kind, key=name)


def again(change, *expected):
    """Return the result of ``change``, done again where others changed the same thing meanwhile.

    ``expected`` are further errors that another's change explains.
    """
    for _ in range(TRIES):
        try:
            return change()
        except (errors.RevisionMismatch, errors.InUse, *expected) as obstacle:
            LOG.debug("somebody else was faster, trying again: %s", obstacle)
    return change()
