# SPDX-License-Identifier: Apache-2.0
"""Collections, page after page, and what is missing of them."""

import types

from tests import base
from valence.common import errors
from valence.podmanagers.redfish import urls
from valence.podmanagers.redfish.crawl import collection_pages

PATHS = urls.Paths("http://pod")
NICS = "/redfish/v1/Nics"


def collection(*names, **more):
    return {"Members": [{"@odata.id": f"{NICS}/{name}"} for name in names]} | more


class PageTest(base.TestCase):
    def test_members_stand_at_the_top_or_under_links(self):
        for document in (
            {"Members": [1], "Members@odata.count": 2},
            {"Links": {"Members": [1], "Members@odata.count": "2"}},
        ):
            self.assertEqual(([1], 2, None), collection_pages.page(document))

    def test_the_next_page_has_two_names_and_two_forms(self):
        for name in ("Members@odata.nextLink", "@odata.nextLink"):
            for link in ("/a?$skip=1", {"@odata.id": "/a?$skip=1"}):
                self.assertEqual("/a?$skip=1", collection_pages.page({"Members": [], name: link}).following)

    def test_without_a_list_it_is_no_empty_one(self):
        for document in ({"Members": None}, {"Members@odata.count": 0}, {"@odata.type": "#DriveCollection"}):
            self.assertIsNone(collection_pages.page(document).members, document)

    def test_any_other_document_is_none(self):
        self.assertIsNone(collection_pages.page({"Id": "1", "@odata.type": "#Drive.v1_0_0.Drive"}))

    def test_a_count_that_is_none_says_nothing(self):
        for count in (True, "many", "²", None, -1, [2]):
            self.assertTrue(collection_pages.is_whole({"Members": [], "Members@odata.count": count}), count)

    def test_the_whole_is_on_one_page_and_has_as_many_as_counted(self):
        self.assertFalse(collection_pages.is_whole({"Members": [1], "Members@odata.count": 2}))
        self.assertFalse(collection_pages.is_whole({"Members": [1], "@odata.nextLink": "/a"}))
        self.assertFalse(collection_pages.is_whole({"Members": None}))


class WalkerTest(base.TestCase):
    """Links in any form lead to documents, those of collections page after page."""

    def setUp(self):
        super().setUp()
        self.documents = {f"{NICS}/{name}": {"Id": name} for name in "123"}
        self.reads = []
        self.walker = collection_pages.Walker(self.read, PATHS)

    def read(self, path):
        self.reads.append(path)
        if path not in self.documents:
            raise errors.ResourceGone(url="http://pod", reason=path)
        if isinstance(self.documents[path], Exception):
            raise self.documents[path]
        return self.documents[path]

    def ids(self, link=NICS):
        return [each["Id"] for each in self.walker.members(link)]

    def test_members_of_a_collection(self):
        for members in (collection("1", "2"), {"Members": [f"{NICS}/1", f"http://pod{NICS}/2", None]}):
            self.documents[NICS] = members
            self.assertEqual(["1", "2"], self.ids({"@odata.id": f"http://pod{NICS}"}))

    def test_a_list_in_the_place_of_a_link(self):
        self.assertEqual(["2"], self.ids([None, {"@odata.id": f"{NICS}/2"}, {"@odata.id": f"{NICS}/9"}]))

    def test_pages_are_followed(self):
        self.documents[NICS] = collection("1", **{"@odata.nextLink": "?$skip=1"})
        self.documents[f"{NICS}?$skip=1"] = collection("2", "3")
        self.assertEqual((["1", "2", "3"], set()), (self.ids(), self.walker.unread))

    def test_pages_in_a_circle_end(self):
        self.documents[NICS] = collection("1", **{"@odata.nextLink": NICS})
        self.assertEqual(["1"], self.ids())

    def test_a_page_that_comes_again_and_again_is_the_last(self):
        for number in range(9):
            following = {"@odata.nextLink": f"{NICS}?$skip={number + 1}"}
            self.documents[f"{NICS}?$skip={number}" if number else NICS] = collection("1", **following)
        self.ids()
        self.assertEqual(2, len([path for path in self.reads if path.startswith(f"{NICS}?") or path == NICS]))
        self.assertEqual(1, len(self.walker.unread))

    def test_what_is_missing_is_unread(self):
        failed = errors.PodManagerError(url="http://pod", reason="500")
        for document in (
            failed,
            {"Members": None},
            collection("1", **{"Members@odata.count": 2}),
            {"Members": [None]},
        ):
            self.documents[NICS], self.walker.unread = document, set()
            list(self.walker.members(NICS))
            self.assertEqual({NICS}, self.walker.unread, document)

    def test_all_members_are_listed_or_an_error_is_raised(self):
        connection = types.SimpleNamespace(
            paths=PATHS, get=lambda path: types.SimpleNamespace(content=self.read(path))
        )
        self.assertRaises(errors.ResourceGone, collection_pages.all_members, connection, NICS)
        self.documents[NICS] = collection("1", **{"@odata.nextLink": "?$skip=1"})
        self.documents[f"{NICS}?$skip=1"] = collection("2")
        wanted = [f"{NICS}/1", f"{NICS}/2"]
        self.assertEqual(wanted, collection_pages.all_members(connection, NICS))
        self.documents[f"{NICS}?$skip=1"] = errors.PodManagerError(url="http://pod", reason="500")
        error = self.assertRaises(errors.PodManagerError, collection_pages.all_members, connection, NICS)
        self.assertIn("skip=1 could not be read", error.detail)

    def test_a_dead_link_is_nothing(self):
        self.assertEqual([], self.ids("/redfish/v1/Gone"))
        self.assertEqual([], self.ids(None))
        self.assertEqual(set(), self.walker.unread)

    def test_a_service_that_does_not_answer_ends_the_walk(self):
        self.documents[NICS] = errors.PodManagerUnreachable(url="http://pod", reason="time-out")
        self.assertRaises(errors.PodManagerUnreachable, self.ids)
