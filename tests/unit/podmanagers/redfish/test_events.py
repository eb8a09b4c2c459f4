# SPDX-License-Identifier: Apache-2.0
"""Events of Redfish services: subscriptions in both styles, streams, and what events hint at."""

import contextlib
import threading

from tests import embedded
from tests import event_receiver
from tests.unit.podmanagers import case
from valence.common import errors
from valence.podmanagers import base
from valence.podmanagers.base import Etags

SYSTEM = "/redfish/v1/Systems/System1"
CONTEXT = "valence:1"


class SimulatedCase(case.RedfishTestCase):
    def simulate(self, **options):
        self.simulator = self.useFixture(embedded.Pod(**options)).simulator
        return self.connect_simulator()

    def connect_simulator(self, **values):
        access = {"username": "admin", "password": "password"} | values
        return self.connect(f"{self.simulator.url}/redfish/v1", **access)

    def subscribers(self):
        return self.simulator.stats()["subscriptions"]


class WaysTest(SimulatedCase):
    def test_what_is_offered(self):
        self.assertEqual({base.PUSH, base.STREAM}, self.simulate().ways())
        self.assertEqual({base.PUSH}, self.simulate(event_stream=False).ways())
        self.assertEqual(set(), self.simulate(events=False).ways())

    def test_a_service_that_is_disabled_offers_nothing(self):
        path = "/redfish/v1/EventService"
        document = {"ServiceEnabled": False, "Subscriptions": {"@odata.id": f"{path}/Subscriptions"}}
        self.assertEqual(set(), self.connect(self.serve({path: document}).url).ways())


class SubscriptionTest(SimulatedCase):
    def setUp(self):
        super().setUp()
        self.receiver = self.useFixture(event_receiver.EventReceiver())

    def test_events_are_posted_whichever_style_the_service_knows(self):
        for options in ({}, {"event_types": True}):
            driver = self.simulate(**options)
            driver.subscribe(self.receiver.url, CONTEXT)
            self.assertTrue(driver.is_subscribed())
            self.simulator.set_health("System1", "Warning")
            self.wait_for(lambda: self.receiver.payloads)
            payload = self.receiver.payloads.pop()
            self.assertEqual(CONTEXT, payload["Context"])
            self.assertIn(base.Hint(SYSTEM, False), driver.hints(payload))

    def test_what_was_left_from_before_is_removed_and_nothing_else(self):
        driver = self.simulate()
        driver.subscribe(self.receiver.url, "somebody else's")
        self.connect_simulator().subscribe(self.receiver.url, CONTEXT)
        self.connect_simulator().subscribe(self.receiver.url, CONTEXT)
        self.assertEqual(2, self.subscribers())
        self.assertTrue(driver.is_subscribed())

    def test_closing_ends_it(self):
        driver = self.simulate()
        driver.subscribe(self.receiver.url, CONTEXT)
        driver.close()
        self.assertEqual((0, 0), (self.subscribers(), self.simulator.stats()["sessions"]))

    def test_one_that_the_service_dropped_is_noticed(self):
        driver = self.simulate(event_retry_seconds=0.01)
        self.receiver.status = 500
        driver.subscribe(self.receiver.url, CONTEXT)
        self.simulator.set_health("System1", "Warning")
        self.wait_for(lambda: not self.subscribers())
        self.assertFalse(driver.is_subscribed())

    def test_it_signs_in_again_where_its_session_ended(self):
        driver = self.simulate()
        driver.root()
        self.simulator.end_sessions()
        driver.subscribe(self.receiver.url, CONTEXT)
        self.assertEqual(1, self.subscribers())

    def test_a_service_without_events_says_so(self):
        driver = self.simulate(events=False)
        self.assertRaises(errors.PodManagerError, driver.subscribe, self.receiver.url, CONTEXT)
        self.assertRaises(errors.PodManagerError, driver.listen)
        self.assertFalse(driver.is_subscribed())
        driver.unsubscribe()


class SubscriptionFormTest(case.RedfishTestCase):
    """Services answer to a subscription in many forms; whichever it is, there is one afterwards and none at the end."""

    SUBSCRIPTIONS = "/redfish/v1/EventService/Subscriptions"
    DESTINATION = "http://127.0.0.1:9/events/secret"

    def setUp(self):
        super().setUp()
        service = {
            "@odata.id": "/redfish/v1/EventService",
            "Subscriptions": {"@odata.id": self.SUBSCRIPTIONS},
        }
        self.service = self.serve({"/redfish/v1/EventService": service, self.SUBSCRIPTIONS: {}})
        self.there, self.number = {}, 0
        self.status, self.body, self.location, self.member = 201, b"", "{path}", "{path}"
        self.shown = {"Destination", "Context"}
        self.service.answers[f"POST {self.SUBSCRIPTIONS}"] = self.post
        self.service.answers[f"GET {self.SUBSCRIPTIONS}"] = self.list
        self.driver = self.connect(self.service.url)

    def add(self, **document):
        self.number += 1
        path = f"{self.SUBSCRIPTIONS}/{self.number}"
        self.there[path] = document
        for form in (path, f"{path}/"):
            self.service.answers[f"GET {form}"] = lambda handler: self.show(handler, path)
            self.service.answers[f"DELETE {form}"] = lambda handler: (
                self.there.pop(path, None),
                handler.answer(204, b""),
            )
        return path

    def post(self, handler):
        path = self.add(**handler.body)
        headers = {} if self.location is None else {"Location": self.location.format(path=path)}
        body = self.body.replace(b"PATH", path.encode())
        handler.answer(self.status, body, **headers)

    def show(self, handler, path):
        if path not in self.there:
            return handler.answer(404, {})
        return handler.answer(
            200, {n: v for n, v in self.there[path].items() if n in self.shown} | {"Id": "1"}
        )

    def list(self, handler):
        handler.answer(200, case.collection(*(self.member.format(path=path) for path in self.there)))

    def check(self, message=""):
        other = self.add(Destination="http://elsewhere/", Context="somebody else's")
        self.add(Destination="http://127.0.0.1:9/events/old", Context=CONTEXT)
        self.driver.subscribe(self.DESTINATION, CONTEXT)
        destinations = {each["Destination"] for each in self.there.values()}
        self.assertEqual({"http://elsewhere/", self.DESTINATION}, destinations, message)
        self.assertEqual(2, len(self.there), message)
        self.assertTrue(self.driver.is_subscribed(), message)
        self.driver.unsubscribe()
        self.assertEqual([other], list(self.there), message)
        self.there.clear()

    def test_every_form_of_a_location(self):
        for location in (
            "{path}",
            "{path}/",
            "https://bmc.example{path}",
            "https://bmc.example:8443{path}/",
            "Subscriptions/x",
            "/redfish/v1/EventService/Subscriptions/999",
            "https://sso.example/login",
            "",
            "http://[",
            "\xe9",
            None,
        ):
            self.location = location
            for member in ("{path}", "{path}/", "https://bmc.example{path}"):
                self.member = member
                self.check((location, member))

    def test_a_relative_location(self):
        for location in (
            "Subscriptions/{number}",
            "{number}",
            "redfish/v1/EventService/Subscriptions/{number}",
        ):
            self.location = location.format(number=self.number + 3)
            self.check(location)

    def test_every_body(self):
        self.location = None
        for body in (
            b"",
            b"null",
            b"[]",
            b'""',
            b"{}",
            b"<html>",
            b'{"@odata.id": 7}',
            b'{"@odata.id": "PATH/"}',
        ):
            self.body = body
            self.check(body)

    def test_a_location_where_destinations_and_contexts_are_not_shown(self):
        self.shown = set()
        self.driver.subscribe(self.DESTINATION, CONTEXT)
        self.assertTrue(self.driver.is_subscribed())
        self.driver.unsubscribe()
        self.assertEqual({}, self.there)

    def test_without_a_location_the_context_is_enough(self):
        self.location, self.shown = None, {"Context"}
        self.driver.subscribe(self.DESTINATION, CONTEXT)
        self.driver.unsubscribe()
        self.assertEqual({}, self.there)

    def test_one_that_cannot_be_found_is_not_made_again(self):
        self.location = None
        self.service.answers[f"GET {self.SUBSCRIPTIONS}"] = lambda handler: handler.answer(405, {})
        self.driver.subscribe(self.DESTINATION, CONTEXT)
        self.assertTrue(self.driver.is_subscribed())
        self.driver.unsubscribe()
        self.assertFalse(self.driver.is_subscribed())

    def test_retries_leave_none_behind(self):
        self.location = None
        for status in (500, 504):
            for _ in range(3):
                self.status = status
                with contextlib.suppress(errors.PodManagerError):
                    self.driver.subscribe(f"{self.DESTINATION}{self.number}", CONTEXT)
                self.driver.unsubscribe()
            self.status = 201
            self.check(status)

    def test_a_retry_waits_until_the_others_can_be_listed(self):
        self.location = None
        self.service.answers[f"GET {self.SUBSCRIPTIONS}"] = lambda handler: handler.answer(503, {})
        for _ in range(4):
            self.assertRaises(errors.PodManagerUnreachable, self.driver.subscribe, self.DESTINATION, CONTEXT)
        self.assertEqual(1, len(self.there))
        self.service.answers[f"GET {self.SUBSCRIPTIONS}"] = self.list
        self.check()

    def test_an_id_that_is_somebody_elses_by_now_is_neither_trusted_nor_deleted(self):
        self.driver.subscribe(self.DESTINATION, CONTEXT)
        [path] = self.there
        self.there[path] = {"Destination": "http://elsewhere/", "Context": "somebody else's"}
        self.assertFalse(self.driver.is_subscribed())
        self.driver.unsubscribe()
        self.assertEqual([path], list(self.there))

    def test_a_collection_in_pages_is_read_to_its_end(self):
        self.location = None
        following = f"{self.SUBSCRIPTIONS}?$skip=1"
        self.service.answers[f"GET {self.SUBSCRIPTIONS}"] = lambda handler: handler.answer(
            200,
            case.collection(*list(self.there)[:1], **{"Members@odata.nextLink": following}),
        )
        self.service.answers[f"GET {following}"] = lambda handler: handler.answer(
            200, case.collection(*list(self.there)[1:])
        )
        self.check()


class StreamTest(SimulatedCase):
    def listen(self, driver):
        """Listen in a thread; return the list to which hints are added, and the thread."""
        heard = []

        def run():
            for payload in driver.listen():
                heard.extend(driver.hints(payload))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self.wait_for(self.subscribers)
        return heard, thread

    def test_events_are_heard(self):
        driver = self.simulate()
        heard, _ = self.listen(driver)
        self.simulator.set_health("System1", "Warning")
        self.wait_for(lambda: base.Hint(SYSTEM, False) in heard)

    def test_over_tls_as_well(self):
        folder = self.make_folder()
        driver = self.simulate(tls=str(folder))
        driver = self.connect_simulator(verify_ca=self.simulator.certificate)
        heard, thread = self.listen(driver)
        self.simulator.set_health("System1", "Warning")
        self.wait_for(lambda: base.Hint(SYSTEM, False) in heard)
        driver.unsubscribe()
        thread.join(60)
        self.assertFalse(thread.is_alive())

    def test_unsubscribing_and_closing_end_it_at_once(self):
        for end in ("unsubscribe", "close"):
            driver = self.simulate()
            _, thread = self.listen(driver)
            getattr(driver, end)()
            thread.join(60)
            self.assertFalse(thread.is_alive(), end)
            self.wait_for(lambda: not self.subscribers())

    def test_it_ends_with_the_service(self):
        _, thread = self.listen(self.simulate())
        self.simulator.stop()
        thread.join(60)
        self.assertFalse(thread.is_alive())

    def test_it_signs_in_again_where_its_session_ended(self):
        driver = self.simulate()
        driver.root()
        self.simulator.end_sessions()
        self.listen(driver)

    def test_a_refusal_and_a_dead_service_are_told(self):
        driver = self.simulate()
        driver.root()
        self.simulator.set_faults(error_rate=1.0, fault_paths="SSE")
        self.assertRaises(errors.PodManagerError, driver.listen)
        self.simulator.stop()
        self.assertRaises(errors.PodManagerUnreachable, driver.listen)


class LookTest(SimulatedCase):
    def test_a_resource_is_seen_as_a_crawl_sees_it(self):
        driver = self.simulate(racks=1, systems=1)
        for seen in case.seen(driver.crawl(Etags())).values():
            looked = driver.look(seen.resource_url, seen.resource_type, seen.parent)
            self.assertEqual(seen, looked)

    def test_what_is_gone_is_gone(self):
        self.assertRaises(errors.ResourceGone, self.simulate().look, SYSTEM + "9", "System", "")


class HintTest(case.RedfishTestCase):
    def setUp(self):
        super().setUp()
        self.driver = self.connect("http://127.0.0.1:1/redfish/v1")

    def hints(self, *records):
        return self.driver.hints({"Events": list(records)})

    def test_old_and_new_forms_of_the_origin(self):
        for origin in (SYSTEM, {"@odata.id": SYSTEM}, {"@odata.id": f"{SYSTEM}/#/Status"}, f"{SYSTEM}/"):
            self.assertEqual([base.Hint(SYSTEM, False)], self.hints({"OriginOfCondition": origin}))

    def test_what_comes_and_goes_is_structural(self):
        for record in (
            {"EventType": "ResourceAdded"},
            {"MessageId": "ResourceEvent.1.2.ResourceRemoved"},
            {"MessageId": "ResourceEvent.1.2.URIForResourceChanged", "EventType": "Other"},
        ):
            self.assertEqual(
                [base.Hint(SYSTEM, True)], self.hints({"OriginOfCondition": {"@odata.id": SYSTEM}} | record)
            )

    def test_the_same_twice_is_one(self):
        self.assertEqual(1, len(self.hints(*[{"OriginOfCondition": SYSTEM}] * 5)))

    def test_what_is_elsewhere_or_of_no_interest_is_none(self):
        for origin in (
            "/redfish/v1/SessionService/Sessions/1",
            "/redfish/v1",
            "http://other/Systems/1",
            "/redfish/v1/../Systems/1",
            "//x/redfish/v1/Systems/1",
            7,
            None,
            [],
            {"@odata.id": 7},
        ):
            self.assertEqual([], self.hints({"OriginOfCondition": origin}), origin)

    def test_an_origin_by_another_name_of_the_host_is_its_path(self):
        for origin in (f"https://bmc.example{SYSTEM}", SYSTEM[1:], f"http://127.0.0.1:1{SYSTEM}/"):
            self.assertEqual([base.Hint(SYSTEM, False)], self.hints({"OriginOfCondition": origin}), origin)

    def test_names_in_another_case_are_those_of_the_standard_but_may_be_wrong(self):
        path = f"{SYSTEM}/Processors/cpu1"
        for origin in (
            path.replace("Systems", "systems").replace("Processors", "PROCESSORS"),
            "/REDFISH" + path[8:],
        ):
            self.assertEqual(
                [base.Hint(path, False, True)], self.hints({"OriginOfCondition": origin}), origin
            )

    def test_an_entry_of_a_log_does_not_name_the_resource(self):
        origin = "/redfish/v1/Managers/1/LogServices/Sel/Entries/7"
        self.assertEqual([base.Hint(origin, False, True)], self.hints({"OriginOfCondition": origin}))

    def test_an_alert_without_an_origin_may_be_about_anything(self):
        for record in (
            {"EventType": "Alert", "MessageId": "IDRAC.2.1.SYS1001"},
            {"EventType": "StatusChange", "OriginOfCondition": None},
            {"MessageId": "Base.1.0.Success"},
        ):
            self.assertEqual([base.Hint("", False, True)], self.hints(record), record)

    def test_other_events_without_an_origin_are_about_nothing(self):
        for record in (
            {"EventType": "Other", "MessageId": "a"},
            {"EventType": "MetricReport"},
            {"MessageId": 7},
            {},
        ):
            self.assertEqual([], self.hints(record), record)

    def test_garbage_is_none(self):
        for payload in (
            None,
            [],
            "x",
            7,
            {},
            {"Events": None},
            {"Events": {}},
            {"Events": [None, 7, [], {}]},
        ):
            self.assertEqual([], self.driver.hints(payload), payload)
