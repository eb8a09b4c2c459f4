# SPDX-License-Identifier: Apache-2.0
"""Ways to receive the events of one pod manager: posts to the receiver, a stream, or none."""

import threading

from oslo_log import log

from valence.common import errors
from valence.podmanagers import base

LOG = log.getLogger(__name__)

#: the way of a pod manager that tells nothing
NONE = "none"
JOIN_SECONDS = 5


class Nothing:
    """No events: the timer alone finds changes.

    An attachment has its ``driver``, the number of events that it ``heard``, and ``is_over`` once it ended by itself.
    """

    way, heard, is_over = NONE, 0, False

    def __init__(self, driver):
        self.driver = driver

    def is_alive(self):
        """Return False: events may be possible at the next check."""
        return False

    def end(self):
        """Do nothing."""


class Push:
    """A subscription: the pod manager posts its events to a URL of ``receiver``."""

    way, is_over = base.PUSH, False

    def __init__(self, driver, pod_manager, context, receiver, offer):
        self.driver, self.heard = driver, 0
        self._receiver, self._offer = receiver, offer
        self._url = receiver.open(pod_manager.url, self._take)
        try:
            driver.subscribe(self._url, context)
        except Exception:  # of any kind: the path must not stay open
            self.end()
            raise

    def is_alive(self):
        """Return whether the pod manager still has the subscription, by reading it."""
        return self.driver.is_subscribed()

    def end(self):
        """Close the URL and end the subscription."""
        self._receiver.close(self._url)
        self.driver.unsubscribe()

    def _take(self, payload):
        self.heard += 1
        self._offer(self.driver.hints(payload))


class Stream:
    """A stream of events, read by a thread and open from the start; ``ended`` is called when it ends by itself."""

    way = base.STREAM

    def __init__(self, driver, pod_manager, offer, ended):
        self.driver, self.heard = driver, 0
        self._uuid, self._offer, self._ended = pod_manager.uuid, offer, ended
        self._ending = self.is_over = False
        self._payloads = driver.listen()
        self._thread = threading.Thread(target=self._run, name=f"events-{self._uuid}", daemon=True)
        self._thread.start()

    def is_alive(self):
        """Return whether the thread still reads."""
        return self._thread.is_alive()

    def end(self):
        """Close the stream."""
        self._ending = True
        self.driver.unsubscribe()
        self._thread.join(JOIN_SECONDS)

    def _run(self):
        reason = "it ended"
        try:
            for payload in self._payloads:
                self.heard += 1
                self._offer(self.driver.hints(payload))
        except errors.ValenceError as error:
            reason = error.detail
        except Exception:  # the edge of a thread; the stream is opened again
            reason = "it failed"
            LOG.exception("pod manager %s: the stream of events failed", self._uuid)
        self.is_over = True
        if not self._ending:
            LOG.info("pod manager %s: the stream of events is opened again: %s", self._uuid, reason)
            self._ended()
