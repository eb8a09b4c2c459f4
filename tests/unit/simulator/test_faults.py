# SPDX-License-Identifier: Apache-2.0
"""Faults, as clients meet them, and requests that are held: before they are done, after that, or without a client."""

import socket
import time

import requests

from tests.unit.simulator import case

RESET = "Systems/System1/Actions/ComputerSystem.Reset"
BODY = b'{"ResetType": "ForceOff"}'


class FaultTest(case.SimulatorTestCase):
    def statuses(self, count=30):
        return [self.get("Systems").status_code for _ in range(count)]

    def test_latency(self):
        self.simulator.set_faults(latency=80)
        start = time.monotonic()
        self.get("Systems")
        self.assertGreaterEqual(time.monotonic() - start, 0.08)

    def test_errors_are_of_both_kinds_and_say_when_to_come_back(self):
        self.simulator.set_faults(error_rate=1.0, retry_after=7)
        answers = [self.get("Systems") for _ in range(20)]
        self.assertEqual({500, 503}, {answer.status_code for answer in answers})
        self.assertEqual(
            {"7"}, {answer.headers["Retry-After"] for answer in answers if answer.status_code == 503}
        )

    def test_the_seed_decides_which_requests_fail(self):
        courses = []
        for seed in (1, 1, 2):
            self.simulator = self.start(error_rate=0.3, seed=seed)
            courses.append(self.statuses())
        self.assertEqual(courses[0], courses[1])
        self.assertNotEqual(courses[0], courses[2])
        self.assertIn(200, courses[0])

    def test_a_connection_cut_in_the_middle(self):
        self.simulator.set_faults(cut_rate=1.0)
        self.assertRaises(
            (requests.ConnectionError, requests.exceptions.ChunkedEncodingError), self.get, "Systems"
        )

    def test_half_a_document(self):
        self.simulator.set_faults(truncate_rate=1.0)
        answer = self.get("Systems")
        self.assertEqual((200, "application/json"), (answer.status_code, answer.headers["Content-Type"]))
        self.assertRaises(ValueError, answer.json)

    def test_a_web_page(self):
        self.simulator.set_faults(html_rate=1.0)
        answer = self.get("Systems")
        self.assertEqual(
            (200, "text/html; charset=utf-8"), (answer.status_code, answer.headers["Content-Type"])
        )

    def test_no_answer(self):
        self.simulator.set_faults(hang_rate=1.0)
        url = f"{self.simulator.url}/redfish/v1"
        self.assertRaises(requests.ReadTimeout, requests.get, url, timeout=0.2)

    def test_dead_links_are_always_the_same(self):
        self.simulator.set_faults(dead_rate=0.5)
        paths = [f"Systems/System{number}/{part}" for number in range(1, 9) for part in ("Memory", "Storage")]
        first, second = ([self.get(path).status_code for path in paths] for _ in range(2))
        self.assertEqual(first, second)
        self.assertEqual({200, 404, 501}, set(first))
        self.assertEqual(200, self.get("Systems").status_code)

    def test_faults_at_some_paths_only(self):
        self.simulator.set_faults(error_rate=1.0, fault_paths="/System2(/|$)")
        self.assertEqual(200, self.get("Systems/System1").status_code)
        self.assertGreaterEqual(self.get("Systems/System2/Memory").status_code, 500)
        self.assertEqual(200, self.get("Systems").status_code)

    def test_they_end_when_asked_to(self):
        self.simulator.set_faults(error_rate=1.0)
        self.simulator.set_faults()
        self.assertEqual({200}, set(self.statuses(5)))

    def test_an_impossible_fault_is_refused(self):
        for fault in ({"error_rate": 2.0}, {"latency": -1}, {"fault_paths": "("}, {"cut_rate": "x"}):
            self.assertRaises(ValueError, self.simulator.set_faults, **fault)


class GateTest(case.SimulatorTestCase):
    options = {"power_seconds": 0}

    def close(self, when, method="POST", path="Reset$"):
        answer = self.control("PUT", "gate", {"method": method, "path": path, "when": when})
        self.assertEqual(204, answer.status_code)

    def gate(self):
        return self.control("GET", "gate").json()

    def send(self):
        """Send a reset and wait until the gate holds it; return the connection."""
        address = ("127.0.0.1", int(self.simulator.url.rpartition(":")[2]))
        client = socket.create_connection(address, timeout=60)
        self.addCleanup(client.close)
        head = (
            f"POST /redfish/v1/{RESET} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YWRtaW46cGFzc3dvcmQ=\r\n"
        )
        client.sendall(f"{head}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY)
        self.wait_for(lambda: self.gate()["held"])
        self.assertEqual({"closed": True, "held": [f"/redfish/v1/{RESET}"], "waiting": 1}, self.gate())
        return client

    def resets(self):
        return self.control("GET", "stats").json()["resets"]

    def test_a_request_is_done_and_answered_when_the_gate_opens(self):
        for when, done in (("before", False), ("late", False), ("after", True)):
            self.control("POST", "reset")
            self.close(when)
            client = self.send()
            self.assertEqual(done, bool(self.resets()), when)
            self.control("DELETE", "gate")
            self.assertTrue(client.recv(100).startswith(b"HTTP/1.1 204"), when)
            self.assertTrue(self.resets(), when)
            self.assertEqual({"closed": False, "held": [], "waiting": 0}, self.gate())

    def test_what_becomes_of_the_request_of_a_client_that_has_gone(self):
        for when, done in (("before", False), ("late", True), ("after", True)):
            self.control("POST", "reset")
            self.close(when)
            self.send().close()
            self.wait_for(lambda when=when: when == "late" or not self.gate()["waiting"])
            self.control("DELETE", "gate")
            self.wait_for(lambda: not self.gate()["waiting"])
            self.assertEqual(done, bool(self.resets()), when)

    def test_other_requests_pass(self):
        self.close("before", "PATCH", "Systems")
        self.assertEqual(204, self.call("POST", RESET, json={"ResetType": "ForceOff"}).status_code)
        self.assertEqual({"closed": True, "held": [], "waiting": 0}, self.gate())

    def test_refuses_what_cannot_be_held(self):
        wrong = ({"when": "never"}, {"method": "post"}, {"method": None}, {"path": "("}, {"path": "^redfish"})
        for rule in (*wrong, {"paths": "x"}):
            answer = self.control("PUT", "gate", {"method": "POST", "path": "x", **rule})
            self.assertEqual(400, answer.status_code, rule)
        self.assertFalse(self.gate()["closed"])
