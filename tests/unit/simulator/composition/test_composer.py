# SPDX-License-Identifier: Apache-2.0
"""Compositions that take time, that are tasks, and that go wrong."""

import requests

from tests.unit.simulator.composition import composition_case


class TimeTest(composition_case.HeldCase):
    options = {"compose_seconds": 1}

    def test_a_system_is_there_at_once_and_ready_later(self):
        path = self.composed("Compute1", "Storage1")
        self.assertEqual("Starting", self.document(path)["Status"]["State"])
        self.assertEqual("Composing", self.state("Storage1"))
        self.compose("Compute1", status=409)
        self.end_all()
        self.assertEqual("Composed", self.state("Storage1"))
        self.assertEqual("Disabled", self.document(path)["Status"]["State"])

    def test_what_is_taken_apart_meanwhile_stays_so(self):
        path = self.composed("Compute1")
        self.assertEqual(204, self.call("DELETE", path).status_code)
        other = self.composed("Compute1")
        self.end_all()
        self.assertEqual("Composed", self.state("Compute1"))
        self.assertEqual([f"/redfish/v1/{other}"], [
            link["@odata.id"] for link in self.block("Compute1")["Links"]["ComputerSystems"]
        ])  # fmt: skip

    def test_a_reset_of_the_simulator_ends_it(self):
        self.compose("Compute1")
        self.simulator.reset()
        self.end_all()
        self.assertEqual("Unused", self.state("Compute1"))
        self.compose("Compute1")
        self.end_all()
        self.assertEqual("Composed", self.state("Compute1"))

    def test_it_may_fail_in_the_end(self):
        self.simulator.set_faults(compose_fail_rate=1.0)
        path = self.composed("Compute1")
        self.end_all()
        self.assertEqual("Failed", self.state("Compute1"))
        self.assertEqual("Critical", self.document(path)["Status"]["Health"])
        self.simulator.set_faults()
        self.call("DELETE", path)
        self.assertEqual("Unused", self.state("Compute1"))

    def test_taking_apart_fails_at_once(self):
        path = self.composed("Compute1")
        self.simulator.set_faults(compose_fail_rate=1.0)
        self.assertEqual(500, self.call("DELETE", path).status_code)
        self.assertEqual(["Compute1"], self.blocks_of(path))

    def test_it_may_never_end(self):
        self.simulator.set_faults(compose_stuck_rate=1.0)
        path = self.composed("Compute1")
        self.simulator.set_faults()
        self.compose("Compute2")
        self.end_all()
        self.assertEqual(("Composing", "Composed"), (self.state("Compute1"), self.state("Compute2")))
        self.call("DELETE", path)
        self.assertEqual("Unused", self.state("Compute1"))


class ClockTest(composition_case.CompositionCase):
    options = {"compose_seconds": 0.1, "tasks": True}

    def test_time_passes_by_itself(self):
        monitor = self.compose("Compute1", status=202).headers["Location"].removeprefix("/redfish/v1/")
        self.wait_for(lambda: self.get(monitor).status_code == 201)


class TaskTest(composition_case.HeldCase):
    options = {"tasks": True, "compose_seconds": 1, "task_retry_after": 3, "composition": "blocks,expand"}

    def begin(self, *names):
        return self.follow(self.compose(*names, status=202))

    def follow(self, answer):
        self.assertEqual((202, "3"), (answer.status_code, answer.headers["Retry-After"]))
        self.assertEqual("Running", answer.json()["TaskState"])
        self.assertEqual(answer.headers["Location"], answer.json()["TaskMonitor"])
        return answer.headers["Location"].removeprefix("/redfish/v1/")

    def end(self, monitor):
        self.end_all()
        return self.get(monitor)

    def test_the_monitor_answers_as_the_action_would_have(self):
        monitor = self.begin("Compute1")
        self.assertEqual("3", self.get(monitor).headers["Retry-After"])
        self.assertEqual(
            ("Composing", 2), (self.state("Compute1"), self.document("Systems")["Members@odata.count"])
        )
        answer = self.end(monitor)
        self.assertEqual(201, answer.status_code)
        path = answer.headers["Location"].removeprefix("/redfish/v1/")
        self.assertEqual((["Compute1"], "Composed"), (self.blocks_of(path), self.state("Compute1")))
        task = self.document("TaskService/Tasks/1")
        self.assertEqual(("Completed", 100), (task["TaskState"], task["PercentComplete"]))
        self.assertIn("/redfish/v1/TaskService/Tasks/1", self.crawl())

    def test_taking_apart_and_expanding_are_tasks_too(self):
        path = self.end(self.begin("Compute1")).headers["Location"].removeprefix("/redfish/v1/")
        body = {"ResourceBlock": self.link("Storage1")}
        action = f"{path}/Actions/ComputerSystem.AddResourceBlock"
        monitor = self.follow(self.call("POST", action, json=body))
        self.assertEqual(["Compute1"], self.blocks_of(path))
        self.assertEqual(204, self.end(monitor).status_code)
        self.assertEqual(["Compute1", "Storage1"], self.blocks_of(path))
        monitor = self.follow(self.call("DELETE", path))
        self.assertEqual(200, self.get(path).status_code)
        self.assertEqual(204, self.end(monitor).status_code)
        self.assertEqual((404, "Unused"), (self.get(path).status_code, self.state("Storage1")))

    def add(self, path, name):
        body = {"ResourceBlock": self.link(name)}
        answer = self.call("POST", f"{path}/Actions/ComputerSystem.AddResourceBlock", json=body)
        return self.follow(answer)

    def test_two_changes_at_the_same_time_are_both_made(self):
        path = "Systems/System1"
        for monitor in [self.add(path, name) for name in ("Storage1", "Storage2")]:
            self.assertEqual(204, self.end(monitor).status_code)
        self.assertEqual(["System1", "Storage1", "Storage2"], self.blocks_of(path))
        body = {"ResourceBlock": self.link("Storage1")}
        remove = self.call("POST", f"{path}/Actions/ComputerSystem.RemoveResourceBlock", json=body)
        for monitor in (self.add(path, "Storage3"), self.follow(remove)):
            self.end(monitor)
        self.assertEqual(["System1", "Storage2", "Storage3"], self.blocks_of(path))
        self.assertEqual("Unused", self.state("Storage1"))

    def test_what_is_added_to_a_system_that_goes_is_free(self):
        path = self.end(self.begin("Compute1")).headers["Location"].removeprefix("/redfish/v1/")
        monitors = self.follow(self.call("DELETE", path)), self.add(path, "Storage1")
        for monitor in monitors:
            self.end(monitor)
        self.assertEqual([], self.simulator.compositions()["blocks"])

    def test_it_can_be_cancelled(self):
        monitor = self.begin("Compute1")
        self.assertEqual(204, self.call("DELETE", monitor).status_code)
        self.assertEqual(("Unused", 404), (self.state("Compute1"), self.get(monitor).status_code))
        self.end(self.begin("Compute1"))
        self.assertEqual(3, self.document("Systems")["Members@odata.count"])

    def test_it_may_fail(self):
        self.simulator.set_faults(compose_fail_rate=1.0)
        answer = self.end(self.begin("Compute1"))
        self.assertEqual("InternalError", self.message(answer, 500))
        task = self.document("TaskService/Tasks/1")
        self.assertEqual(("Exception", "Critical"), (task["TaskState"], task["TaskStatus"]))
        self.assertEqual("Unused", self.state("Compute1"))

    def test_it_may_never_end_until_it_is_cancelled(self):
        self.simulator.set_faults(compose_stuck_rate=1.0)
        monitor = self.begin("Compute1")
        self.simulator.set_faults()
        self.end(self.begin("Compute2"))
        self.assertEqual((202, "Composing"), (self.get(monitor).status_code, self.state("Compute1")))
        self.call("DELETE", monitor)
        self.assertEqual("Unused", self.state("Compute1"))

    def test_the_monitor_may_be_gone(self):
        self.simulator.set_faults(monitor_gone_rate=1.0)
        monitor = self.begin("Compute1")
        self.assertEqual(404, self.get(monitor).status_code)
        self.end_all()
        self.assertEqual("Composed", self.state("Compute1"))

    def test_the_answer_may_have_no_link_at_all(self):
        self.simulator.set_faults(no_location_rate=1.0)
        answer = self.compose("Compute1", status=202)
        self.assertNotIn("Location", answer.headers)
        self.assertIn("TaskMonitor", answer.json())
        self.simulator.set_faults(no_location_rate=1.0, no_body_rate=1.0)
        answer = self.compose("Compute2", status=202)
        self.assertEqual((None, b""), (answer.headers.get("Location"), answer.content))

    def test_garbage_is_refused_at_once(self):
        self.compose("Compute9", status=400)
        self.assertEqual([], self.document("TaskService/Tasks")["Members"])


class FaultTest(composition_case.CompositionCase):
    def test_an_answer_that_is_cut_after_the_work(self):
        self.simulator.set_faults(compose_cut_rate=1.0)
        errors = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
        self.assertRaises(errors, self.compose, "Compute1")
        self.assertEqual("Composed", self.state("Compute1"))

    def test_an_answer_that_never_comes_after_the_work(self):
        self.simulator.set_faults(compose_silent_rate=1.0)
        body = {"Name": "mine", **self.links("Compute1")}
        url = f"{self.simulator.url}/redfish/v1/Systems"
        auth = ("admin", "password")
        self.assertRaises(requests.ReadTimeout, requests.post, url, json=body, auth=auth, timeout=(10, 0.5))
        self.wait_for(lambda: self.state("Compute1") == "Composed")

    def test_created_without_location_or_body(self):
        self.simulator.set_faults(no_location_rate=1.0)
        answer = self.compose("Compute1")
        self.assertEqual((None, "Composed1"), (answer.headers.get("Location"), answer.json()["Id"]))
        self.simulator.set_faults(no_body_rate=1.0)
        self.assertEqual(b"", self.compose("Compute2").content)

    def test_name_and_description_may_be_ignored(self):
        self.simulator.set_faults(name_ignored_rate=1.0)
        document = self.document(self.composed("Compute1", Description="for me"))
        self.assertEqual("Computer System", document["Name"])
        self.assertNotIn("Description", document)

    def test_a_composition_that_fails_leaves_nothing(self):
        self.simulator.set_faults(compose_fail_rate=1.0)
        self.compose("Compute1", status=500)
        nothing = {"systems": [], "blocks": [], "nodes": [], "tasks": {}, "erased": {}}
        self.assertEqual(nothing, self.simulator.compositions())

    def test_a_block_breaks_afterwards(self):
        self.simulator.set_faults(block_fail_rate=1.0)
        path = self.composed("Compute1", "Storage1")
        self.assertEqual("Failed", self.state("Storage1"))
        self.assertEqual("Critical", self.block("Storage1")["Status"]["Health"])
        self.assertEqual("Critical", self.document(path)["Status"]["Health"])
        self.call("DELETE", path)
        self.compose("Compute1", "Storage1", status=409)

    def test_a_delete_may_do_nothing(self):
        self.simulator.set_faults(deaf_delete_rate=1.0)
        path = self.composed("Compute1")
        self.assertEqual((204, 200), (self.call("DELETE", path).status_code, self.get(path).status_code))
        self.assertEqual("Composed", self.state("Compute1"))

    def test_some_blocks_never_say_that_they_are_used(self):
        self.simulator.set_faults(stale_state_rate=1.0)
        self.compose("Compute1")
        self.assertEqual("Unused", self.state("Compute1"))
        self.compose("Compute1", status=409)

    def test_the_seed_decides_which_compositions_fail(self):
        courses = []
        for seed in (1, 1, 2):
            self.simulator = self.start(compose_fail_rate=0.5, seed=seed, compute_blocks=20)
            courses.append(
                [
                    self.call(
                        "POST", "Systems", json={"Name": "x", **self.links(f"Compute{number}")}
                    ).status_code
                    for number in range(1, 21)
                ]
            )
        self.assertEqual(courses[0], courses[1])
        self.assertNotEqual(courses[0], courses[2])
        self.assertEqual({201, 500}, set(courses[0]))

    def test_they_happen_at_some_paths_only(self):
        self.simulator.set_faults(compose_fail_rate=1.0, fault_paths="/Nothing")
        self.compose("Compute1")
