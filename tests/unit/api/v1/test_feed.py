# SPDX-License-Identifier: Apache-2.0
"""The feed of new events."""

import threading

from tests.unit.api import case
from valence.api.v1 import feed
from valence.common import context
from valence.common import errors


class FeedTest(case.APITestCase):
    def setUp(self):
        super().setUp()
        self.feed = self.application.services.feed
        self.addCleanup(self.feed.stop)
        self.caller = context.service_context()

    def change(self, number):
        """Cause a number of events."""
        url = f"/v1/pod_managers/{self.pod_manager['uuid']}"
        for each in range(number):
            self.patch(url, {"description": f"{each}"})

    def sequences(self, cursor, timeout=5):
        """Return the sequence numbers that the feed has after a cursor."""
        return [event["sequence"] for event in self.feed.after(self.caller, cursor, timeout)]

    def test_new_events_come_in_order(self):
        self.pod_manager = self.add_pod_manager()
        self.feed.join()
        self.wait_for(lambda: self.sequences(0))
        self.change(3)
        found = [1]
        while found[-1] < 4:
            found += self.sequences(found[-1])
        self.assertEqual([1, 2, 3, 4], found)

    def test_a_stream_that_is_far_behind_reads_the_store(self):
        self.pod_manager = self.add_pod_manager()
        self.change(5)
        self.feed.join()
        self.assertEqual([3, 4, 5, 6], self.sequences(2))

    def test_what_is_kept_is_read_once_for_all(self):
        self.pod_manager = self.add_pod_manager()
        self.feed.join()
        self.wait_for(lambda: self.sequences(0))
        self.change(1)
        self.assertEqual([2], self.sequences(1))
        self.backend.caller.failure = errors.BusUnavailable(reason="x")
        self.assertEqual([2], self.sequences(1))

    def test_nobody_is_asked_without_streams(self):
        self.feed.join()
        self.wait_for(lambda: self.backend.caller.calls)
        self.feed.leave()
        self.wait_for(lambda: "event-feed" not in [thread.name for thread in threading.enumerate()])
        self.feed.join()
        self.assertIn("event-feed", [thread.name for thread in threading.enumerate()])

    def test_failures_are_survived(self):
        self.backend.caller.failure = errors.BusUnavailable(reason="away")
        self.feed.join()
        self.wait_for(lambda: "Events cannot be read" in self.log.output)
        self.backend.caller.failure = None
        self.pod_manager = self.add_pod_manager()
        self.assertEqual([1], self.sequences(0))

    def test_bugs_are_survived_and_logged(self):
        self.backend.caller.failure = KeyError("bug")
        self.feed.join()
        self.wait_for(lambda: "Traceback" in self.log.output)
        self.backend.caller.failure = None
        self.pod_manager = self.add_pod_manager()
        self.assertEqual([1], self.sequences(0))

    def test_streams_are_bounded(self):
        for _ in range(self.conf.api.max_event_streams):
            self.feed.join()
        error = self.assertRaises(errors.Unavailable, self.feed.join)
        self.assertIn("8 event streams", error.detail)
        self.feed.leave()
        self.feed.join()

    def test_waiting_ends_with_the_time_or_with_a_stop(self):
        self.assertEqual([], self.sequences(0, timeout=0.05))
        threading.Timer(0.1, self.feed.stop).start()
        self.assertEqual([], self.sequences(0, timeout=30))

    def test_only_so_many_events_are_kept(self):
        small = feed.Feed(self.backend.conductor, 1)
        self.assertEqual(feed.KEPT, small._kept.maxlen)
