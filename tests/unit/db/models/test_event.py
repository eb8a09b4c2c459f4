# SPDX-License-Identifier: Apache-2.0
"""Where a client goes on whose events a restore may have taken back."""

from tests import base
from valence.db.models.event import Epochs
from valence.db.models.event import Position

#: the second began because a backup with 120 events was restored, the third at a start
HISTORY = Epochs([(3000, 200), (1000, 0), (2000, 120)])


def resolve(text, newest, history=HISTORY):
    """Return after which number a client goes on that comes back with ``text``."""
    return history.resolve(Position.parse(text), newest)


class EpochsTest(base.TestCase):
    def test_a_label_names_the_epoch_in_which_an_event_has_its_number(self):
        labels = [HISTORY.label(number) for number in (1, 120, 121, 200, 201)]
        self.assertEqual(["1000-1", "1000-120", "2000-121", "2000-200", "3000-201"], labels)
        self.assertEqual("7", Epochs().label(7))
        self.assertEqual("7", Epochs([(1000, 7)]).label(7))

    def test_what_was_not_taken_back_is_not_told_again(self):
        for text, number in (("1000-100", 100), ("1000-120", 120), ("2000-150", 150), ("3000-250", 250)):
            self.assertEqual(number, resolve(text, 300))

    def test_what_was_taken_back_is_told_from_the_restore_on(self):
        self.assertEqual(120, resolve("1000-150", 300))
        self.assertEqual(120, resolve("1000-290", 300))
        self.assertEqual(200, resolve("2000-210", 300))

    def test_an_epoch_that_a_restore_took_back_ends_where_the_one_after_it_begins(self):
        self.assertEqual(120, resolve("1500-150", 300))
        self.assertEqual(100, resolve("1500-100", 300))
        self.assertEqual(200, resolve("9000-290", 300))

    def test_two_restores_end_at_the_older_one(self):
        history = Epochs([(1000, 0), (2000, 120), (3000, 50)])
        self.assertEqual(50, resolve("1000-150", 300, history))

    def test_a_number_alone_is_believed_until_it_is_ahead(self):
        self.assertEqual(150, resolve("150", 300))
        self.assertEqual(200, resolve("350", 300))
        self.assertEqual(300, resolve("350", 300, Epochs()))

    def test_a_number_of_the_present_epoch_is_at_most_the_newest(self):
        self.assertEqual(300, resolve("3000-350", 300))

    def test_what_is_no_position_is_none(self):
        for text in ("", "-1", "1-", "a-1", "1-2-3", "1" * 19, "1 ", "²"):
            self.assertIsNone(Position.parse(text), text)
        self.assertEqual((1000, 7), Position.parse("1000-7"))
        self.assertEqual((0, 7), Position.parse("7"))
