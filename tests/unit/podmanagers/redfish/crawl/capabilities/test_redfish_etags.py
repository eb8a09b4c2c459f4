# SPDX-License-Identifier: Apache-2.0
"""ETags are used where they follow what they stand for, and hide nothing where they do not."""

import zlib

from tests import base
from tests.unit.podmanagers import case
from valence.podmanagers.base import Etags
from valence.podmanagers.redfish.crawl import capabilities
from valence.podmanagers.redfish.crawl.capabilities import COLLECTION
from valence.podmanagers.redfish.crawl.capabilities import EXPANDED
from valence.podmanagers.redfish.crawl.capabilities import RESOURCE

CHASSIS = "/redfish/v1/Chassis"
ONE, TWO = f"{CHASSIS}/1", f"{CHASSIS}/2"
EXPAND = "?$expand=.($levels=1)"
OFFER = {"ExpandQuery": {"NoLinks": True, "Levels": True}}


class TrustTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.trust = capabilities.Trust()

    def uses(self):
        return [self.trust.uses(sort) for sort in (RESOURCE, COLLECTION, EXPANDED)]

    def test_that_of_a_resource_is_trusted_and_others_have_to_prove_it(self):
        self.assertEqual([True, False, False], self.uses())

    def test_a_change_with_the_document_proves_it(self):
        self.trust.compare(COLLECTION, ("a", 1), ("b", 2))
        self.assertEqual([True, True, False], self.uses())

    def test_one_that_stays_is_never_trusted_again(self):
        for etags in (("a", "b"), ("a", "a"), ("a", "b")):
            for sort in (RESOURCE, COLLECTION):
                self.trust.compare(sort, (etags[0], 1), (etags[1], 2))
        self.assertEqual([False, False, False], self.uses())

    def test_documents_that_did_not_change_and_those_without_prove_nothing(self):
        for before, now in (
            (("a", 1), ("b", 1)),
            (("a", 1), ("a", 1)),
            ((None, 1), ("a", 2)),
            (("a", 1), (None, 2)),
        ):
            self.trust.compare(COLLECTION, before, now)
        self.assertIsNone(self.trust.of(COLLECTION))

    def test_one_that_is_the_same_with_and_without_members_does_not_depend_on_them(self):
        self.trust.compare_forms("a", None)
        self.assertIsNone(self.trust.of(EXPANDED))
        self.trust.compare_forms("a", "b")
        self.assertIs(True, self.trust.of(EXPANDED))
        self.trust.compare_forms("a", "a")
        self.assertIs(False, self.trust.of(EXPANDED))

    def test_nothing_is_used_while_everything_is_checked(self):
        self.trust.checking = True
        self.assertEqual([False, False, False], self.uses())


class CrawlTest(case.RedfishTestCase):
    """Two chassis, listed with or without $expand, with ETags as a test wants them."""

    def setUp(self):
        super().setUp()
        self.chassis = {
            url: {"@odata.id": url, "@odata.type": "#Chassis.v1_0_0.Chassis", "Id": url[-1], "Name": url[-1]}
            for url in (ONE, TWO)
        }
        self.members = [ONE, TWO]
        self.etag = lambda path, body: f'"{zlib.crc32(body)}"'
        self.service = self.serve({CHASSIS: {}} | self.chassis)
        for path in (CHASSIS, CHASSIS + EXPAND, ONE, TWO):
            self.service.answers[f"GET {path}"] = self.answer
        self.statuses = []

    def answer(self, handler):
        path = handler.path
        if path in self.chassis:
            document = self.chassis[path]
        else:
            members = [self.chassis[url] if EXPAND in path else {"@odata.id": url} for url in self.members]
            document = {
                "@odata.id": CHASSIS,
                "@odata.type": "#ChassisCollection.ChassisCollection",
                "Members": members,
            }
        etag = self.etag(path, repr(document).encode())
        status = 304 if handler.headers.get("If-None-Match") == etag else 200
        self.statuses.append((path, status))
        handler.answer(status, b"" if status == 304 else document, ETag=etag)

    def offer(self):
        self.service.documents[case.ROOT]["ProtocolFeaturesSupported"] = OFFER

    def synchronize(self, driver):
        """Crawl with the ETags of the last time; return the names of what was seen, and what was answered."""
        self.statuses.clear()
        items = list(driver.crawl(Etags(self.stored)))
        self.stored |= {item.resource_url: item.etag for item in case.seen(items).values()}
        return [item.name for item in case.seen(items).values()], list(self.statuses)

    def start(self):
        self.stored = {}
        driver = self.connect(self.service.url)
        self.synchronize(driver)
        return driver

    def test_an_unchanged_expanded_collection_is_one_304(self):
        self.offer()
        driver = self.start()
        for _ in range(3):
            self.assertEqual((["1", "2"], [(CHASSIS + EXPAND, 304)]), self.synchronize(driver))

    def test_a_change_of_a_member_is_seen_through_the_expanded_collection(self):
        self.offer()
        driver = self.start()
        self.synchronize(driver)
        self.chassis[TWO]["Name"] = "new"
        self.assertEqual(["1", "new"], self.synchronize(driver)[0])

    def test_an_expanded_collection_with_the_etag_of_the_plain_one_is_read_whole(self):
        self.offer()
        self.etag = lambda path, body: (
            '"static"' if path.startswith(CHASSIS + "?") or path == CHASSIS else '"x"'
        )
        driver = self.start()
        self.synchronize(driver)
        self.chassis[TWO]["Name"] = "new"
        names, statuses = self.synchronize(driver)
        self.assertEqual((["1", "new"], 200), (names, dict(statuses)[CHASSIS + EXPAND]))

    def test_a_plain_collection_is_read_whole_until_its_etag_has_followed_a_change(self):
        driver = self.start()
        self.assertEqual(200, dict(self.synchronize(driver)[1])[CHASSIS])
        self.members.remove(TWO)
        self.assertEqual([(CHASSIS, 200), (ONE, 304)], self.synchronize(driver)[1])
        self.assertEqual([(CHASSIS, 304), (ONE, 304)], self.synchronize(driver)[1])
        self.members.append(TWO)
        self.assertEqual([(CHASSIS, 200), (ONE, 304), (TWO, 200)], self.synchronize(driver)[1])

    def test_a_plain_collection_whose_etag_stays_is_always_read(self):
        self.etag = lambda path, body: '"static"'
        driver = self.start()
        for members in ([ONE], [ONE, TWO], [TWO], [ONE, TWO]):
            self.members = members
            urls = [path for path, _ in self.synchronize(driver)[1][1:]]
            self.assertEqual(members, urls)

    def test_a_resource_whose_etag_stayed_when_it_changed_is_read_from_then_on(self):
        self.etag = lambda path, body: '"static"'
        driver = self.start()
        self.chassis[TWO]["Name"] = "new"
        for _ in range(10):  # the last one reads everything
            names, _ = self.synchronize(driver)
        self.assertEqual(["1", "new"], names)
        self.chassis[TWO]["Name"] = "newer"
        self.assertEqual(["1", "newer"], self.synchronize(driver)[0])
