# SPDX-License-Identifier: Apache-2.0
"""The clock of etcd, from Date headers that have no fractions, on hosts whose own clocks are wrong."""

import email.utils
import os
import time

from tests import base
from valence.db.etcd import leases

#: seconds since 1970 on etcd's clock when the monotonic clock of the host shows 0
ETCD = 1_700_000_000.4


class ClockTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.passed, self.wrong, self.set = 10.0, 0.0, 0.0
        self.clock = leases.Clock(monotonic=lambda: self.passed, wall=lambda: ETCD + self.passed + self.wrong)

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

    def test_an_answer_with_a_date_that_cannot_be_read_leaves_what_is_known(self):
        self.answer()
        before = self.clock.bounds()
        for date in (
            "",
            "soon",
            "Tue, 99 Nov 2023 25:61:61 GMT",
            "Tue, 14 Nov 999999999 22:13:20 GMT",
            "1700000000",
        ):
            self.clock.hear(date, self.passed, self.passed)
            self.assertEqual(before, self.clock.bounds(), date)

    def test_a_date_without_a_zone_is_in_utc(self):
        self.patch(os, "environ", os.environ | {"TZ": "Asia/Tokyo"})
        self.addCleanup(time.tzset)
        time.tzset()
        self.wrong = 3600
        date = email.utils.formatdate(int(ETCD + self.passed), usegmt=True)
        self.clock.hear(date.replace("GMT", "-0000"), self.passed, self.passed)
        self.assertLess(self.error, 1.1)

    def test_the_bounds_hold_however_slow_the_answer_was(self):
        for delay in (0.01, 1.5, 7.0):
            self.clock._forget(0)
            self.answer(delay)
            low, high = self.clock.bounds()
            self.assertTrue(low <= ETCD + self.passed <= high, delay)
            self.assertAlmostEqual(1 + delay, high - low, places=3)

    def test_a_clock_that_drifts_is_followed(self):
        self.wrong = 3600
        for _ in range(200):
            self.answer()
            self.passed += 20.037
            self.set += 0.002
            self.assertLess(self.error, 1.1)
        low, high = self.clock.bounds()
        self.assertTrue(low <= ETCD + self.set + self.passed <= high)
        self.assertLess(high - low, 1.0)

    def test_bounds_become_wider_only_after_a_while(self):
        for _ in range(100):
            self.answer()
            self.passed += 0.037
        low, high = self.clock.bounds()
        width = high - low
        self.passed += leases.FRESH_SECONDS
        self.clock.hear(None, self.passed, self.passed)
        low, high = self.clock.bounds()
        self.assertAlmostEqual(width, high - low, places=3)
        self.answer(2.0)
        low, high = self.clock.bounds()
        self.assertAlmostEqual(width + 2 * leases.DRIFT, high - low, places=3)
