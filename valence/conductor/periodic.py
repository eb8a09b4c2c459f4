# SPDX-License-Identifier: Apache-2.0
"""Threads that do a task again and again, or when somebody rings."""

import threading
import time

from oslo_log import log

from valence.common import errors

LOG = log.getLogger(__name__)


class Loop:
    """A thread that runs ``task`` every ``interval`` seconds, and at once after ``ring``.

    ``rest`` seconds lie between two runs at least: what comes in quick succession is dealt with together.
    It survives whatever its task raises: that is logged, and the task runs again at its next time. Of a
    database or a bus that is away only the first and the last time are logged.
    """

    def __init__(self, name, task, interval, rest=0.0):
        self._task, self._interval, self._rest = task, interval, rest
        self._bell = threading.Event()
        self._stopping = self._waiting = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self):
        """Start the thread; the task runs at once."""
        self._thread.start()

    def ring(self):
        """Run the task now, or again right after the present run."""
        self._bell.set()

    def stop(self, timeout=None):
        """Let the present run end, and no other begin; wait for it for ``timeout`` seconds."""
        self._stopping = True
        self._bell.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self):
        while not self._stopping:
            self._once()
            time.sleep(self._rest)
            self._bell.wait(self._interval)
            self._bell.clear()

    def _once(self):
        try:
            self._task()
            self._note_back()
        except errors.Unavailable as error:
            self._note_away(error)
        except Exception:
            LOG.exception("%s failed; it runs again in %s s", self._thread.name, self._interval)

    def _note_away(self, error):
        if not self._waiting:
            LOG.warning(
                "%s waits, it tries again every %s s: %s", self._thread.name, self._interval, error.detail
            )
        self._waiting = True

    def _note_back(self):
        if self._waiting:
            LOG.info("%s goes on", self._thread.name)
        self._waiting = False
