# SPDX-License-Identifier: Apache-2.0
"""When a pod manager is synchronized next: intervals that adapt to its changes, and pauses after failures.

`Pace` shortens the pause between synchronizations where they find changes and lengthens it where they find none.
`make_due` brings a synchronization forward.
"""

import datetime
import functools
import random

from valence.common import errors
from valence.db import models
from valence.db import store
from valence.db import types

#: seconds between two synchronizations that hardware asks for: what it tells without end must not keep us busy
PAUSE = datetime.timedelta(seconds=5)
#: the same for events about hardware of nodes, which may be as frequent as its health changes
DRIFT_PAUSE = datetime.timedelta(seconds=15)


def make_due(database, pod_manager, lease, within=0, *, after=0, pause=PAUSE):
    """Have a pod manager synchronized within ``after + within`` seconds, at a random moment after ``after`` seconds.

    A pod manager that was synchronized in the last ``pause`` is left alone for the rest of it; one that is due sooner
    stays so. Clients see no new revision. ``lease`` is the lease of work on the pod manager: a running synchronization
    would overwrite next_sync_at when it ends.
    """

    def attempt(current):
        moment = max(database.at(after + random.uniform(0, within)), _rested(current, pause))
        if current.next_sync_at is None or moment < current.next_sync_at:
            database.commit(store.Update(current, {"next_sync_at": moment}, touch=False), lease=lease)

    read = functools.partial(database.get_without_secrets, models.PodManager, pod_manager.uuid)
    store.change(pod_manager, attempt, read)


def _rested(pod_manager, pause):
    """Return until when a pod manager that was just synchronized is left alone."""
    last = pod_manager.last_synced_at
    return (types.parse_time(last) + pause).strftime(types.TIME_FORMAT) if last else ""


#: factors of the pause after a synchronization that found something, and after one that found nothing
EVENTFUL, QUIET = 0.5, 1.5
#: shortest pause where no option says so, as a share of the interval
SHORTEST = 0.25
#: a pause is at most this share shorter by chance, so that pod managers registered together drift apart
JITTER = 0.1
#: values of options after a failure, where the configuration has none that can be read
DEFAULTS = {"interval": 60, "max_backoff": 900, "offline_after": 2}
#: doublings of a pause at most: by then every bound is reached
MOST_DOUBLINGS = 30


class Pace:
    """Pauses, in seconds, between two contacts with a pod manager.

    ``options`` are the options of [sync]; they may be read again while the conductor runs. Nothing is kept in memory:
    the last pause lies between ``last_synced_at`` and ``next_sync_at``, so a conductor that takes a pod manager over
    continues at its pace.
    """

    def __init__(self, options):
        self._options = options

    def after_success(self, pod_manager, counters, seconds):
        """Return the pause after a synchronization that took ``seconds`` and counted ``counters``.

        ``pod_manager`` is as it was before. After a synchronization that took longer than the pause, the pause is as
        long as the synchronization took, up to the interval.
        """
        interval = self._options.interval
        pause = interval
        if pod_manager.last_synced_at is not None:
            pause = self._last(pod_manager) * (EVENTFUL if _is_eventful(counters) else QUIET)
        pause = max(pause, self._shortest(), min(seconds, interval))
        return min(pause, self._longest()) * random.uniform(1 - JITTER, 1)

    def after_failure(self, failures, error):
        """Return the pause after this many ``failures`` in a row, the last of them an ``error``.

        Options that cannot be read, which may be the error, have defaults here: a failure is always recorded. Until the
        pod manager is offline the next attempt comes after half an interval, so that one that does not answer is
        offline within two intervals; then the pause doubles. After refused credentials the pause doubles at once,
        before the pod manager locks the account.
        """
        interval, max_backoff, offline_after = (self._option(name) for name in DEFAULTS)
        if isinstance(error, errors.PodManagerAuthFailed):
            return min(interval * 2 ** min(failures, MOST_DOUBLINGS), max_backoff)
        if failures < offline_after:
            return interval / 2
        doubled = interval * 2 ** min(failures - offline_after, MOST_DOUBLINGS)
        return max(interval, min(doubled, max_backoff))

    def offline_after(self):
        """Return after how many failures in a row a pod manager is offline."""
        return self._option("offline_after")

    def _option(self, name):
        try:
            return self._options[name]
        except ValueError:  # oslo.config's error for a text that is no number
            return DEFAULTS[name]

    def _shortest(self):
        interval = self._options.interval
        return min(self._options.min_interval or interval * SHORTEST, interval)

    def _longest(self):
        return max(self._options.max_interval or 0, self._options.interval)

    def _last(self, pod_manager):
        """Return the last pause, within the bounds; the interval if none was planned."""
        if pod_manager.next_sync_at is None:
            return self._options.interval
        pause = types.parse_time(pod_manager.next_sync_at) - types.parse_time(pod_manager.last_synced_at)
        return min(max(pause.total_seconds(), self._shortest()), self._longest())


def _is_eventful(counters):
    return bool(counters["added"] or counters["changed"] or counters["removed"])
