# SPDX-License-Identifier: Apache-2.0
"""Acceptance: SIGTERM answers what was asked and hands back what runs."""

import concurrent.futures
import socket
import time

from tests import clock
from tests.functional import acceptance

SYSTEMS = 100
#: seconds that a conductor may take to stop whatever it waits for
STOPPED = 10


class APITest(acceptance.AcceptanceCase):
    def test_a_request_in_flight_is_answered(self):
        simulator = self.simulate(systems=2)
        system = self.register(simulator) and self.client.rows("/v1/systems")[0]
        simulator.control.patch("/simulator/faults", {"latency": 1500})
        asked = simulator.control.get("/simulator/stats")["requests"]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            answer = pool.submit(self.client.request, "GET", f"/v1/systems/{system['uuid']}?detail=true")
            self.wait_for(lambda: simulator.control.get("/simulator/stats")["requests"] > asked)
            self.assertEqual(0, self.valence.api.stop())
        self.assertEqual(200, answer.result().status_code, answer.result().text)
        self.assertEqual(system["resource_url"], answer.result().json()["detail"]["@odata.id"])


class HandedBackCase(acceptance.AcceptanceCase):
    options = {"sync": {"interval": 600, "batch": 50}}

    def begin_to_synchronize(self):
        """Register a pod, and return its pod manager when its synchronization has begun to store."""
        simulator = self.simulate(systems=SYSTEMS, expand=False, latency=5)
        pod_manager = self.valence.register("simulator", simulator.root, **acceptance.CREDENTIALS)
        self.wait_for_events(1, "valence.resource.added")
        return pod_manager

    def operation(self):
        [operation] = self.client.rows("/v1/operations")
        return operation

    def assert_is_done_by(self, conductor, pod_manager):
        self.wait_for(lambda: self.operation()["state"] == "succeeded", 60, lambda: str(self.operation()))
        self.assertEqual(conductor, self.operation()["conductor"])
        self.assertEqual(SYSTEMS, self.counts(pod_manager)["System"])
        self.assert_every_resource_was_told_once()


class RestartTest(HandedBackCase):
    def test_a_conductor_hands_its_work_back_and_does_it_when_it_is_there_again(self):
        pod_manager = self.begin_to_synchronize()
        self.assertEqual(0, self.valence.conductor.stop())
        self.valence.conductor.start()
        self.valence.wait_until_ready()
        self.assertIn(self.operation()["state"], ("pending", "running"))
        self.assert_is_done_by("conductor-1", pod_manager)


class TakeOverTest(HandedBackCase):
    conductors = 2

    def test_another_conductor_does_what_the_first_hands_back(self):
        pod_manager = self.begin_to_synchronize()
        first = self.operation()["conductor"]
        worker, other = sorted(self.valence.conductors, key=lambda each: each.name != first)
        self.assertEqual(0, worker.stop())
        self.assert_is_done_by(other.name, pod_manager)

    def test_another_conductor_does_what_a_killed_one_left(self):
        pod_manager = self.begin_to_synchronize()
        first = self.operation()["conductor"]
        worker, other = sorted(self.valence.conductors, key=lambda each: each.name != first)
        worker.kill()
        self.assert_is_done_by(other.name, pod_manager)


class HungTest(acceptance.AcceptanceCase):
    """Six pod managers that take connections and never answer."""

    options = {"redfish": {"connect_timeout": 60, "read_timeout": 60}}

    def setUp(self):
        super().setUp()
        self.sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(6)]
        for each in self.sockets:
            self.addCleanup(each.close)
            url = f"http://127.0.0.1:{each.getsockname()[1]}/redfish/v1"
            self.valence.register(f"hung-{each.getsockname()[1]}", url, **acceptance.CREDENTIALS)
        for each in self.sockets:
            each.settimeout(60)
            self.addCleanup(each.accept()[0].close)  # now the conductor waits for an answer of each

    def test_a_conductor_that_waits_for_hardware_stops_in_time(self):
        began = clock.seconds()
        self.assertEqual(0, self.valence.conductor.stop())
        self.assert_in_time(clock.seconds() - began, STOPPED)
        self.assertEqual({"pending", "running"}, {"pending", "running"} | self.states())

    def test_a_second_signal_ends_it_at_once(self):
        self.valence.conductor.terminate()
        time.sleep(0.2)
        began = clock.seconds()
        self.valence.conductor.terminate()
        self.valence.conductor.wait()
        self.assert_in_time(clock.seconds() - began, 5)

    def states(self):
        self.valence.conductor.start()
        self.valence.wait_until_ready()
        return {operation["state"] for operation in self.client.rows("/v1/operations")}
