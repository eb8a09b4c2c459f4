# SPDX-License-Identifier: Apache-2.0
"""What failed rests, longer each time, until it succeeds."""

from tests import base
from valence.conductor.work import threads


class PatienceTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.now = 0.0
        self.patience = threads.Patience(clock=lambda: self.now)

    def test_pauses_double_up_to_a_bound(self):
        pauses = [self.patience.failed("a") for _ in range(20)]
        self.assertEqual([1, 2, 4, 8, 16, 32, 60, 60], pauses[:8])
        self.assertEqual(60, pauses[-1])

    def test_a_key_rests_as_long_as_told(self):
        self.patience.failed("a")
        self.assertTrue(self.patience.rests("a"))
        self.assertFalse(self.patience.rests("b"))
        self.now = 1.5
        self.assertFalse(self.patience.rests("a"))
        self.assertFalse(self.patience.is_new("a"))

    def test_success_and_absence_are_forgotten(self):
        for key in ("a", "b", "c"):
            self.patience.failed(key)
        self.patience.succeeded("a")
        self.patience.keep({"a", "b"})
        self.assertEqual(
            {"a": True, "b": False, "c": True}, {key: self.patience.is_new(key) for key in "abc"}
        )
