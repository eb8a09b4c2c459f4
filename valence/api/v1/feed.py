# SPDX-License-Identifier: Apache-2.0
"""The newest events, read once for all streams of this process, and only while there are streams."""

import collections
import json
import logging
import threading

from valence.common import context
from valence.common import errors

LOG = logging.getLogger(__name__)

#: seconds between two looks for new events
INTERVAL = 0.5
#: events that are kept for streams, and read at a time; a slower stream reads its own pages
KEPT, PAGE = 1000, 500


class Feed:
    """Hands new events to streams. A thread reads them while there is a stream, and ends with the last one."""

    def __init__(self, conductor, most_streams):
        self._conductor, self._most = conductor, most_streams
        self._changed = threading.Condition()
        self._kept = collections.deque(maxlen=KEPT)
        self._newest = None
        self._streams = 0
        self._thread = None
        self._stopping = threading.Event()

    @property
    def stopped(self):
        """Whether streams have to end."""
        return self._stopping.is_set()

    @property
    def streams(self):
        """How many streams there are."""
        return self._streams

    def join(self):
        """Count one more stream; raise Unavailable if there are too many."""
        with self._changed:
            if self._streams >= self._most or self.stopped:
                raise errors.Unavailable(
                    reason=f"This API serves {self._most} event streams already, its most."
                )
            self._streams += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="event-feed", daemon=True)
                self._thread.start()

    def leave(self):
        """Count one stream less."""
        with self._changed:
            self._streams -= 1

    def stop(self):
        """Let every stream end, and the thread."""
        self._stopping.set()
        with self._changed:
            thread = self._thread
            self._changed.notify_all()
        if thread:
            thread.join(timeout=5)

    def after(self, caller, cursor, timeout):
        """Return the events after the sequence number ``cursor``, at most a page; none if ``timeout`` seconds pass."""
        with self._changed:
            self._changed.wait_for(lambda: self.stopped or self._knows_after(cursor), timeout)
            if self.stopped or not self._knows_after(cursor):
                return []
            if self._kept and self._kept[0]["sequence"] <= cursor + 1:
                return [event for event in self._kept if event["sequence"] > cursor][:PAGE]
        return self.read(caller, cursor)

    def read(self, caller, cursor):
        """Return a page of the stored events after ``cursor``."""
        after = [["sequence", "gt", cursor]]
        answer = self._conductor.records.list(
            caller, "Event", filters=after, sort=[["sequence", False]], limit=PAGE
        )
        return json.loads(answer["rows"])

    def newest(self, caller):
        """Return the sequence number of the newest stored event, 0 if there is none."""
        return self._sequence(caller, descending=True) or 0

    def first(self, caller, condition):
        """Return the sequence number of the first stored event that meets a filter, None if there is none."""
        return self._sequence(caller, filters=[condition])

    def pause(self):
        """Wait as long as between two looks."""
        self._stopping.wait(INTERVAL)

    def _sequence(self, caller, *, filters=(), descending=False):
        answer = self._conductor.records.list(
            caller, "Event", filters=filters, sort=[["sequence", descending]], limit=1, fields=["sequence"]
        )
        return next((event["sequence"] for event in json.loads(answer["rows"])), None)

    def _knows_after(self, cursor):
        return self._newest is not None and self._newest > cursor

    def _run(self):
        caller = context.service_context()
        LOG.info("Reading events for streams every %s s", INTERVAL)
        while self._wanted():
            try:
                self._look(caller)
            except errors.ValenceError as error:
                LOG.warning("Events cannot be read, retrying in %s s: %s", INTERVAL, error.detail)
            except Exception:
                LOG.exception("Reading events failed, retrying in %s s", INTERVAL)
            self._stopping.wait(INTERVAL)

    def _wanted(self):
        with self._changed:
            if self._streams and not self.stopped:
                return True
            self._thread, self._newest = None, None
            self._kept.clear()
            return False

    def _look(self, caller):
        if self._newest is None:
            newest, events = self.newest(caller), []
        else:
            events = self.read(caller, self._newest)
            newest = events[-1]["sequence"] if events else self._newest
        with self._changed:
            self._kept.extend(events)
            self._newest = newest
            self._changed.notify_all()
