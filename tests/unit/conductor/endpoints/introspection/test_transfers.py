# SPDX-License-Identifier: Apache-2.0
"""Documents in parts, on their way in and out."""

import fixtures

from tests import base
from valence.common import errors
from valence.conductor.endpoints import introspection

TEXT = "".join(chr(33 + number % 90) for number in range(introspection.PART * 2 + 5))


class TransfersTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.transfers = introspection.Transfers("conductor-1")

    def test_a_short_text_goes_at_once(self):
        self.assertEqual({"text": "short", "more": None}, self.transfers.offer("short"))

    def test_a_long_text_goes_in_parts(self):
        answer = self.transfers.offer(TEXT)
        more = answer["more"]
        self.assertEqual(("conductor-1", 2), (more["server"], more["parts"]))
        parts = [self.transfers.fetch(more["transfer"], number) for number in range(2)]
        self.assertEqual(TEXT, answer["text"] + "".join(parts))
        self.assertRaises(errors.Unavailable, self.transfers.fetch, more["transfer"], 0)

    def test_a_long_text_comes_in_parts(self):
        place = self.transfers.accept(None, "one ")
        place = self.transfers.accept(place["transfer"], "two ")
        document = {"text": "three", "transfer": place["transfer"]}
        self.assertEqual("one two three", self.transfers.take(document))
        self.assertRaises(errors.Unavailable, self.transfers.take, document)

    def test_what_nobody_asks_for_is_forgotten(self):
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.endpoints.introspection.KEPT_SECONDS", -1))
        place = self.transfers.accept(None, "one")
        self.transfers.accept(None, "another")
        self.assertRaises(errors.Unavailable, self.transfers.accept, place["transfer"], "two")

    def test_there_is_room_for_so_much(self):
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.endpoints.introspection.MOST_CHARACTERS", 10))
        place = self.transfers.accept(None, "12345")
        self.assertRaises(errors.Unavailable, self.transfers.accept, None, "123456")
        self.transfers.accept(place["transfer"], "12345")
