# SPDX-License-Identifier: Apache-2.0
"""Acceptance: a change of the hardware reaches consumers on the bus at once where pod managers tell of it."""

from tests import bus_listener
from tests import latency
from tests.functional import acceptance

CHANGES = 200
#: seconds between two synchronizations where there are no events
INTERVAL = 4
#: and the second in which work is looked for, the synchronization itself, and the publication
SLACK = 2


class HardwareEventCase(acceptance.AcceptanceCase):
    options = {
        "sync": {"interval": 600, "min_interval": 600},
        "events": {"host": "127.0.0.1", "port": 0},
    }
    pod: dict = {}

    def setUp(self):
        super().setUp()
        self.simulator = self.simulate(systems=8, **self.pod)
        self.podm = self.register(self.simulator)
        self.listener = self.useFixture(bus_listener.BusListener(self.valence.transport_url))

    def wait_for_subscribers(self, number=1, seconds=20):
        self.wait_for(lambda: self.subscribers() == number, seconds, lambda: str(self.subscribers()))

    def subscribers(self):
        return self.simulator.control.get("/simulator/stats")["subscriptions"]

    def stopwatch(self):
        systems = {
            row["resource_url"].rpartition("/")[2]: row["uuid"] for row in self.client.rows("/v1/systems")
        }
        return latency.Stopwatch(self.simulator, self.listener, systems)

    def assert_is_told_at_once(self):
        """Check, and print, how long changes take until a consumer knows of them."""
        self.wait_for_subscribers()
        stopwatch = self.stopwatch()
        stopwatch.measure(1, limit=20)  # whatever is due after the subscription is over then
        seconds = stopwatch.measure(CHANGES, limit=5, pause=0.02)
        print(f"{type(self).__name__}: {latency.summary(seconds)}", flush=True)
        self.assert_in_time(latency.quantile(seconds, 0.99), SLACK)


class PostTest(HardwareEventCase):
    def test_an_event_that_is_posted(self):
        self.assert_is_told_at_once()
        self.assert_everything_was_published()

    def test_after_a_crash_the_successor_subscribes_and_removes_what_was_left(self):
        self.wait_for_subscribers()
        before = self.destinations()
        self.valence.conductor.kill()
        self.valence.conductor.start()
        self.wait_for(lambda: self.destinations() and self.destinations().isdisjoint(before), 30)
        self.wait_for_subscribers()
        self.stopwatch().measure(3, limit=20)

    def test_nothing_is_left_on_the_pod_manager_when_valence_ends_or_lets_it_go(self):
        self.wait_for_subscribers()
        self.assertEqual(0, self.valence.conductor.stop())
        self.wait_for_subscribers(0)
        self.valence.conductor.start()
        self.wait_for_subscribers(1)
        self.valence.wait_until_ready()
        path = f"/v1/pod_managers/{self.podm['uuid']}"
        self.assertTrue(self.client.request("DELETE", path).ok)
        self.wait_for_subscribers(0)

    def destinations(self):
        service = f"{self.simulator.root}/EventService/Subscriptions"
        access = {"auth": tuple(acceptance.CREDENTIALS.values())}
        members = self.client.request("GET", service, **access).json()["Members"]
        base = self.simulator.root.removesuffix("/redfish/v1")
        answers = [self.client.request("GET", base + each["@odata.id"], **access) for each in members]
        return {
            each.json()["Destination"] for each in answers if each.status_code != 404
        }  # removed meanwhile


class OldPostTest(HardwareEventCase):
    pod = {"event_types": True, "event_stream": False, "expand": False, "etags": False}

    def test_an_event_of_a_service_from_before_2018(self):
        self.assert_is_told_at_once()


class StreamTest(HardwareEventCase):
    options = {"sync": {"interval": 600, "min_interval": 600}}

    def test_an_event_of_a_stream(self):
        self.assert_is_told_at_once()


class PollingTest(HardwareEventCase):
    options = {"sync": {"interval": INTERVAL}}
    pod = {"events": False}

    def test_without_events_a_change_is_told_within_one_interval(self):
        seconds = self.stopwatch().measure(10, limit=20, pause=0.3)
        print(f"{type(self).__name__}: {latency.summary(seconds)}", flush=True)
        self.assert_in_time(max(seconds), INTERVAL + SLACK)
