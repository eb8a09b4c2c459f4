# SPDX-License-Identifier: Apache-2.0
"""When $expand is used: where it is offered, as long as answers do not disprove it."""

from tests import base
from valence.podmanagers.redfish.crawl import capabilities


def root(**query):
    return {"ProtocolFeaturesSupported": {"ExpandQuery": query}}


def expansion(**query):
    return capabilities.of_collections(root(**query))


class OfferTest(base.TestCase):
    def test_levels_are_asked_for_where_they_are_offered(self):
        self.assertEqual("?$expand=.($levels=1)", expansion(NoLinks=True, Levels=True).query)
        self.assertEqual("?$expand=.", expansion(NoLinks=True, Levels=False).query)

    def test_booleans_may_be_strings(self):
        self.assertEqual("?$expand=.($levels=1)", expansion(NoLinks="true", Levels="true").query)
        self.assertIsNone(expansion(NoLinks="false", Levels="true").query)

    def test_whoever_expands_all_links_or_nothing_is_not_asked(self):
        self.assertIsNone(expansion(ExpandAll=True, Links=True).query)
        self.assertIsNone(expansion().query)

    def test_a_root_of_another_form_offers_nothing(self):
        for features in (None, "yes", [], {"ExpandQuery": True}, {"ExpandQuery": None}):
            self.assertIsNone(
                capabilities.of_collections({"ProtocolFeaturesSupported": features}).query, features
            )
        self.assertIsNone(capabilities.of_collections({}).query)

    def test_resources_are_expanded_where_the_members_of_their_collections_are_within_the_levels(self):
        for most, query in ((1, None), (2, "?$expand=.($levels=2)"), (6, "?$expand=.($levels=2)")):
            offer = root(NoLinks=True, Levels=True, MaxLevels=most)
            self.assertEqual(query, capabilities.of_resources(offer).query)

    def test_resources_are_not_expanded_where_the_root_does_not_say_how_far(self):
        for offer in ({}, root(NoLinks=True, Levels=True), root(NoLinks=True, MaxLevels=6)):
            self.assertIsNone(capabilities.of_resources(offer).query)
        self.assertIsNone(capabilities.of_resources(root(Levels=True, MaxLevels=6)).query)


class ProofTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.expansion = expansion(NoLinks=True)

    def test_bare_links_disprove_the_offer(self):
        self.expansion.saw(False)
        self.assertIsNone(self.expansion.query)

    def test_bare_links_after_a_proof_are_one_collection_that_is_not_expanded(self):
        self.expansion.saw(True)
        self.expansion.saw(False)
        self.assertIsNotNone(self.expansion.query)

    def test_failures_in_a_row_end_it(self):
        for _ in range(capabilities.MOST_FAILURES - 1):
            self.expansion.failed()
        self.expansion.saw(True)
        for _ in range(capabilities.MOST_FAILURES - 1):
            self.expansion.failed()
        self.assertIsNotNone(self.expansion.query)
        self.expansion.failed()
        self.assertIsNone(self.expansion.query)
