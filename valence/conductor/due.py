# SPDX-License-Identifier: Apache-2.0
"""Making a pod manager due: something tells that it has to be synchronized before its time."""

import datetime
import random

from valence.common import errors
from valence.db import models
from valence.db import store
from valence.db import types

TRIES = 5
#: seconds between two synchronizations that hardware asks for: what it tells without end must not keep us busy
PAUSE = datetime.timedelta(seconds=5)


def make_due(database, pod_manager, lease, within=0, after=0):
    """Have a pod manager synchronized ``within`` so many seconds, ``after`` a pause of so many.

    That is no change that clients watch.

    One that just was gets a short rest, one that is due sooner anyway stays so.

    ``lease`` is that of work on it: what runs would set the time anew at its end.
    """
    for _ in range(TRIES):
        try:
            moment = max(database.at(after + random.uniform(0, within)), _rested(pod_manager))
            if pod_manager.next_sync_at is None or moment < pod_manager.next_sync_at:
                update = store.Update(pod_manager, {"next_sync_at": moment}, touch=False)
                database.commit(update, lease=lease)
            return
        except errors.RevisionMismatch:
            pod_manager = database.get_without_secrets(models.PodManager, pod_manager.uuid)
    raise errors.RevisionMismatch(kind="pod_manager", key=pod_manager.uuid)


def _rested(pod_manager):
    """Return until when a pod manager that was synchronized a moment ago is left alone."""
    last = pod_manager.last_synced_at
    return (types.parse_time(last) + PAUSE).strftime(types.TIME_FORMAT) if last else ""
