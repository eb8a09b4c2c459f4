# SPDX-License-Identifier: Apache-2.0
"""The time that a test measures: seconds in which its machine ran.

Machines of a continuous integration stand still now and then, for seconds, with everything on them. What waits for an
event, or says how long something took, does not count these.
"""

import functools
import os
import threading
import time

from valence.common import context

#: seconds between two looks whether the machine runs
INTERVAL = 0.1
#: factor for the time limits of tests, which are set for an idle host: a busy one can make the machine this slow
#: How fast Valence is, the benchmarks measure.
SLOWEST = 3


def seconds():
    """Return the seconds that this process ran since its first call."""
    return _running(os.getpid()).seconds()


@functools.cache
def _running(_process):
    """Return what counts the time of a process; threads do not live on in one that is forked from it."""
    running = context.RunningTime(INTERVAL)
    threading.Thread(target=_tick, args=(running,), name="clock", daemon=True).start()
    return running


def _tick(running):
    while True:
        time.sleep(INTERVAL)
        running.tick()
