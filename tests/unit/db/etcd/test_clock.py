# SPDX-License-Identifier: Apache-2.0
"""The clock of etcd, from Date headers that have no fractions, on hosts whose own clocks are wrong."""

import email.utils

from tests import base
from valence.db.etcd import clock

#: seconds since 1970 on etcd's clock when the monotonic clock of the host shows 0
ETCD = 1_700_000_000.4


class ClockTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.passed, self.wrong, self.set = 10.0, 0.0, 0.0
        self.clock = clock.Clock(monotonic=lambda: self.passed, wall=lambda: ETCD + self.passed + self.wrong)

    def answer(self, delay=0.01):
        """Let etcd respond after ``delay`` seconds."""
        asked_at = self.passed
        date = email.utils.formatdate(int(ETCD + self.set + self.passed + delay / 2), usegmt=True)
        self.passed += delay
        self.clock.hear(date, asked_at, self.passed)

    @property
    def error(self):
        return abs(self.clock.now() - ETCD - self.set - self.passed)

    def test_before_an_answer_it_is_the_clock_of_the_host(self):
        self.assertFalse(self.clock.is_set)
        self.assertEqual(ETCD + self.passed, self.clock.now())

    def test_one_answer_corrects_a_clock_that_is_ahead_or_behind(self):
        for self.wrong in (3600, -3600):
            self.clock._forget(0)
            self.answer()
            self.assertTrue(self.clock.is_set)
            self.assertLess(self.error, 1.1)

    def test_many_answers_make_it_precise(self):
        self.wrong = 3600
        for _ in range(100):
            self.answer()
            self.passed += 0.037
        self.assertLess(self.error, 0.1)

    def test_a_clock_within_the_bounds_is_used_as_it_is(self):
        self.wrong = 0.2
        self.answer()
        self.assertAlmostEqual(0.2, self.error, places=3)

    def test_setting_the_clock_of_the_host_changes_nothing(self):
        for _ in range(50):
            self.answer()
            self.passed += 0.037
        self.wrong = 3600
        self.assertLess(self.error, 0.1)

    def test_setting_the_clock_of_etcd_is_noticed(self):
        for _ in range(50):
            self.answer()
        self.set = 600
        self.answer()
        self.assertLess(self.error, 1.1)

    def test_an_answer_without_a_date_leaves_what_is_known(self):
        self.wrong = 3600
        self.clock.hear(None, 1.0, 2.0)
        self.assertTrue(self.clock.is_set)
        self.assertEqual(ETCD + self.passed + 3600, self.clock.now())
