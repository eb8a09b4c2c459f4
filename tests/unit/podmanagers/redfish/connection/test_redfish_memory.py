# SPDX-License-Identifier: Apache-2.0
"""Documents that did not change are not taken apart again, and nothing else is different for that."""

import fixtures

from tests import base
from tests.unit.podmanagers import case
from valence.podmanagers.base import Etags
from valence.podmanagers.redfish import connection
from valence.podmanagers.redfish.crawl import properties

SYSTEMS = "/redfish/v1/Systems"
ONE, TWO = f"{SYSTEMS}/1", f"{SYSTEMS}/2"


class MemoryTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.memory = connection.Memory()
        self.memory.keep("a", b"1", "told")

    def test_recalls_what_was_kept(self):
        self.assertEqual((b"1", "told", None), self.memory.recall("a"))
        self.assertIsNone(self.memory.recall("b"))

    def test_keeps_what_is_used(self):
        for _ in range(3):
            self.memory.forget_unused()
            self.assertIsNotNone(self.memory.recall("a"))
        self.assertEqual(1, len(self.memory))

    def test_forgets_what_is_not(self):
        self.memory.forget_unused()
        self.memory.forget_unused()
        self.assertIsNone(self.memory.recall("a"))
        self.assertEqual(0, len(self.memory))


class SameTest(case.RedfishTestCase):
    """A service without ETags."""

    def setUp(self):
        super().setUp()
        documents = {each: {"Id": each[-1], "Status": {"Health": "OK"}} for each in (ONE, TWO)}
        self.service = self.serve({SYSTEMS: case.collection(ONE, TWO)} | documents)
        self.driver = self.connect(self.service.url)
        self.first = list(self.driver.crawl(Etags()))
        self.taken_apart = []
        self.useFixture(
            fixtures.MonkeyPatch(
                "valence.podmanagers.redfish.crawl.properties.seen", self.watch(properties.seen)
            )
        )

    def watch(self, seen):
        def watched(document, url, *arguments):
            self.taken_apart.append(url)
            return seen(document, url, *arguments)

        return watched

    def test_the_same_bytes_tell_the_same_without_being_taken_apart(self):
        self.assertEqual(self.first, list(self.driver.crawl(Etags())))
        self.assertEqual([], self.taken_apart)

    def test_a_change_is_seen_and_only_what_changed_is_taken_apart(self):
        self.service.documents[TWO]["Status"] = {"Health": "Critical"}
        again = case.seen(self.driver.crawl(Etags()))
        self.assertEqual(["OK", "Critical"], [again[each].health for each in (ONE, TWO)])
        self.assertEqual([TWO], self.taken_apart)

    def test_what_another_link_leads_to_is_taken_apart_for_that(self):
        self.service.documents[case.ROOT]["Systems"] = {"Members": [{"@odata.id": ONE}]}
        self.service.documents[case.ROOT]["Chassis"] = {"Members": [{"@odata.id": TWO}]}
        again = case.seen(self.driver.crawl(Etags()))
        self.assertEqual(["System", "Chassis"], [again[each].resource_type for each in (ONE, TWO)])

    def test_another_etag_with_the_same_bytes_is_told(self):
        self.service.answers[f"GET {TWO}"] = lambda handler: handler.answer(
            200, self.service.documents[TWO], ETag='"7"'
        )
        self.assertEqual('"7"', case.seen(self.driver.crawl(Etags()))[TWO].etag)

    def test_what_could_not_be_read_is_told_again_afterwards(self):
        self.service.answers[f"GET {TWO}"] = lambda handler: handler.answer(500, {})
        again = list(self.driver.crawl(Etags()))
        self.assertEqual(([ONE], 1), (list(case.seen(again)), len(case.unread(again))))
        del self.service.answers[f"GET {TWO}"]
        self.assertEqual(self.first, list(self.driver.crawl(Etags())))
