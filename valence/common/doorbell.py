# SPDX-License-Identifier: Apache-2.0
"""Doorbells: casts that may get lost, sent from a thread of their own so that they never block who rings."""

import queue
import threading

from oslo_log import log

from valence.common import errors

LOG = log.getLogger(__name__)

#: most casts that wait while the broker is slow or away
MAX_WAITING = 1000


class Doorbell:
    """Sends casts one after another; drops what cannot be sent, since whoever it is for also looks by itself."""

    def __init__(self):
        self._waiting = queue.Queue(MAX_WAITING)
        self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)

    def start(self):
        """Begin to send."""
        self._thread.start()

    def stop(self):
        """Send what waits, for a second at most."""
        if self._thread.is_alive() and not self._waiting.full():
            self._waiting.put(None)
            self._thread.join(1)

    def ring(self, name, send):
        """Have ``send()`` called soon; it raises ValenceErrors."""
        try:
            self._waiting.put_nowait((name, send))
        except queue.Full:
            LOG.warning("the doorbell %s is dropped: too many wait for the message bus", name)

    def _run(self):
        while item := self._waiting.get():
            self._send(*item)

    def _send(self, name, send):
        try:
            send()
        except errors.ValenceError as error:
            LOG.warning("the doorbell %s is dropped: %s", name, error.detail)
        except Exception:
            LOG.exception("the doorbell %s is dropped", name)
