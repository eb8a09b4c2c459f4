# SPDX-License-Identifier: Apache-2.0
"""Subscriptions: events reach who wants them, by POST and by stream."""

import json

import requests

from tests import event_receiver
from tests.unit.simulator import case

SUBSCRIPTIONS = "EventService/Subscriptions"
STREAM = "EventService/SSE"


class SubscriptionCase(case.SimulatorTestCase):
    def setUp(self):
        super().setUp()
        self.receiver = self.useFixture(event_receiver.EventReceiver())

    def subscribe(self, status=201, **values):
        body = {"Destination": self.receiver.url, "Protocol": "Redfish", "Context": "mine"} | values
        answer = self.call("POST", SUBSCRIPTIONS, json=body)
        self.assertEqual(status, answer.status_code, answer.text)
        return answer.headers.get("Location", "").removeprefix("/redfish/v1/")

    def subscribers(self):
        return self.simulator.stats()["subscriptions"]

    def wait_for_records(self, number=1):
        self.wait_for(lambda: len(self.receiver.records) >= number)
        return self.receiver.records

    def origins(self):
        return [record["OriginOfCondition"]["@odata.id"] for record in self.receiver.records]


class DeliveryTest(SubscriptionCase):
    options = {"event_retry_seconds": 0.05}

    def test_a_change_is_posted_with_its_origin_and_the_context(self):
        self.subscribe()
        self.simulator.set_health("System1", "Critical")
        records = self.wait_for_records()
        self.assertEqual("/redfish/v1/Systems/System1", self.origins()[0])
        self.assertEqual("ResourceEvent.1.4.ResourceChanged", records[0]["MessageId"])
        self.assertEqual("mine", self.receiver.payloads[0]["Context"])

    def test_power_that_takes_time_is_told_step_by_step(self):
        simulator = self.simulator = self.start(power_seconds=0.1)
        self.subscribe()
        self.call("POST", "Systems/System1/Actions/ComputerSystem.Reset", json={"ResetType": "ForceOff"})
        self.wait_for_records(4)
        self.assertEqual(2, self.origins().count("/redfish/v1/Systems/System1"))
        self.assertEqual("Off", self.system()["PowerState"])
        self.assertEqual(1, simulator.stats()["subscriptions"])

    def test_systems_that_come_and_go_are_told(self):
        self.subscribe()
        self.simulator.remove_system("System3")
        self.simulator.move_system("System1", "Blade")
        records = self.wait_for_records(3)
        self.assertEqual(
            [("ResourceRemoved", "System3"), ("ResourceRemoved", "System1"), ("ResourceAdded", "Blade")],
            [
                (each["EventType"], each["OriginOfCondition"]["@odata.id"].rpartition("/")[2])
                for each in records
            ],
        )

    def test_composing_is_told_of_the_system_and_its_blocks(self):
        self.simulator = self.start(racks=1, compute_blocks=1, event_retry_seconds=0.05)
        self.subscribe()
        block = "/redfish/v1/CompositionService/ResourceBlocks/Rack1-Compute1"
        body = {"Name": "mine", "Links": {"ResourceBlocks": [{"@odata.id": block}]}}
        path = self.call("POST", "Systems", json=body).headers["Location"]
        self.wait_for(lambda: ("ResourceAdded", path) in self.told())
        self.wait_for(lambda: self.told()[-1] == ("ResourceUpdated", path))
        self.assertIn(("ResourceUpdated", block), self.told())
        self.receiver.payloads.clear()
        self.call("DELETE", path.removeprefix("/redfish/v1/"))
        self.wait_for(lambda: ("ResourceRemoved", path) in self.told())
        self.assertIn(("ResourceUpdated", block), self.told())

    def told(self):
        return [(each["EventType"], each["OriginOfCondition"]["@odata.id"]) for each in self.receiver.records]

    def test_a_subscriber_gets_only_what_it_asked_for(self):
        self.subscribe(ResourceTypes=["Chassis"])
        self.subscribe(EventTypes=["ResourceRemoved"])
        self.subscribe(RegistryPrefixes=["Other"])
        self.simulator.set_health("System1", "Warning")
        self.simulator.remove_system("System8")
        self.wait_for_records(2)
        self.assertEqual({"Rack1-Sled1", "System8"}, {each.rpartition("/")[2] for each in self.origins()})

    def test_what_is_not_taken_is_sent_again_and_then_no_more(self):
        self.receiver.status = 503
        self.subscribe()
        self.simulator.set_health("System1", "Warning")
        self.wait_for(lambda: self.subscribers() == 0)
        self.assertEqual(3, self.receiver.posts)

    def test_after_deletion_nothing_is_sent(self):
        other = self.useFixture(event_receiver.EventReceiver())
        path = self.subscribe()
        self.subscribe(Destination=other.url)
        self.call("DELETE", path)
        self.simulator.set_health("System1", "Warning")
        self.wait_for(lambda: other.payloads)
        self.assertEqual([], self.receiver.payloads)

    def test_subscriptions_outlive_a_restart(self):
        self.subscribe()
        self.simulator.set_health("System1", "Warning")
        self.wait_for_records(1)
        self.simulator.stop()
        self.simulator.start()
        self.simulator.set_health("System1", "OK")
        self.wait_for_records(4)


class OldStyleTest(SubscriptionCase):
    options = {"event_types": True}

    def test_event_types_are_required_and_registries_unknown(self):
        self.assertNotIn("RegistryPrefixes", self.get("EventService").json())
        self.subscribe(400)
        self.subscribe(400, RegistryPrefixes=["ResourceEvent"], EventTypes=["ResourceUpdated"])
        self.subscribe(201, EventTypes=["ResourceUpdated"])


class StreamTest(SubscriptionCase):
    def open(self):
        url = f"{self.simulator.url}/redfish/v1/{STREAM}"
        answer = requests.get(url, stream=True, auth=("admin", "password"), timeout=60)
        self.addCleanup(answer.close)
        self.assertEqual("text/event-stream", answer.headers["Content-Type"])
        self.wait_for(self.subscribers)
        return answer

    def listen(self):
        return self.open().iter_lines(chunk_size=1)

    def test_events_come_as_they_happen(self):
        lines = self.listen()
        self.simulator.set_health("System1", "Warning")
        data = next(line for line in lines if line.startswith(b"data:"))
        payload = json.loads(data.removeprefix(b"data:"))
        origin = payload["Events"][0]["OriginOfCondition"]["@odata.id"]
        self.assertEqual("/redfish/v1/Systems/System1", origin)

    def test_deleting_its_subscription_closes_it(self):
        lines = self.listen()
        [member] = self.get(SUBSCRIPTIONS).json()["Members"]
        self.call("DELETE", member["@odata.id"].removeprefix("/redfish/v1/"))
        self.assertEqual([], [line for line in lines if line.startswith(b"data:")])

    def test_who_listens_may_go_away_while_events_come(self):
        for health in ("Warning", "Critical", "OK"):
            gone = self.open()
            gone.close()
            for number in range(1, 4):
                self.simulator.set_health(f"System{number}", health)
            self.wait_for(lambda: not self.subscribers())
        self.assertNotIn("Traceback", self.log.output)

    def test_it_does_not_keep_the_simulator_from_stopping(self):
        lines = self.listen()
        self.simulator.stop()
        self.assertEqual([], [line for line in lines if line.startswith(b"data:")])

    def test_nobody_listens_without_signing_in(self):
        url = f"{self.simulator.url}/redfish/v1/{STREAM}"
        self.assertEqual(401, requests.get(url, timeout=60).status_code)


class WithoutTest(case.SimulatorTestCase):
    options = {"events": False}

    def test_there_may_be_no_event_service(self):
        self.assertNotIn("EventService", self.get("").json())
        self.assertEqual(404, self.get("EventService").status_code)
        self.assertEqual(404, self.get(STREAM).status_code)
