# SPDX-License-Identifier: Apache-2.0
"""The background work of introspections."""

import json
import logging
import socket
import time

import fixtures
import requests

from tests import clock
from tests import embedded
from tests import figures
from tests.unit.api.introspection import case
from valence.common import introspection_errors
from valence.db import models
from valence.db import store
from valence.introspection.storages import storage

SYSTEM = "/redfish/v1/Systems/System1"


class IntrospectorCase(case.IntrospectionCase):
    def stored(self):
        return self.backend.store.get(models.Introspection, self.uuid)

    def look_until(self, state):
        self.wait_for(lambda: self.looked() == state, message=lambda: str(vars(self.stored())))

    def looked(self):
        """Look as every second, and return the state."""
        self.backend.introspecting.introspector.look()
        return self.stored().state


class IntrospectorTest(IntrospectorCase):
    def change(self, **values):
        self.backend.store.commit(store.Update(self.stored(), values))

    def test_who_boots_the_machine_himself_needs_no_pod_manager(self):
        self.start()
        (address,) = self.backend.store.list(models.IntrospectionAddress)
        self.assertEqual(("serial", "ser-1"), (address.attribute, address.value))

    def test_without_its_pod_manager_a_machine_cannot_be_booted(self):
        self.one("POST")
        self.look_until("error")
        self.assertIn("127.0.0.1:9", self.stored().error)

    def test_in_maintenance_a_machine_is_not_booted_and_the_introspection_says_why(self):
        (row,) = self.backend.store.list(models.PodManager)
        self.backend.store.commit(store.Update(row, {"maintenance": True}))
        self.one("POST")
        self.look_until("error")
        self.assertIn("maintenance", self.stored().error)

    def test_in_maintenance_a_machine_that_another_boots_is_still_introspected(self):
        (row,) = self.backend.store.list(models.PodManager)
        self.backend.store.commit(store.Update(row, {"maintenance": True}))
        self.start()
        (address,) = self.backend.store.list(models.IntrospectionAddress)
        self.assertEqual(("serial", "ser-1"), (address.attribute, address.value))

    def test_an_error_of_valence_itself_ends_an_introspection_and_is_logged_once(self):
        log = self.useFixture(fixtures.FakeLogger(level=logging.ERROR))
        (row,) = self.backend.store.list(models.PodManager)
        self.backend.store.commit(store.Update(row, {"driver": "of-another-installation"}))
        self.one("POST")
        self.look_until("error")
        self.assertIn("unexpected error", self.stored().error)
        self.backend.introspecting.introspector.look()
        self.assertEqual(1, log.output.count("its start failed"))

    def test_how_introspections_end_is_counted(self):
        ends = [("ramdisk", result) for result in ("finished", "failed", "timeout", "aborted")]
        ends.append(("reapply", "finished"))
        counter = "valence_conductor_introspections_total"
        seconds = "valence_conductor_introspection_seconds_count"

        def counted():
            ended = [figures.value(counter, kind=kind, result=result) for kind, result in ends]
            return ended + [figures.value(seconds, kind=kind) or 0 for kind in ("ramdisk", "reapply")]

        before = counted()
        self.introspect()
        self.one("POST", "/data/unprocessed")
        self.start()
        self.call("POST", "/v1/continue", json=self.document(error="no disk"))
        self.start()
        self.one("POST", "/abort")
        self.start()
        self.change(deadline="2020-01-01T00:00:00Z")
        self.look_until("error")
        self.assertEqual([number + 1 for number in before], counted())

    def test_what_takes_too_long_fails(self):
        for state in ("waiting", "processing", "reapplying"):
            self.start()
            self.change(state=state, deadline="2020-01-01T00:00:00Z")
            self.look_until("error")
            self.assertEqual("Introspection timeout", self.stored().error)
            self.assertEqual(0, self.backend.store.count(models.IntrospectionAddress))

    def test_what_a_failed_conductor_left_is_ended(self):
        self.start()
        self.change(state="processing")
        self.look_until("waiting")
        self.introspect()
        self.change(state="reapplying", finished_at=None)
        kept = self.backend.introspecting.history.backend
        other = self.document(extra={"a": 1})
        kept.save(self.stored(), json.dumps(other).encode(), storage.UNPROCESSED)
        self.look_until("finished")
        self.assertEqual(other, self.one("GET", "/data/unprocessed").json)
        self.assertEqual({"a": 1}, self.one("GET", "/data").json["extra"])
        self.change(state="reapplying")
        kept.save(self.stored(), b"damaged", storage.UNPROCESSED)
        self.look_until("error")
        self.assertIn("not JSON", self.stored().error)

    def test_what_a_failed_conductor_left_keeps_no_request_waiting(self):
        for method, path, state in (
            ("POST", "?manage_boot=0", "starting"),
            ("POST", "/abort", "error"),
            ("POST", "/data/unprocessed", "finished"),
            ("DELETE", "/data", "error"),
        ):
            self.introspect()
            self.change(state="reapplying")
            with self.backend.store.lease(f"introspection/{self.uuid}", "another", 60):
                self.useFixture(fixtures.MonkeyPatch("valence.conductor.introspection.intake.PATIENCE", 0))
                module = "valence.conductor.endpoints.introspection"
                self.useFixture(fixtures.MonkeyPatch(f"{module}.PATIENCE", 0))
                self.assert_refused(409, self.one(method, path))
                self.assertEqual("reapplying", self.looked())
            self.assertIn(self.one(method, path).status_code, (202, 204), path)
            self.assertEqual(state, self.stored().state, path)
        self.assert_refused(404, self.one("GET", "/data"))

    def test_what_somebody_works_on_is_left_alone(self):
        self.one("POST")
        with self.backend.store.lease(f"introspection/{self.uuid}", "another", 60):
            self.backend.introspecting.introspector.look()
            self.backend.introspecting.introspector.stop()
        self.assertEqual("starting", self.stored().state)


class SimulatedCase(IntrospectorCase):
    def setUp(self):
        super().setUp()
        self.pod = self.useFixture(embedded.Pod(systems=1)).simulator
        (row,) = self.backend.store.list(models.PodManager)
        access = {"url": f"{self.pod.url}/redfish/v1", "username": "admin", "password": "password"}
        self.backend.store.commit(store.Update(row, access))
        machine = self.backend.store.get(models.Resource, self.uuid)
        self.backend.store.commit(store.Update(machine, {"resource_url": SYSTEM}))


class FairTest(SimulatedCase):
    """Nobody waits for what others cannot have."""

    def add_started(self, name, url, machines, **values):
        """Store a pod manager with machines whose introspection was started, and return its uuid."""
        pod_manager = models.PodManager(name=name, url=url, **values)
        rows = [self.machine_of(pod_manager, name, number) for number in range(machines)]
        times = {"started_at": "2020-01-01T00:00:00Z", "deadline": "2099-01-01T00:00:00Z"}
        started = [
            models.Introspection(uuid=row.uuid, podm_id=pod_manager.uuid, source="redfish", **times)
            for row in rows
        ]
        # The parts of a resource are stored beside it.
        self.backend.store.commit(*map(store.Create, [pod_manager, *rows, *started]))
        return pod_manager.uuid

    def machine_of(self, pod_manager, name, number):
        # Keys that come before all others.
        uuid = f"00000000-0000-4000-{name[:4]:0>4}-{number:012}"
        return models.Resource(
            uuid=uuid,
            podm_id=pod_manager.uuid,
            resource_type="System",
            resource_url=f"/redfish/v1/Systems/{number}",
            name=f"{name}-{number}",
        )

    def assert_is_done_soon(self):
        self.assertEqual(202, self.one("POST", "?source=redfish").status_code)
        began = clock.seconds()
        while self.stored().state != "finished":
            self.backend.introspecting.introspector.look()
            time.sleep(0.2)
            self.assert_in_time(clock.seconds() - began, 20, self.stored().state)

    def test_those_that_no_conductor_serves_keep_nobody_waiting(self):
        self.add_started("aaaa", "http://127.0.0.1:9", 150, conductor_group="nobody")
        self.assert_is_done_soon()

    def test_those_of_a_pod_manager_that_hangs_keep_nobody_else_waiting(self):
        with socket.create_server(("127.0.0.1", 0)) as hung:
            self.add_started("bbbb", f"http://127.0.0.1:{hung.getsockname()[1]}", 20)
            self.backend.introspecting.introspector.look()
            self.assert_is_done_soon()
            self.backend.introspecting.introspector.stop()

    def test_what_is_interrupted_by_the_stop_is_left_to_the_next_conductor(self):
        with socket.create_server(("127.0.0.1", 0)) as hung:
            podm_id = self.add_started("cccc", f"http://127.0.0.1:{hung.getsockname()[1]}", 1)
            self.backend.introspecting.introspector.look()
            hung.accept()
            self.backend.introspecting.introspector.stop()
        mine = [store.Filter("podm_id", "eq", podm_id)]
        (row,) = self.backend.store.list(models.Introspection, filters=mine)
        self.assertEqual(("starting", None), (row.state, row.error))


class SimulatedTest(SimulatedCase):
    def system(self):
        return requests.get(f"{self.pod.url}{SYSTEM}", auth=("admin", "password"), timeout=60).json()

    def test_a_machine_is_known_by_what_its_pod_manager_tells(self):
        self.start()
        found = {row.attribute for row in self.backend.store.list(models.IntrospectionAddress)}
        self.assertEqual({"mac", "serial", "uuid"}, found)
        self.assertEqual("Disabled", self.system()["Boot"]["BootSourceOverrideEnabled"])

    def test_a_machine_is_booted_from_the_network_once(self):
        self.one("POST")
        self.backend.introspecting.introspector.look()
        self.wait_for(lambda: self.status()["state"] == "waiting", message=self.status)
        boot = self.system()["Boot"]
        self.assertEqual(
            ("Pxe", "Once"), (boot["BootSourceOverrideTarget"], boot["BootSourceOverrideEnabled"])
        )

    def inspect(self, state):
        self.assertEqual(202, self.one("POST", "?source=redfish").status_code)
        self.look_until(state)

    def test_redfish_tells_the_same_as_a_ramdisk(self):
        self.inspect("finished")
        system, processed = self.system(), self.one("GET", "/data").json
        inventory = processed["inventory"]
        self.assertEqual(system["SerialNumber"], inventory["system_vendor"]["serial_number"])
        self.assertEqual(["1", "2"], sorted(processed["all_interfaces"]))
        self.assertEqual(2, len(processed["macs"]))
        facts = {name: processed[name] for name in ("cpus", "cpu_arch", "memory_mb", "local_gb")}
        self.assertEqual({"cpus": 128, "cpu_arch": "x86_64", "memory_mb": 262144, "local_gb": 3575}, facts)
        self.assertEqual(4, len(processed["dmi"]["memory"]["devices"]))
        self.assertEqual([], processed["unread"])
        self.assertEqual("Disabled", system["Boot"]["BootSourceOverrideEnabled"])
        self.assertEqual(0, self.backend.store.count(models.IntrospectionAddress))
        self.assertEqual(
            ["redfish"], [each["source"] for each in self.one("GET", "/data/versions").json["versions"]]
        )

    def test_what_a_ramdisk_and_what_redfish_tell_is_not_compared_by_itself(self):
        self.inspect("finished")
        self.backend.store.commit(store.Update(self.stored(), {"source": "ramdisk"}))
        self.one("POST", "/data/unprocessed", json=self.document())
        self.assert_refused(404, self.one("GET", "/data/difference"))
        self.assertEqual(200, self.one("GET", "/data/difference?old=1").status_code)
        self.inspect("finished")
        self.assertEqual({"old": 1, "new": 3, "differences": []}, self.one("GET", "/data/difference").json)

    def test_what_a_dead_conductor_left_is_taken_up(self):
        self.inspect("finished")
        values = {"state": "processing", "deadline": "2099-01-01T00:00:00Z"}
        self.backend.store.commit(store.Update(self.stored(), values))
        self.look_until("finished")

    def test_while_the_storage_is_away_it_waits(self):
        storage, refused = self.backend.introspecting.history.backend, []
        save, storage.save_all = storage.save_all, lambda *content: self.refuse(refused)
        self.inspect("starting")
        self.wait_for(lambda: refused)
        self.wait_for(lambda: self.status()["state"] == "starting", message=self.status)
        storage.save_all = save
        self.look_until("finished")

    def refuse(self, refused):
        refused.append(True)
        raise introspection_errors.StorageUnavailable(storage="test", reason="away")

    def test_what_takes_too_long_to_process_fails_and_says_so(self):
        def hang(*_, **__):
            raise introspection_errors.ProcessingFailed(seconds=20)

        log = self.useFixture(fixtures.FakeLogger(level=logging.ERROR))
        self.backend.introspecting.introspector._intake._processing.prepare = hang
        self.inspect("error")
        self.assertIn("within 20 seconds", self.stored().error)
        self.assertEqual("", log.output)

    def test_without_an_interface_there_is_nothing_to_keep(self):
        machine = self.backend.store.get(models.Resource, self.uuid)
        self.backend.store.commit(store.Update(machine, {"resource_url": "/redfish/v1/Chassis/Rack1"}))
        self.inspect("error")
        self.assertIn("validate_interfaces", self.status()["error"])
        self.assertEqual([], self.one("GET", "/data/unprocessed").json["inventory"]["interfaces"])

    def test_a_pod_manager_that_is_away_is_the_error(self):
        self.pod.stop()
        self.inspect("error")
        self.assertIn("could not be reached", self.status()["error"])

    def test_an_unknown_source(self):
        self.assert_refused(400, self.one("POST", "?source=guess"), "redfish")
