# SPDX-License-Identifier: Apache-2.0
"""How long a pod manager is left alone."""

import datetime

import testtools
from oslo_config import cfg

from valence.common import errors
from valence.common.configuration import config
from valence.conductor.work import pacing
from valence.db import models
from valence.db import types

DEAD = errors.PodManagerUnreachable(url="http://p", reason="refused")
REFUSED = errors.PodManagerAuthFailed(url="http://p", reason="401")
NOTHING = {"added": 0, "changed": 0, "removed": 0}
SOMETHING = NOTHING | {"changed": 1}
SYNCED = "2026-11-21T10:00:00Z"


class PaceCase(testtools.TestCase):
    def pace(self, **options):
        conf = cfg.ConfigOpts()
        config.register(conf)
        conf([])
        for name, value in options.items():
            conf.set_override(name, value, "sync")
        return pacing.Pace(conf.sync)

    def pauses(self, pace, *all_counters, seconds=0, pause=60):
        """Return the pauses after synchronizations one after the other; the first comes after ``pause``."""
        pauses = []
        for counters in all_counters:
            pause = pace.after_success(paused(pause), counters, seconds)
            pauses.append(pause)
        return pauses

    def assert_about(self, expected, pause):
        """Check that a pause is the expected one, less the jitter."""
        self.assertTrue(expected * 0.9 <= pause <= expected, f"{pause} instead of {expected}")


def paused(seconds):
    """Return a pod manager that was to be left alone for these seconds."""
    due = types.parse_time(SYNCED) + datetime.timedelta(seconds=seconds)
    return models.PodManager(last_synced_at=SYNCED, next_sync_at=due.strftime(types.TIME_FORMAT))


class SuccessTest(PaceCase):
    def test_the_first_one_is_followed_by_the_interval(self):
        new = models.PodManager(next_sync_at=types.now())
        self.assert_about(60, self.pace().after_success(new, NOTHING | {"added": 1000}, 1))

    def test_where_something_changes_the_next_one_comes_sooner_down_to_a_quarter(self):
        pauses = self.pauses(self.pace(), *[SOMETHING] * 6)
        self.assert_about(30, pauses[0])
        self.assert_about(15, pauses[-1])

    def test_where_nothing_changes_it_comes_later_but_never_later_than_the_interval(self):
        pauses = self.pauses(self.pace(), *[NOTHING] * 20, pause=15)
        self.assertLess(15, pauses[0])
        self.assert_about(60, pauses[-1])
        self.assertLessEqual(max(pauses), 60)

    def test_the_bounds_can_be_chosen(self):
        chosen = self.pace(min_interval=20, max_interval=300)
        self.assert_about(20, self.pauses(chosen, *[SOMETHING] * 6)[-1])
        self.assert_about(300, self.pauses(chosen, *[NOTHING] * 20)[-1])

    def test_bounds_on_the_wrong_side_of_the_interval_are_the_interval(self):
        wrong = self.pace(min_interval=600, max_interval=5)
        self.assert_about(60, self.pauses(wrong, *[SOMETHING] * 6)[-1])
        self.assert_about(60, self.pauses(wrong, *[NOTHING] * 6)[-1])

    def test_pauses_differ_so_that_pod_managers_drift_apart(self):
        one = self.pace()
        self.assertGreater(len({one.after_success(paused(60), NOTHING, 1) for _ in range(10)}), 5)

    def test_one_that_takes_long_to_read_rests_as_long(self):
        self.assert_about(45, self.pauses(self.pace(), *[SOMETHING] * 3, seconds=45)[-1])
        self.assert_about(60, self.pauses(self.pace(), *[SOMETHING] * 3, seconds=4000)[-1])

    def test_after_a_time_of_failures_it_goes_on_within_the_bounds(self):
        self.assert_about(60, self.pauses(self.pace(), NOTHING, pause=86400)[0])

    def test_after_it_was_wanted_at_once_it_goes_on_within_the_bounds(self):
        self.assertGreater(self.pauses(self.pace(), NOTHING, pause=-3)[0], 15)


class FailureTest(PaceCase):
    def test_a_dead_one_is_offline_within_two_intervals(self):
        self.assertEqual(30, self.pace().after_failure(1, DEAD))

    def test_the_pause_doubles_up_to_the_limit(self):
        pauses = [self.pace().after_failure(failures, DEAD) for failures in (2, 3, 4, 5, 6, 60)]
        self.assertEqual([60, 120, 240, 480, 900, 900], pauses)

    def test_refused_credentials_pause_at_once(self):
        self.assertEqual(120, self.pace().after_failure(1, REFUSED))
