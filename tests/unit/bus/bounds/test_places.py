# SPDX-License-Identifier: Apache-2.0
"""Places for long calls: bounded, and shared among what makes them wait."""

import contextlib

from tests import base
from valence.bus import bounds
from valence.common import bus_errors


class PlacesTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.places = bounds.Places("for details", 8)
        self.held = contextlib.ExitStack()
        self.addCleanup(self.held.close)

    def take(self, target=None):
        """Take a place for the rest of the test; return whether there was one."""
        try:
            self.held.enter_context(self.places.take(target))
        except bus_errors.Busy:
            return False
        return True

    def taken(self, target=None, tries=20):
        return sum(self.take(target) for _ in range(tries))

    def test_there_are_so_many(self):
        self.assertEqual(8, self.taken())
        self.held.close()
        self.assertEqual(8, self.taken())

    def test_one_target_leaves_places_to_others(self):
        self.assertEqual(2, self.taken("hung"))
        self.assertTrue(self.take("other"))

    def test_many_targets_leave_none(self):
        self.assertEqual(8, sum(self.taken(f"hung {each}") for each in range(20)))
        self.assertFalse(self.take("other"))

    def test_who_is_refused_learns_what_to_do(self):
        self.taken()
        error = self.assertRaises(bus_errors.Busy, self.places.take().__enter__)
        self.assertEqual((503, 5), (error.status, error.retry_after))
        self.assertEqual("Too many requests for details are being worked on.", error.detail)

    def test_a_failure_gives_the_place_back(self):
        with contextlib.suppress(KeyError), self.places.take("a"):
            raise KeyError
        self.assertEqual(8, self.taken())
