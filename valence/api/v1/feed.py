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
#: seconds after which a client with too many streams may try again
RETRY_SECONDS = 5


class Place:
    """The place of a stream among those that are served; it is free again once ``close`` is called, by any thread."""

    def __init__(self, feed: "Feed", client: str):
        self._feed, self.client = feed, client
        self.is_open = True

    def close(self) -> None:
        """Let the stream end, and count it no longer."""
        self._feed.leave(self)


class Feed:
    """Hands new events to streams. A thread reads them while there is a stream, and ends with the last one."""

    def __init__(self, conductor, most_streams, most_of_client):
        self._conductor, self._most, self._most_of_client = conductor, most_streams, most_of_client
        self._changed = threading.Condition()
        self._kept = collections.deque(maxlen=KEPT)
        self._newest = None
        self._places = set()
        self._thread = None
        self._stopping = threading.Event()

    @property
    def stopped(self):
        """Whether streams have to end."""
        return self._stopping.is_set()

    @property
    def streams(self):
        """How many streams there are."""
        return len(self._places)

    def join(self, client: str) -> Place:
        """Return the place of one more stream of a client; raise Unavailable, TooManyRequests if there are too many."""
        with self._changed:
            if sum(place.client == client for place in self._places) >= self._most_of_client:
                reason = f"This client has {self._most_of_client} event streams already, its most."
                raise errors.TooManyRequests(reason=reason, seconds=RETRY_SECONDS)
            if len(self._places) >= self._most or self.stopped:
                raise errors.Unavailable(
                    reason=f"This API serves {self._most} event streams already, its most."
                )
            place = Place(self, client)
            self._places.add(place)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="event-feed", daemon=True)
                self._thread.start()
            return place

    def leave(self, place: Place) -> None:
        """Count a stream no longer, and wake it up if it waits for events."""
        with self._changed:
            place.is_open = False
            self._places.discard(place)
            self._changed.notify_all()

    def stop(self):
        """Let every stream end, and the thread."""
        self._stopping.set()
        with self._changed:
            thread = self._thread
            self._changed.notify_all()
        if thread:
            thread.join(timeout=5)

    def after(self, caller, cursor: int, timeout: float, place: Place) -> tuple[list, int]:
        """Return the events after the sequence number ``cursor``, at most a page, and the cursor of the next page.

        There are none if ``timeout`` seconds pass, if the place is closed, or if all that came has been purged.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self.stopped or not place.is_open or self._knows_after(cursor), timeout
            )
            if self.stopped or not place.is_open or not self._knows_after(cursor):
                return [], cursor
            newest = self._newest
            if self._kept and self._kept[0]["sequence"] <= cursor + 1:
                events = [event for event in self._kept if event["sequence"] > cursor][:PAGE]
                return events, events[-1]["sequence"] if events else newest
        events = self.read(caller, cursor)
        return events, events[-1]["sequence"] if events else newest

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
            if self._places and not self.stopped:
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
