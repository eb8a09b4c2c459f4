# SPDX-License-Identifier: Apache-2.0
"""Deadlines on the clock of the database, whatever the clocks of the hosts show."""

import contextlib

import fixtures

from tests import base
from valence.common import bus_errors
from valence.common import context

#: what the database's clock shows when ours shows 0
AHEAD = 3600.0


class ClockTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.now = context.boottime()
        self.clock = context.Clock()

    def hear(self, earliest, latest, asked_at=0.0, heard_at=0.0):
        self.clock.hear(self.now + earliest, self.now + latest, self.now + asked_at, self.now + heard_at)

    def ahead(self):
        """Return how far it is ahead at least and at most, in tenths of a second."""
        now, (earliest, latest) = context.boottime(), self.clock.bounds
        return round(earliest - now, 1), round(latest - now, 1)

    def test_nothing_is_known_before_the_first_observation(self):
        self.assertIsNone(self.clock.bounds)
        self.assertIsNone(self.clock.earliest(self.now))

    def test_an_answer_came_somewhen_between_question_and_answer(self):
        self.hear(AHEAD, AHEAD, asked_at=-2, heard_at=0)
        self.assertEqual((3600.0, 3602.0), self.ahead())

    def test_observations_narrow_the_bounds(self):
        self.hear(AHEAD, AHEAD + 1)
        self.hear(AHEAD + 0.5, AHEAD + 1.5)
        self.assertEqual((3600.5, 3601.0), self.ahead())

    def test_a_clock_that_was_set_is_believed(self):
        self.hear(AHEAD, AHEAD)
        self.hear(0, 0)
        self.assertEqual((0.0, 0.0), self.ahead())


class DeadlineTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.clock = context.Clock()
        self.show(0)

    def show(self, seconds):
        """Let the database's clock show so much."""
        now = context.boottime()
        self.clock.hear(seconds - 0.001, seconds, now, now)

    def test_what_waited_too_long_is_refused(self):
        one = context.Deadline(self.clock, sent=0.0, timeout=60.0)
        one.require()
        self.show(61)
        self.assertRaises(bus_errors.TooLate, one.require)

    def test_while_it_may_be_in_time_it_is_not_refused(self):
        """Between the bounds of the clock nobody but the database knows."""
        now = context.boottime()
        self.clock.hear(59, 61, now, now)
        context.Deadline(self.clock, sent=0.0, timeout=60.0).require()

    def test_a_silent_worker_is_given_up_sooner(self):
        one = context.Deadline(self.clock, sent=0.0, timeout=60.0, silence=3.0)
        self.assertEqual(3.0, one.moment)
        self.show(4)
        self.assertRaises(bus_errors.TooLate, one.require)

    def test_each_sign_of_life_gives_time_until_the_end(self):
        one = context.Deadline(self.clock, sent=0.0, timeout=6.0, silence=3.0)
        given = []
        beat = one.noted(lambda: given.append(1))
        self.show(2)
        beat()
        self.assertAlmostEqual(5.0, one.moment, 1)
        self.show(4)
        beat()
        self.assertEqual(6.0, one.moment)
        self.assertEqual([1, 1], given)

    def test_a_sign_of_life_that_comes_too_late_gives_none(self):
        one = context.Deadline(self.clock, sent=0.0, timeout=60.0, silence=3.0)
        self.show(10)
        one.noted(lambda: None)()
        self.assertEqual(3.0, one.moment)

    def test_while_the_clock_is_not_known_the_database_alone_decides(self):
        one = context.Deadline(context.Clock(), sent=0.0, timeout=60.0, silence=3.0)
        one.require()
        one.noted(lambda: None)()
        self.assertEqual(3.0, one.moment)

    def test_it_holds_inside_of_its_block_until_it_is_lifted(self):
        self.assertIsNone(context.write_deadline())
        with context.hold_deadline(context.Deadline(self.clock, sent=0.0, timeout=60.0)):
            self.assertEqual(60.0, context.write_deadline())
            context.lift_deadline()
            self.assertIsNone(context.write_deadline())
        self.assertIsNone(context.write_deadline())

    def test_it_does_not_stay_in_the_thread_after_its_block(self):
        with (
            contextlib.suppress(KeyError),
            context.hold_deadline(context.Deadline(self.clock, sent=0.0, timeout=60.0)),
        ):
            self.assertEqual((60.0, 60.0), (context.write_deadline(), context.answer_deadline()))
            raise KeyError
        self.assertIsNone(context.write_deadline())
        self.assertIsNone(context.answer_deadline())


class RunningTimeTest(base.TestCase):
    def test_it_counts_what_passes_between_ticks_and_little_of_a_stop(self):
        now = 100.0
        with fixtures.MonkeyPatch("valence.common.context.time.monotonic", lambda: now):
            running = context.RunningTime(0.5)
            for now in (100.5, 101.0):  # noqa: B007 the clock reads it
                running.tick()
            now = 101.25
            self.assertEqual(1.25, running.seconds())
            now = 161.0
            self.assertEqual(2.0, running.seconds())
            running.tick()
            now = 161.5
            self.assertEqual(2.5, running.seconds())
