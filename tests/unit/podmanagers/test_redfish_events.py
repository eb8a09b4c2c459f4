# SPDX-License-Identifier: Apache-2.0
"""Events of Redfish services: subscriptions in both styles, streams, and what events hint at."""

import threading

from tests import embedded
from tests import event_receiver
from tests.unit.podmanagers import case
from valence.common import errors
from valence.podmanagers import base

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
        thread.join(5)
        self.assertFalse(thread.is_alive())

    def test_unsubscribing_and_closing_end_it_at_once(self):
        for end in ("unsubscribe", "close"):
            driver = self.simulate()
            _, thread = self.listen(driver)
            getattr(driver, end)()
            thread.join(5)
            self.assertFalse(thread.is_alive(), end)
            self.wait_for(lambda: not self.subscribers())

    def test_it_ends_with_the_service(self):
        _, thread = self.listen(self.simulate())
        self.simulator.stop()
        thread.join(5)
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
        for seen in case.seen(driver.crawl({})).values():
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
