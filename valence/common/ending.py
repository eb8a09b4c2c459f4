# SPDX-License-Identifier: Apache-2.0
"""One deadline that many steps share: each gets the time that those before have left."""

import threading
import time
from collections import abc

from oslo_log import log

LOG = log.getLogger(__name__)


class Ending:
    """A time ``seconds`` from now; ``clock`` returns seconds."""

    def __init__(self, seconds: float, clock: abc.Callable[[], float] = time.monotonic):
        self._clock, self._at = clock, clock() + seconds

    def left(self) -> float:
        """Return the seconds until the deadline, 0 after it."""
        return max(0.0, self._at - self._clock())

    def run(
        self,
        name: str,
        step: abc.Callable[[], object],
        *,
        grace: float | None = None,
        hurry: abc.Callable[[], object] | None = None,
    ) -> bool:
        """Run a step until the deadline; return whether it ended, or leave it behind.

        If it runs longer than ``grace`` seconds, ``hurry`` is called, which makes it end.
        """
        thread = threading.Thread(target=_run, args=(name, step), name=f"stop-{name}", daemon=True)
        thread.start()
        if hurry is not None:
            thread.join(min(grace or 0.0, self.left()))
            if thread.is_alive():
                hurry()
        thread.join(self.left())
        if thread.is_alive():
            LOG.warning("%s did not end in time and is left behind", name)
        return not thread.is_alive()


def _run(name, step):
    try:
        step()
    except Exception:
        LOG.exception("%s could not be stopped", name)
