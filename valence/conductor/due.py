# SPDX-License-Identifier: Apache-2.0
"""Making a pod manager due: something tells that it has to be synchronized before its time."""

import datetime

from valence.common import errors
from valence.db import models
from valence.db import store
from valence.db import types

TRIES = 5
#: seconds between two synchronizations that hardware asks for: what it tells without end must not keep us busy
PAUSE = datetime.timedelta(seconds=5)


def make_due(database, pod_manager, lease):
    """Have a pod manager synchronized now, or soon if it just was; that is no change that clients watch.

    ``lease`` is that of work on it: what runs would set the time anew at its end.
    """
    for _ in range(TRIES):
        try:
            values = {"next_sync_at": _earliest(pod_manager)}
            database.commit(store.Update(pod_manager, values, touch=False), lease=lease)
            return
        except errors.RevisionMismatch:
            pod_manager = database.get(models.PodManager, pod_manager.uuid)
    raise errors.RevisionMismatch(kind="pod_manager", key=pod_manager.uuid)


def _earliest(pod_manager):
    last = pod_manager.last_synced_at
    rested = (types.parse_time(last) + PAUSE).strftime(types.TIME_FORMAT) if last else ""
    return max(types.now(), rested)
