# SPDX-License-Identifier: Apache-2.0
"""The place that came nearest to having everything."""

from tests import base
from tests import devices
from tests import embedded
from valence.composition import requirements
from valence.composition import selection
from valence.composition import survey


class NearestTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.store = self.useFixture(embedded.Database()).store
        self.pool = devices.Pool(self.store)
        self.podm = self.pool.pod_manager()

    def fill(self, zone, *kinds, method="blocks"):
        zoning = self.pool.zoning(self.podm, zone, method=method)
        for kind in kinds:
            self.pool.add(self.podm, zoning, kind)

    def nearest(self, unusable=()):
        body = {"storage": {}, "accelerator": {}, "network": {}}
        nothing = selection.choose(self.store, requirements.wanted(requirements.normal(body)))
        self.assertIsInstance(nothing, selection.Nothing)
        return survey.nearest(self.store, nothing, unusable)

    def test_it_is_the_one_that_has_most_parts(self):
        self.fill("1", "Compute", "Storage")
        self.fill("2", "Compute", "Storage", "Network")
        self.fill("3", "Accelerator")
        found = self.nearest()
        self.assertEqual(("2", "accelerator/0", 3), (found.place.zone, found.part.name, found.satisfied))

    def test_one_that_composes_nothing_or_cannot_be_asked_is_not_near(self):
        self.fill("1", "Compute", "Storage", "Network", method="none")
        self.assertIsNone(self.nearest())
        self.fill("2", "Compute")
        self.assertEqual("2", self.nearest().place.zone)
        self.assertIsNone(self.nearest({self.podm.uuid}))
