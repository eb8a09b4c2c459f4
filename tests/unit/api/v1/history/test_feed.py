# SPDX-License-Identifier: Apache-2.0
"""The feed of new events."""

import threading

from tests.unit.api import case
from valence.api.v1.history import feed
from valence.common import context
from valence.common import errors
from valence.db import models
from valence.db import store
from valence.db.models.event import Position


class FeedTest(case.APITestCase):
    def setUp(self):
        super().setUp()
        self.feed = self.application.services.feed
        self.addCleanup(self.feed.stop)
        self.place = feed.Place(self.feed, "reader")
        self.caller = context.service_context()

    def change(self, number):
        """Cause a number of events."""
        url = f"/v1/pod_managers/{self.pod_manager['uuid']}"
        for each in range(number):
            self.patch(url, {"description": f"{each}"})

    def sequences(self, cursor, timeout=5):
        """Return the sequence numbers that the feed has after a cursor."""
        after = Position(0, cursor)
        return [event["sequence"] for event in self.feed.after(self.caller, after, timeout, self.place)[0]]

    def test_new_events_come_in_order(self):
        self.pod_manager = self.add_pod_manager()
        self.feed.join("reader")
        self.wait_for(lambda: self.sequences(0))
        self.change(3)
        found = [1]
        while found[-1] < 4:
            found += self.sequences(found[-1])
        self.assertEqual([1, 2, 3, 4], found)

    def test_a_stream_that_is_far_behind_reads_the_store(self):
        self.pod_manager = self.add_pod_manager()
        self.change(5)
        self.feed.join("reader")
        self.assertEqual([3, 4, 5, 6], self.sequences(2))

    def test_what_is_kept_is_read_once_for_all(self):
        self.pod_manager = self.add_pod_manager()
        self.feed.join("reader")
        self.wait_for(lambda: self.sequences(0))
        self.change(1)
        self.assertEqual([2], self.sequences(1))
        self.backend.caller.failure = errors.BusUnavailable(reason="x")
        self.assertEqual([2], self.sequences(1))

    def test_nobody_is_asked_without_streams(self):
        place = self.feed.join("reader")
        self.wait_for(lambda: self.backend.caller.calls)
        place.close()
        self.wait_for(lambda: "event-feed" not in [thread.name for thread in threading.enumerate()])
        self.feed.join("reader")
        self.assertIn("event-feed", [thread.name for thread in threading.enumerate()])

    def test_failures_are_survived(self):
        self.backend.caller.failure = errors.BusUnavailable(reason="away")
        self.feed.join("reader")
        self.wait_for(lambda: "Events cannot be read" in self.log.output)
        self.backend.caller.failure = None
        self.pod_manager = self.add_pod_manager()
        self.assertEqual([1], self.sequences(0))

    def test_bugs_are_survived_and_logged(self):
        self.backend.caller.failure = KeyError("bug")
        self.feed.join("reader")
        self.wait_for(lambda: "Traceback" in self.log.output)
        self.backend.caller.failure = None
        self.pod_manager = self.add_pod_manager()
        self.assertEqual([1], self.sequences(0))

    def test_streams_are_bounded(self):
        places = [self.feed.join(f"reader-{number}") for number in range(self.conf.api.max_event_streams)]
        error = self.assertRaises(errors.Unavailable, self.feed.join, "another")
        self.assertIn("8 event streams", error.detail)
        places[0].close()
        places[0].close()
        self.assertEqual(7, self.feed.streams)
        self.feed.join("another")

    def test_one_client_does_not_have_them_all(self):
        places = [self.feed.join("reader") for _ in range(self.conf.api.max_event_streams_per_client)]
        error = self.assertRaises(errors.TooManyRequests, self.feed.join, "reader")
        self.assertIn("4 event streams", error.detail)
        self.feed.join("another")
        places[0].close()
        self.feed.join("reader")

    def test_a_closed_place_ends_the_wait(self):
        threading.Timer(0.1, self.place.close).start()
        self.assertEqual([], self.sequences(0, timeout=30))

    def test_events_that_were_purged_are_passed_over(self):
        """A stream that is behind what is left in the store does not ask for it again and again."""
        self.pod_manager = self.add_pod_manager()
        self.change(5)
        self.feed.join("reader")
        self.wait_for(lambda: self.feed._newest == 6)
        self.backend.store.commit(*map(store.Delete, self.backend.store.list(models.Event)))
        start = Position(0, 0)
        self.assertEqual(([], (0, 6)), self.feed.after(self.caller, start, 5, self.place))

    def test_waiting_ends_with_the_time_or_with_a_stop(self):
        self.assertEqual([], self.sequences(0, timeout=0.05))
        threading.Timer(0.1, self.feed.stop).start()
        self.assertEqual([], self.sequences(0, timeout=30))

    def test_only_so_many_events_are_kept(self):
        small = feed.Feed(self.backend.conductor, 1, 1)
        self.assertEqual(feed.KEPT, small._kept.maxlen)
