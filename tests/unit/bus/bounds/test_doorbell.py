# SPDX-License-Identifier: Apache-2.0
"""Doorbells never block or fail who rings."""

import threading

import fixtures

from tests import base
from valence.bus import bounds
from valence.common import errors


class DoorbellTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.bell = bounds.Doorbell()
        self.sent = []

    def start(self):
        self.bell.start()
        self.addCleanup(self.bell.stop)

    def ring(self, number):
        self.bell.ring("test", lambda: self.sent.append(number))

    def test_doorbells_ring_in_order(self):
        self.start()
        for number in range(3):
            self.ring(number)
        self.wait_for(lambda: self.sent == [0, 1, 2])

    def test_a_broker_that_hangs_does_not_block_who_rings(self):
        self.useFixture(fixtures.MonkeyPatch("valence.bus.bounds.MAX_WAITING", 2))
        self.bell = bounds.Doorbell()
        self.start()
        released, hanging = threading.Event(), threading.Event()
        self.addCleanup(released.set)
        self.bell.ring("test", lambda: hanging.set() or released.wait())
        hanging.wait()
        for number in range(4):
            self.ring(number)
        self.assertEqual(2, self.log.output.count("too many wait"))
        released.set()
        self.wait_for(lambda: self.sent == [0, 1])

    def test_a_doorbell_that_cannot_be_sent_is_dropped_and_the_next_one_rings(self):
        self.start()
        self.bell.ring("first", self.refuse)
        self.bell.ring("second", self.break_down)
        self.ring(3)
        self.wait_for(lambda: self.sent == [3])
        self.assertIn(
            "first is dropped: The message bus is not reachable: Connection refused.", self.log.output
        )
        self.assertIn("second is dropped\nTraceback", self.log.output)

    def test_stopping_sends_what_waits(self):
        self.ring(1)
        self.start()
        self.bell.stop()
        self.assertEqual([1], self.sent)

    def test_one_that_was_never_started_can_be_stopped(self):
        self.bell.stop()

    def refuse(self):
        raise errors.BusUnavailable(reason="Connection refused")

    def break_down(self):
        raise ZeroDivisionError
