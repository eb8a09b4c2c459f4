# SPDX-License-Identifier: Apache-2.0
"""What places lack, by one query for a group of them."""

import fixtures

from tests import base
from tests import devices
from tests import embedded
from valence.composition import candidates
from valence.composition import requirements
from valence.composition import scarcity


class ScarceTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.store = self.useFixture(embedded.Database()).store
        self.pool = devices.Pool(self.store)
        podm = self.pool.pod_manager()
        self.zonings = [self.pool.zoning(podm, zone) for zone in "1234"]
        self.places = [candidates.Place(podm.uuid, "0", (row.id,), "blocks", {}) for row in self.zonings]
        for number, row in enumerate(self.zonings[:3], 1):
            self.pool.add(podm, row, "Storage", number)
            self.pool.add(podm, row, "Storage", 5, full=True)
        self.scarce = scarcity.Scarce(self.store, [])

    def lacking(self, part):
        return [self.scarce.is_missing(part, place) for place in self.places]

    def group(self):
        self.scarce.group = [row.id for row in self.zonings]

    def test_places_with_too_few_free_devices_lack_the_part(self):
        part = requirements.Part("storage/0", "Storage", size=1, count=2)
        self.scarce.parts.add(part)
        self.group()
        self.assertEqual([True, False, False, True], self.lacking(part))

    def test_a_place_of_several_zonings_has_the_devices_of_all(self):
        part = requirements.Part("storage/0", "Storage", size=1, count=3)
        self.scarce.parts.add(part)
        self.group()
        first, second, _, last = (row.id for row in self.zonings)
        both = [self.places[0]._replace(zonings=zonings) for zonings in ((first, second), (first, last))]
        self.assertEqual([False, True], [self.scarce.is_missing(part, place) for place in both])

    def test_nothing_is_said_of_a_part_that_was_not_missing_before(self):
        self.group()
        self.assertEqual(
            [False] * 4, self.lacking(requirements.Part("storage/0", "Storage", size=1, count=9))
        )

    def test_nothing_is_said_of_zonings_that_the_query_did_not_reach(self):
        self.useFixture(fixtures.MonkeyPatch("valence.composition.candidates.MOST_ROWS", 2))
        part = requirements.Part("storage/0", "Storage", size=1, count=9)
        self.scarce.parts.add(part)
        self.group()
        # Of the second zoning it read one of two devices.
        self.assertEqual([True, False, False, False], self.lacking(part))
