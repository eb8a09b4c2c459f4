# SPDX-License-Identifier: Apache-2.0
"""Numbers agree with what they count."""

from tests import base
from valence.common import words


class CountedTest(base.TestCase):
    def test_one_is_no_plural(self):
        self.assertEqual(
            ["0 parts", "1 part", "2 parts", "1,000 parts"],
            [words.counted(number, "part") for number in (0, 1, 2, 1000)],
        )

    def test_a_plural_of_another_form(self):
        counted = [words.counted(number, "message waits", "messages wait") for number in (1, 2)]
        self.assertEqual(["1 message waits", "2 messages wait"], counted)
