# SPDX-License-Identifier: Apache-2.0
"""Making a pod manager due: something tells that it has to be synchronized before its time."""

from valence.common import errors
from valence.db import models
from valence.db import store
from valence.db import types

TRIES = 5


def make_due(database, pod_manager, lease):
    """Have a pod manager synchronized now; the timer's bookkeeping is no change that clients watch.

    ``lease`` is that of work on it: what runs would set the time anew at its end.
    """
    for _ in range(TRIES):
        try:
            database.commit(
                store.Update(pod_manager, {"next_sync_at": types.now()}, touch=False), lease=lease
            )
            return
        except errors.RevisionMismatch:
            pod_manager = database.get(models.PodManager, pod_manager.uuid)
    raise errors.RevisionMismatch(kind="pod_manager", key=pod_manager.uuid)
