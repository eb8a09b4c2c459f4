# SPDX-License-Identifier: Apache-2.0
"""Reading links: collections of every form, expanded or in pages, and what is said of what cannot be read."""

import fixtures

from tests.unit.podmanagers import case
from valence.common import errors
from valence.podmanagers import base
from valence.podmanagers.base import Etags
from valence.podmanagers.redfish.crawl import links

SYSTEMS = "/redfish/v1/Systems"
ONE, TWO, THREE = (f"{SYSTEMS}/{name}" for name in "123")
EXPANDED = f"{SYSTEMS}?$expand=.($levels=1)"
OFFER = {"ExpandQuery": {"NoLinks": True, "Levels": True}}


def system(name, **more):
    return {"@odata.id": f"{SYSTEMS}/{name}", "Id": name, "Name": f"System {name}"} | more


class ReaderTestCase(case.RedfishTestCase):
    def setUp(self):
        super().setUp()
        self.service = self.serve(
            {SYSTEMS: case.collection(ONE, TWO), ONE: system("1"), TWO: system("2"), THREE: system("3")}
        )

    def answer(self, path, status, document=None, **headers):
        self.service.answers[f"GET {path}"] = lambda handler: handler.answer(
            status, document or {}, **headers
        )

    def cut(self, path):
        self.service.answers[f"GET {path}"] = lambda handler: setattr(handler, "close_connection", True)

    def urls(self):
        return list(case.seen(self.crawl(self.service)))


class CollectionTest(ReaderTestCase):
    def check(self, document, *expected):
        self.service.documents[SYSTEMS] = document
        self.assertEqual(list(expected), self.urls())

    def test_members(self):
        self.check(case.collection(ONE, TWO), ONE, TWO)

    def test_members_under_links(self):
        self.check({"Links": case.collection(ONE)}, ONE)

    def test_members_as_bare_strings(self):
        self.check({"Members": [ONE, TWO]}, ONE, TWO)

    def test_members_that_are_absolute_urls_of_the_service(self):
        self.check(case.collection(self.service.url + ONE), ONE)

    def test_members_that_are_no_links_are_unread(self):
        self.check_unread(
            {"Members": [None, {}, 5, [], {"@odata.id": ""}, {"@odata.id": None}, "x", {"@odata.id": ONE}]},
            ONE,
        )

    def test_members_by_another_name_of_the_host_are_read_from_the_registered_host(self):
        other = self.serve({ONE: system("1")})
        self.check(case.collection(other.url + ONE, f"https://bmc.example{TWO}"), ONE, TWO)
        self.assertEqual([], other.requests)

    def test_members_that_do_not_lead_below_the_root_are_passed_over(self):
        self.check(
            case.collection(
                "https://bmc.example/etc", "//127.0.0.1/redfish/v1", "/redfish/v1/../../etc", TWO
            ),
            TWO,
        )

    def test_a_member_that_stands_twice_or_with_a_slash_is_one(self):
        self.check(case.collection(ONE, f"{ONE}/", ONE), ONE)

    def test_a_url_that_is_too_long_to_be_kept_is_passed_over(self):
        self.check(case.collection(f"{SYSTEMS}/{'x' * 500}", ONE), ONE)

    def test_an_own_id_that_differs_from_the_url_is_no_matter(self):
        self.check(case.collection(ONE, **{"@odata.id": "/redfish/v1/Other"}), ONE)

    def test_empty_ones(self):
        for document in (
            {"Members": []},
            {"Links": {"Members": []}},
            {"Members": [], "Members@odata.count": 0},
        ):
            self.check(document)
            self.assertEqual([], case.unread(self.crawl(self.service)))

    def check_unread(self, document, *expected):
        """Check that a list is not taken for the whole of the collection."""
        self.service.documents[SYSTEMS] = document
        items = self.crawl(self.service)
        self.assertEqual(list(expected), list(case.seen(items)), document)
        self.assertEqual([("", frozenset({"System"}))], [each[:2] for each in case.unread(items)], document)

    def test_without_a_list_are_unread(self):
        collection_type = {"@odata.type": "#ComputerSystemCollection.ComputerSystemCollection"}
        for members in ({}, {"Members": None}, {"Members": {}}, {"Members": "x"}, {"Members@odata.count": 0}):
            self.check_unread(collection_type | members)
        self.check_unread({"Links": {"Members@odata.count": 1}})

    def test_with_fewer_members_than_counted_are_unread_but_for_those(self):
        for count in (3, "3"):
            self.check_unread(case.collection(ONE, TWO, **{"Members@odata.count": count}), ONE, TWO)
        self.check_unread({"Members": [], "Members@odata.count": 1})

    def test_with_an_error_beside_are_unread(self):
        error = {"error": {"code": "x", "message": "busy"}}
        self.service.answers[f"GET {SYSTEMS}"] = lambda handler: handler.answer(
            200, case.collection(ONE) | error
        )
        self.check_unread({})

    def test_a_link_to_something_that_does_not_say_what_it_is_is_unread(self):
        for document in ({"Name": "Systems"}, {"@odata.type": "#ServiceRoot.v1_5_0.ServiceRoot", "Id": "1"}):
            self.check_unread(document)

    def test_a_link_to_a_single_resource_is_that_resource(self):
        self.check(system("0"), SYSTEMS)

    def test_links_in_the_root_that_are_bare_strings(self):
        self.service.documents[case.ROOT]["Systems"] = SYSTEMS + "/"
        self.assertEqual([ONE, TWO], self.urls())


class PagesTest(ReaderTestCase):
    def pages(self, following, *pages):
        self.service.documents[SYSTEMS] = case.collection(ONE, **{"Members@odata.nextLink": following})
        for number, page in enumerate(pages, 2):
            self.service.documents[f"{SYSTEMS}?page={number}"] = page

    def test_are_followed(self):
        second = case.collection(TWO, **{"Members@odata.nextLink": f"{SYSTEMS}?page=3"})
        self.pages(f"{SYSTEMS}?page=2", second, case.collection(THREE))
        self.assertEqual([ONE, TWO, THREE], self.urls())

    def test_may_be_linked_by_an_object(self):
        self.pages({"@odata.id": f"{SYSTEMS}?page=2"}, case.collection(TWO))
        self.assertEqual([ONE, TWO], self.urls())

    def test_may_be_linked_without_a_prefix_or_by_a_query(self):
        for following in (f"{SYSTEMS}?page=2", "?page=2", f"{self.service.url}{SYSTEMS}?page=2"):
            self.service.documents[SYSTEMS] = case.collection(ONE, **{"@odata.nextLink": following})
            self.service.documents[f"{SYSTEMS}?page=2"] = case.collection(TWO)
            self.assertEqual([ONE, TWO], self.urls())

    def test_with_fewer_members_than_counted_in_all_leave_the_rest_unread(self):
        self.pages(f"{SYSTEMS}?page=2", case.collection(TWO))
        self.service.documents[SYSTEMS]["Members@odata.count"] = 3
        items = self.crawl(self.service)
        self.assertEqual(([ONE, TWO], 1), (list(case.seen(items)), len(case.unread(items))))

    def test_without_a_list_leave_the_rest_unread(self):
        for page in ({"Id": "1"}, {"Members": None}):
            self.pages(f"{SYSTEMS}?page=2", page)
            items = self.crawl(self.service)
            self.assertEqual(([ONE], 1), (list(case.seen(items)), len(case.unread(items))))

    def test_in_a_circle_end(self):
        self.pages(f"{SYSTEMS}?page=2", case.collection(TWO, **{"Members@odata.nextLink": SYSTEMS}))
        self.assertEqual([ONE, TWO], self.urls())

    def test_without_end_are_given_up_with_the_rest_unread(self):
        self.useFixture(
            fixtures.MonkeyPatch("valence.podmanagers.redfish.crawl.collection_pages.MOST_PAGES", 5)
        )
        for number in range(2, 20):
            following = {"Members@odata.nextLink": f"{SYSTEMS}?page={number + 1}"}
            self.service.documents[f"{SYSTEMS}?page={number}"] = case.collection(TWO, **following)
        self.service.documents[SYSTEMS]["Members@odata.nextLink"] = f"{SYSTEMS}?page=2"
        items = self.crawl(self.service)
        self.assertEqual(([ONE, TWO], 1), (list(case.seen(items)), len(case.unread(items))))

    def test_elsewhere_are_not_followed(self):
        other = self.serve()
        self.pages(f"{other.url}/page")
        items = self.crawl(self.service)
        self.assertEqual(([ONE], 1), (list(case.seen(items)), len(case.unread(items))))
        self.assertEqual([], other.requests)

    def test_that_are_missing_leave_the_rest_unread(self):
        for status in (404, 500):
            self.pages(f"{SYSTEMS}?page=2")
            self.answer(f"{SYSTEMS}?page=2", status)
            items = self.crawl(self.service)
            self.assertEqual([ONE], list(case.seen(items)))
            self.assertEqual([("", links.LED_TO["System"])], [each[:2] for each in case.unread(items)])


class ExpandTest(ReaderTestCase):
    def setUp(self):
        super().setUp()
        self.service.documents[case.ROOT]["ProtocolFeaturesSupported"] = OFFER
        self.service.documents[EXPANDED] = case.collection() | {"Members": [system("1"), system("2")]}

    def test_reads_a_collection_in_one_request(self):
        self.assertEqual([ONE, TWO], self.urls())
        self.assertEqual([f"GET {case.ROOT}", f"GET {EXPANDED}", f"GET {ONE}"], self.service.requests)

    def test_sees_the_same_as_without(self):
        expanded = case.seen(self.crawl(self.service))
        self.configure(expand=False)
        self.assertEqual(expanded, case.seen(self.crawl(self.service)))

    def test_is_not_used_if_it_is_switched_off_or_not_offered(self):
        self.configure(expand=False)
        self.urls()
        self.configure(expand=True)
        del self.service.documents[case.ROOT]["ProtocolFeaturesSupported"]
        self.urls()
        self.assertNotIn(f"GET {EXPANDED}", self.service.requests)

    def test_that_is_ignored_silently_costs_nothing(self):
        self.service.documents[EXPANDED] = self.service.documents[SYSTEMS]
        self.assertEqual([ONE, TWO], self.urls())
        self.assertNotIn(f"GET {SYSTEMS}", self.service.requests)

    def test_that_expands_some_members_only_leaves_the_others_to_be_read(self):
        self.service.documents[EXPANDED] = {"Members": [system("1"), {"@odata.id": TWO}]}
        self.assertEqual([ONE, TWO], self.urls())
        self.assertIn(f"GET {TWO}", self.service.requests)

    def test_that_fails_is_done_without(self):
        for status in (400, 404, 500, 501, 503):
            self.answer(EXPANDED, status)
            self.assertEqual([ONE, TWO], self.urls(), status)
        self.cut(EXPANDED)
        self.assertEqual([ONE, TWO], self.urls())

    def test_that_gives_too_large_a_document_is_done_without(self):
        self.configure(max_document_kib=64)
        self.answer(EXPANDED, 200, b" " * 200_000)
        self.assertEqual([ONE, TWO], self.urls())

    def test_that_gives_members_the_urls_of_others_is_done_without(self):
        other = "/redfish/v1/Managers/1"
        self.service.documents[EXPANDED] = {
            "Members": [system("1", **{"@odata.id": f"{other}/{n}"}) for n in "12"]
        }
        self.assertEqual([ONE, TWO], self.urls())

    def test_that_gives_members_one_url_is_done_without(self):
        self.service.documents[EXPANDED] = {"Members": [system("1"), system("1")]}
        self.assertEqual([ONE, TWO], self.urls())

    def test_is_used_for_members_elsewhere_if_the_plain_collection_has_them_there(self):
        places = ["/redfish/v1/Other/1", "/redfish/v1/Other/2"]
        self.service.documents[SYSTEMS] = case.collection(*places)
        self.service.documents[EXPANDED] = {
            "Members": [system("1", **{"@odata.id": place}) for place in places]
        }
        self.service.documents[places[0]] = system("1")
        self.assertEqual(places, self.urls())
        self.assertNotIn(f"GET {places[1]}", self.service.requests)

    def test_that_leaves_states_or_links_out_is_done_without(self):
        processors = {"Processors": {"@odata.id": f"{ONE}/Processors"}}
        for more in ({"Status": {"Health": "OK"}}, {"PowerState": "On"}, processors):
            self.service.documents[ONE] = system("1", **more)
            found = case.seen(self.crawl(self.service))
            self.configure(expand=False)
            self.assertEqual(case.seen(self.crawl(self.service)), found)
            self.configure(expand=True)

    def test_an_error_among_the_members_is_no_member(self):
        member = {"@odata.id": ONE, "Id": "1", "error": {"message": "busy"}}
        self.service.documents[EXPANDED] = {"Members": [member, system("2")]}
        self.assertEqual({ONE, TWO}, set(self.urls()))
        self.service.documents[EXPANDED] = {"Members": [None, system("2")]}
        self.assertEqual({ONE, TWO}, set(self.urls()))

    def test_that_leaves_members_out_is_done_without(self):
        self.service.documents[EXPANDED] = {"Members": [system("1")], "Members@odata.count": 2}
        self.assertEqual([ONE, TWO], self.urls())

    def test_goes_on_at_the_next_page(self):
        second = f"{EXPANDED}&page=2"
        self.service.documents[EXPANDED] = {"Members": [system("1")], "Members@odata.nextLink": second}
        self.service.documents[second] = {"Members": [system("2")]}
        self.assertEqual([ONE, TWO], self.urls())

    def test_finds_links_in_members(self):
        processor = f"{ONE}/Processors/1"
        self.service.documents[EXPANDED]["Members"][0]["Processors"] = {"@odata.id": f"{ONE}/Processors"}
        self.service.documents[f"{ONE}/Processors"] = case.collection(processor)
        self.service.documents[processor] = {"Id": "1"}
        self.assertEqual(ONE, case.seen(self.crawl(self.service))[processor].parent)

    def test_takes_what_members_bring_with_them(self):
        drives = {
            "@odata.id": f"{ONE}/Processors",
            "Members": [{"@odata.id": f"{ONE}/Processors/1", "Id": "1"}],
        }
        self.service.documents[EXPANDED]["Members"][0]["Processors"] = drives
        self.service.documents[f"{ONE}/Processors/1"] = {"Id": "1"}
        self.assertIn(f"{ONE}/Processors/1", self.urls())
        self.assertNotIn(f"GET {ONE}/Processors", self.service.requests)

    def test_what_members_bring_is_read_where_a_part_of_it_is_missing(self):
        processors = {"@odata.id": f"{ONE}/Processors", "Members": [], "Members@odata.count": 1}
        self.service.documents[EXPANDED]["Members"][0]["Processors"] = processors
        self.service.documents[f"{ONE}/Processors"] = case.collection(f"{ONE}/Processors/1")
        self.service.documents[f"{ONE}/Processors/1"] = {"Id": "1"}
        self.assertIn(f"{ONE}/Processors/1", self.urls())


class ExpandResourceTest(ReaderTestCase):
    """A service that expands over several levels."""

    def setUp(self):
        super().setUp()
        offer = {"ExpandQuery": {"NoLinks": True, "Levels": True, "MaxLevels": 6}}
        self.processors, self.processor = f"{ONE}/Processors", f"{ONE}/Processors/1"
        self.part = {"@odata.id": self.processor, "Id": "1", "Name": "Processor"}
        link = {"@odata.id": self.processors}
        brought = link | {"Members": [self.part], "Members@odata.count": 1}
        self.expanded = f"{ONE}?$expand=.($levels=2)"
        self.service.documents |= {
            case.ROOT: self.service.documents[case.ROOT] | {"ProtocolFeaturesSupported": offer},
            ONE: system("1", Processors=link),
            self.expanded: system("1", Processors=brought),
            f"{TWO}?$expand=.($levels=2)": system("2"),
            self.processors: case.collection(self.processor),
            self.processor: self.part,
        }

    def check_found(self):
        """Check that all is found, and return what was asked for besides what leads to the systems."""
        found = case.seen(self.crawl(self.service))
        self.assertEqual({ONE, TWO, self.processor}, set(found))
        self.assertEqual(ONE, found[self.processor].parent)
        asked = [request.removeprefix("GET ") for request in self.service.requests]
        self.service.requests.clear()
        self.asked = [path for path in asked if path not in (case.ROOT, SYSTEMS)]
        return self.asked

    def test_one_request_reads_a_system_with_all_that_it_has(self):
        self.check_found()
        proofs = [ONE, self.processor]  # one of each kind is compared with what it is without
        self.assertEqual([self.expanded, *proofs, f"{TWO}?$expand=.($levels=2)"], self.asked)

    def test_a_crawl_after_that_needs_no_proofs(self):
        driver = self.connect(self.service.url)
        list(driver.crawl(Etags()))
        self.service.requests.clear()
        list(driver.crawl(Etags()))
        self.assertEqual(4, len(self.service.requests))

    def test_it_sees_the_same_as_without(self):
        expanded = case.seen(self.crawl(self.service))
        self.configure(expand=False)
        self.assertEqual(expanded, case.seen(self.crawl(self.service)))

    def test_the_etag_of_the_whole_is_not_taken_for_that_of_the_system(self):
        whole = self.service.documents[self.expanded] | {"@odata.etag": '"own"'}
        self.answer(self.expanded, 200, whole, ETag='"whole"')
        self.assertEqual('"own"', case.seen(self.crawl(self.service))[ONE].etag)

    def test_a_service_that_ignores_it_silently_is_asked_no_more(self):
        self.service.documents[self.expanded] = self.service.documents[ONE]
        asked = self.check_found()
        self.assertNotIn(f"{TWO}?$expand=.($levels=2)", asked)
        self.assertIn(f"{self.processors}?$expand=.($levels=1)", asked)

    def test_a_service_that_expands_one_level_only_is_asked_no_more(self):
        one_level = system("1", Processors=case.collection(self.processor) | {"@odata.id": self.processors})
        self.service.documents[self.expanded] = one_level
        asked = self.check_found()
        self.assertNotIn(f"{TWO}?$expand=.($levels=2)", asked)
        self.assertIn(f"{self.processors}?$expand=.($levels=1)", asked)

    def test_where_it_fails_the_system_is_read_alone(self):
        for status in (400, 404, 500, 501, 503):
            self.answer(self.expanded, status)
            self.assertIn(ONE, self.check_found(), status)

    def test_a_system_that_is_gone_is_gone(self):
        del self.service.documents[ONE], self.service.documents[self.expanded]
        items = self.crawl(self.service)
        self.assertEqual(([TWO], []), (list(case.seen(items)), case.unread(items)))


class ETagTest(ReaderTestCase):
    def setUp(self):
        super().setUp()
        self.storage, self.drive = f"{ONE}/Storage/1", f"{ONE}/Storage/1/Drives/1"
        self.service.documents |= {
            SYSTEMS: case.collection(ONE),
            ONE: system("1", Storage={"@odata.id": f"{ONE}/Storage"}),
            f"{ONE}/Storage": case.collection(self.storage),
            self.storage: {"Id": "1", "Drives": [{"@odata.id": self.drive}]},
            self.drive: {"Id": "1"},
        }
        for path in (ONE, self.storage, self.drive):
            self.service.answers[f"GET {path}"] = self._conditional
        self.unchanged = 0
        self.driver = self.connect(self.service.url)

    def _conditional(self, handler):
        if handler.headers.get("If-None-Match") == '"1"':
            self.unchanged += 1
            return handler.answer(304, b"")
        return handler.answer(200, self.service.documents[handler.path], ETag='"1"')

    def test_of_the_answer_is_told(self):
        found = case.seen(self.driver.crawl(Etags()))
        self.assertEqual(['"1"'] * 3, [each.etag for each in found.values()])

    def test_saves_reading_what_did_not_change(self):
        etags = {url: each.etag for url, each in case.seen(self.driver.crawl(Etags())).items()}
        again = list(self.driver.crawl(Etags(etags)))
        self.assertEqual([base.Unchanged(url) for url in (ONE, self.storage, self.drive)], again)
        self.assertEqual(3, self.unchanged)

    def test_is_not_used_where_it_is_forgotten_what_a_resource_leads_to(self):
        etags = dict.fromkeys((ONE, self.storage, self.drive), '"1"')
        list(self.driver.crawl(Etags()))
        self.driver._memory.forget_unused()
        again = list(self.driver.crawl(Etags(etags)))
        self.assertEqual([ONE, self.storage, self.drive], list(case.seen(again)))

    def test_that_is_not_the_one_read_last_is_not_used_for_what_leads_on(self):
        list(self.driver.crawl(Etags()))
        again = list(self.driver.crawl(Etags({ONE: '"0"', self.storage: None})))
        self.assertEqual([ONE, self.storage, self.drive], list(case.seen(again)))

    def test_is_not_trusted_for_ever(self):
        etags = dict.fromkeys((ONE, self.storage, self.drive), '"1"')
        whole = [len(case.seen(self.driver.crawl(Etags(etags)))) for _ in range(21)]
        self.assertEqual([3] + [0] * 9 + [3] + [0] * 9 + [3], whole)

    def test_of_a_removed_resource_is_forgotten(self):
        list(self.driver.crawl(Etags()))
        self.service.documents[SYSTEMS] = case.collection()
        list(self.driver.crawl(Etags()))
        self.assertEqual(1, len(self.driver._memory))


class UnreadTest(ReaderTestCase):
    def setUp(self):
        super().setUp()
        self.processors = f"{ONE}/Processors"
        self.service.documents[ONE] = system("1", Processors={"@odata.id": self.processors})

    def unread(self):
        return case.unread(self.crawl(self.service))

    def test_a_link_that_fails_protects_all_that_it_may_lead_to(self):
        for fail in (lambda: self.answer(self.processors, 500), lambda: self.cut(self.processors)):
            fail()
            (unread,) = self.unread()
            self.assertEqual((ONE, frozenset({"Processor"})), unread[:2])

    def test_a_listed_resource_that_fails_protects_itself_and_what_is_below(self):
        self.answer(TWO, 500)
        (unread,) = self.unread()
        self.assertEqual((TWO, links.TYPES_OF["System"]), unread[:2])

    def test_a_link_of_the_root_that_fails_protects_what_it_leads_to(self):
        self.answer(SYSTEMS, 200, b"<html>", Content_Type="text/html")
        (unread,) = self.unread()
        self.assertEqual(("", frozenset({"System"})), unread[:2])
        self.assertIn("text/html", unread.reason)

    def test_what_is_passed_through_protects_what_it_leads_to(self):
        chassis = "/redfish/v1/Chassis"
        self.service.documents |= {
            case.ROOT: {"Id": "Root", "Chassis": {"@odata.id": chassis}},
            chassis: case.collection(f"{chassis}/1"),
            f"{chassis}/1": {"Id": "1", "PowerSubsystem": {"@odata.id": f"{chassis}/1/PowerSubsystem"}},
        }
        self.answer(f"{chassis}/1/PowerSubsystem", 403)
        (unread,) = self.unread()
        self.assertEqual((f"{chassis}/1", frozenset({"Power Supply", "Battery"})), unread[:2])

    def test_a_dead_link_is_a_part_that_is_not_there(self):
        for status in (404, 410, 501):
            self.answer(self.processors, status)
            self.assertEqual([], self.unread(), status)

    def test_a_dead_link_of_the_root_is_a_part_that_could_not_be_read(self):
        for status in (404, 410, 501):
            self.answer("/redfish/v1/Systems", status)
            (unread,) = self.unread()
            self.assertEqual(("", frozenset({"System"}), True), (*unread[:2], unread.dead), status)

    def test_a_listed_resource_that_is_not_there_is_gone(self):
        for status in (404, 410, 501):
            self.answer(ONE, status)
            items = self.crawl(self.service)
            self.assertEqual(([TWO], []), (list(case.seen(items)), case.unread(items)), status)

    def test_a_reason_says_where_and_why(self):
        self.answer(TWO, 500, {"error": {"message": "out of memory"}})
        self.assertEqual(
            f"{TWO}: it answers 500 Internal Server Error (out of memory)", self.unread()[0].reason
        )


class UselessTest(ReaderTestCase):
    """A crawl gives up when it is the service that fails."""

    def setUp(self):
        super().setUp()
        self.names = [f"{SYSTEMS}/{number}" for number in range(200)]
        self.service.documents[SYSTEMS] = case.collection(*self.names)

    def requests(self, name):
        return self.service.count(f"GET {SYSTEMS}/{name}")

    def test_after_failures_in_a_row(self):
        for name in self.names:
            self.answer(name, 503)
        self.assertRaises(errors.PodManagerUnreachable, self.crawl, self.service)
        self.assertLess(len(self.service.requests), 10)

    def test_not_after_failures_among_successes(self):
        for number, name in enumerate(self.names):
            self.answer(name, 503) if number % 20 == 0 else self.answer(name, 200, {"Id": name})
        items = self.crawl(self.service)
        self.assertEqual((190, 10), (len(case.seen(items)), len(case.unread(items))))

    def test_after_many_failures_among_few_successes(self):
        for number, name in enumerate(self.names):
            self.answer(name, 503) if number % 3 else self.answer(name, 200, {"Id": name})
        self.assertRaises(errors.PodManagerUnreachable, self.crawl, self.service)
        self.assertLess(len(self.service.requests), 60)

    def test_not_after_errors_of_documents(self):
        for name in self.names:
            self.answer(name, 500)
        self.assertEqual(200, len(case.unread(self.crawl(self.service))))

    def test_after_credentials_are_refused(self):
        sessions = case.Sessions(self.service)
        for name in self.names:
            self.service.answers[f"GET {name}"] = lambda handler: (sessions.end(), handler.answer(401, {}))
        sign_in = self.service.answers[f"POST {case.SESSIONS}"]
        self.service.answers[f"POST {case.SESSIONS}"] = lambda handler: (
            handler.answer(401, {}) if sessions.opened else sign_in(handler)
        )
        access = {"username": "admin", "password": case.PASSWORD}
        self.assertRaises(errors.PodManagerAuthFailed, self.crawl, self.service, **access)
        self.assertLess(len(self.service.requests), 10)

    def test_not_after_documents_that_are_refused(self):
        for name in self.names:
            self.answer(name, 401)
        self.assertEqual(200, len(case.unread(self.crawl(self.service))))

    def test_not_after_one_refusal(self):
        for name in self.names:
            self.answer(name, 200, {"Id": name})
        self.answer(self.names[5], 401)
        items = self.crawl(self.service)
        self.assertEqual((199, 1), (len(case.seen(items)), len(case.unread(items))))


class PowerTest(case.RedfishTestCase):
    """Power supplies are resources of their own, or parts of an older document."""

    def setUp(self):
        super().setUp()
        self.chassis = "/redfish/v1/Chassis/1"
        self.power = f"{self.chassis}/Power"
        self.supply = {"@odata.id": f"{self.power}#/PowerSupplies/0", "MemberId": "0", "SerialNumber": "S1"}
        self.service = self.serve(
            {
                "/redfish/v1/Chassis": case.collection(self.chassis),
                self.chassis: {"Id": "1", "Power": {"@odata.id": self.power}},
                self.power: {"Id": "Power", "PowerSupplies": [self.supply]},
            }
        )

    def supplies(self):
        found = case.seen(self.crawl(self.service)).values()
        return [each for each in found if each.resource_type == "Power Supply"]

    def test_parts_are_known_by_their_fragment(self):
        (supply,) = self.supplies()
        self.assertEqual(
            (f"{self.power}#/PowerSupplies/0", self.chassis, "S1"), (supply[0], supply[2], supply.identity)
        )

    def test_parts_can_be_read(self):
        driver = self.connect(self.service.url)
        self.assertEqual("S1", driver.read(f"{self.power}#/PowerSupplies/0")["SerialNumber"])

    def test_parts_without_an_id_of_their_own_are_known_by_their_place(self):
        self.service.documents[self.power]["PowerSupplies"] = [
            {"MemberId": "0"},
            {"@odata.id": self.power, "MemberId": "1"},
            {"Name": "Third"},
            {"OtherProperty": 1},
        ]
        self.assertEqual(
            [f"{self.power}#/PowerSupplies/{number}" for number in range(3)],
            [each.resource_url for each in self.supplies()],
        )

    def test_the_older_document_is_not_read_beside_the_newer(self):
        subsystem = f"{self.chassis}/PowerSubsystem"
        self.service.documents[self.chassis]["PowerSubsystem"] = {"@odata.id": subsystem}
        self.service.documents |= {
            subsystem: {"Id": "PowerSubsystem", "PowerSupplies": {"@odata.id": f"{subsystem}/PowerSupplies"}},
            f"{subsystem}/PowerSupplies": case.collection(f"{subsystem}/PowerSupplies/1"),
            f"{subsystem}/PowerSupplies/1": {"Id": "1"},
        }
        self.assertEqual([f"{subsystem}/PowerSupplies/1"], [each.resource_url for each in self.supplies()])
