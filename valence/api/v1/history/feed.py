# SPDX-License-Identifier: Apache-2.0
"""The newest events, which one thread reads for all streams of this process while there are streams.

A position in a stream belongs to an epoch. A conductor that finds that the database was restored from a backup begins
another epoch; then every stream continues after the last event that both epochs have.
"""

import collections
import json
import logging
import threading

from valence.common import context
from valence.common import errors
from valence.db.models.event import Epochs
from valence.db.models.event import Position

LOG = logging.getLogger(__name__)

#: seconds between two polls for new events
INTERVAL = 0.5
#: most events in memory, and in a page; a stream that is further behind reads its own pages
KEPT, PAGE = 1000, 500
#: seconds after which a client with too many streams may try again
RETRY_SECONDS = 5


class Place:
    """The place of one stream in a feed, until any thread calls ``close``."""

    def __init__(self, feed: "Feed", client: str):
        self._feed, self.client = feed, client
        self.is_open = True

    def close(self) -> None:
        """End the stream and free its place."""
        self._feed.leave(self)


class Feed:
    """Gives new events to streams. A thread reads them, and ends with the last stream."""

    def __init__(self, conductor, most_streams, most_of_client):
        self._conductor, self._most, self._most_of_client = conductor, most_streams, most_of_client
        self._changed = threading.Condition()
        self._kept = collections.deque(maxlen=KEPT)
        self._newest = None
        self.epochs = Epochs()
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
        """Return a place for another stream of a client; raise Unavailable or TooManyRequests if there are too many."""
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
        """Free the place of a stream, and wake the stream up if it waits for events."""
        with self._changed:
            place.is_open = False
            self._places.discard(place)
            self._changed.notify_all()

    def stop(self):
        """End every stream and the thread."""
        self._stopping.set()
        with self._changed:
            thread = self._thread
            self._changed.notify_all()
        if thread:
            thread.join(timeout=5)

    def after(self, caller, cursor: Position, timeout: float, place: Place) -> tuple[list, Position]:
        """Return the events after ``cursor``, at most a page, and the cursor of the next page.

        There are none if ``timeout`` seconds pass, if the place is closed, or if all new events have been purged.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self.stopped or not place.is_open or self._knows_after(cursor), timeout
            )
            if self.stopped or not place.is_open or not self._knows_after(cursor):
                return [], cursor
            number, newest, epoch = self.epochs.common(cursor), self._newest, self.epochs.newest
            if self._kept and self._kept[0]["sequence"] <= number + 1:
                events = [event for event in self._kept if event["sequence"] > number][:PAGE]
                return events, Position(epoch, events[-1]["sequence"] if events else newest)
        events = self.read(caller, number)["events"]
        return events, Position(epoch, events[-1]["sequence"] if events else newest)

    def read(self, caller, number):
        """Return a page of stored ``events`` after ``number``, and their ``epochs`` or None."""
        after = [["sequence", "gt", number]]
        return self._list(caller, filters=after, sort=[["sequence", False]], limit=PAGE)

    def position(self, caller, known: Position | None) -> Position:
        """Return the position from which a client that has seen ``known`` continues; None: after the newest event."""
        answer = self._list(caller, sort=[["sequence", True]], limit=1, fields=["sequence"])
        newest = next((event["sequence"] for event in answer["events"]), 0)
        history = answer["epochs"] or self.epochs
        return Position(history.newest, history.resolve(known, newest) if known else newest)

    def first(self, caller, condition):
        """Return the sequence number of the first stored event that meets a filter, None if there is none."""
        first = self._list(
            caller, filters=[condition], sort=[["sequence", False]], limit=1, fields=["sequence"]
        )
        return next((event["sequence"] for event in first["events"]), None)

    def pause(self):
        """Wait as long as between two polls."""
        self._stopping.wait(INTERVAL)

    def _list(self, caller, **query):
        """Return ``events`` and their ``epochs``, None if a conductor of an earlier version does not send them."""
        answer = self._conductor.records.list(caller, "Event", **query)
        known = answer.get("epochs")
        return {
            "events": json.loads(answer["rows"]),
            "epochs": None if known is None else Epochs(known),
        }

    def _knows_after(self, cursor):
        return self._newest is not None and self._newest > self.epochs.common(cursor)

    def _run(self):
        caller = context.service_context()
        LOG.info("Reading events for streams every %s s", INTERVAL)
        while self._wanted():
            try:
                self._look(caller)
            except errors.ValenceError as error:
                LOG.warning("Events cannot be read, retrying in %s s: %s", INTERVAL, error.detail)
            except Exception:  # the edge of a periodic loop, which must go on
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
            self._begin(caller)
            return
        answer = self.read(caller, self._newest)
        with self._changed:
            if not self._was_taken_back(answer["epochs"]):
                self._kept.extend(answer["events"])
                self._newest = answer["events"][-1]["sequence"] if answer["events"] else self._newest
            self._changed.notify_all()

    def _begin(self, caller):
        answer = self._list(caller, sort=[["sequence", True]], limit=1, fields=["sequence"])
        with self._changed:
            self.epochs = answer["epochs"] or self.epochs
            self._newest = next((event["sequence"] for event in answer["events"]), 0)
            self._changed.notify_all()

    def _was_taken_back(self, known):
        """Store the epochs; return whether a restore removed events that are in memory, after dropping those."""
        if known is None:
            return False
        seen, self.epochs = Position(self.epochs.newest, self._newest), known
        if (common := known.common(seen)) == self._newest:
            return False
        LOG.warning("The database was restored from a backup: streams go on after event %s", common)
        self._newest = common
        self._kept.clear()
        return True
