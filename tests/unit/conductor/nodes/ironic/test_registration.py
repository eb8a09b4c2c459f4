# SPDX-License-Identifier: Apache-2.0
"""Nodes that are registered in Ironic and removed there, also where answers are lost and conductors die."""

import functools
import json
import logging

import fixtures

from tests import base
from tests import fake_ironic
from tests.unit.conductor.nodes import case
from valence.conductor.nodes.ironic import registration
from valence.db import models
from valence.podmanagers.redfish import driver as redfish_driver

OTHER = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"
ADDRESS = "52:54:00:12:34:56"
SECRET = "hunter2"
DRIVER = f"{redfish_driver.__name__}.RedfishDriver"


class IronicCase(case.NodesCase):
    """A conductor with a small Ironic, and a node that has its machine."""

    def setUp(self):
        super().setUp()
        self.ironic = self.useFixture(fake_ironic.FakeIronic())
        self.ironic.configure(self.conductor.conf)
        self.useFixture(fixtures.MonkeyPatch(f"{registration.__name__}.INTERVAL", 0.01))
        self.row = self.adopt()

    def enroll(self, **values):
        """Register the node, wait for that, and return the operation."""
        return self.ended(self.nodes.register(self.context, None, self.row.uuid, values))

    def unregister(self):
        """Remove the node from Ironic, wait for that, and return the operation."""
        return self.ended(self.nodes.unregister(self.context, None, self.row.uuid))

    def now(self):
        """Return the state of the node, its error, and who manages it."""
        node = self.node(self.row.uuid)
        return node.state, node.error, node.managed_by


class RegisterTest(IronicCase):
    def test_ironic_gets_the_node_with_its_uuid_and_its_ports(self):
        operation = self.enroll()
        self.assertEqual("succeeded", operation.state, operation.cause)
        self.assertEqual(["read", "register", "ports"], [step["name"] for step in operation.steps])
        self.assertEqual(("composed", None, "ironic"), self.now())
        ((uuid, made),) = self.ironic.nodes.items()
        info = made["driver_info"]
        names = ("address", "username", "password", "system_id")
        told = [info[f"redfish_{name}"] for name in names]
        self.assertEqual([self.pod.url, "admin", "password", self.row.resource_url], told)
        self.assertEqual(self.row.uuid, uuid)
        with self.driver() as connected:
            seen = connected.inspect(self.row.resource_url)["inventory"]
        self.assertEqual({each["mac_address"] for each in seen["interfaces"]}, set(self.ironic.ports))
        self.assertEqual(seen["cpu"]["count"], made["properties"]["cpus"])
        (event,) = [each for each in self.database.events("node.state_changed") if each.new["managed_by"]]
        self.assertEqual(("ironic", None), (event.new["managed_by"], event.old["managed_by"]))

    def driver(self):
        """Return a connection to the pod, as a context."""
        pod_manager = self.store.get(models.PodManager, self.podm_id)
        return self.conductor.service._connections.use(pod_manager, "nodes")

    def test_a_node_is_registered_twice_and_is_there_once(self):
        self.enroll()
        before = dict(self.ironic.nodes)
        self.assertEqual("succeeded", self.enroll(mac=ADDRESS).state)
        self.assertEqual(before, self.ironic.nodes)
        self.assertIn(ADDRESS, self.ironic.ports)
        self.assertEqual(1, self.ironic.changes().count("POST /nodes"))

    def test_a_lost_answer_makes_no_second_node(self):
        self.ironic.answers = [("POST", "lost"), ("POST", "lost")]
        self.assertEqual("succeeded", self.enroll(mac=[ADDRESS]).state)
        self.assertEqual([self.row.uuid], [*self.ironic.nodes])
        self.assertEqual([ADDRESS], [*self.ironic.ports])

    def test_ironic_that_stays_away_ends_the_operation_and_the_node_is_as_it_was(self):
        self.useFixture(fixtures.MonkeyPatch(f"{registration.__name__}.PATIENCE", 0.0))
        self.ironic.answers = [("GET", 503), ("GET", 503)]
        operation = self.enroll()
        self.assertEqual("failed", operation.state)
        self.assertIn("Ironic is not available: it answers 503", operation.cause)
        self.assertEqual(("composed", None, None), self.now())
        self.assertEqual([], self.ironic.changes())

    def test_a_port_of_another_node_fails_and_is_named_and_nothing_stays(self):
        self.ironic.ports[ADDRESS] = {"uuid": "p1", "node_uuid": OTHER, "address": ADDRESS}
        operation = self.enroll(mac=["52:54:00:12:34:57", ADDRESS])
        self.assertEqual("failed", operation.state)
        self.assertEqual(
            f"The MAC address {ADDRESS} belongs to another node in Ironic, as its port p1.",
            operation.cause,
        )
        self.assertEqual(({}, [ADDRESS]), (self.ironic.nodes, [*self.ironic.ports]))
        self.assertEqual(("composed", None, None), self.now())

    def test_interfaces_that_cannot_be_read_need_addresses_in_the_request(self):
        inspect = redfish_driver.RedfishDriver.inspect

        def without_interfaces(driver, path):
            unread = [f"{path}/EthernetInterfaces/1"]
            return inspect(driver, path) | {"unread": unread}

        self.useFixture(fixtures.MonkeyPatch(f"{DRIVER}.inspect", without_interfaces))
        operation = self.enroll()
        self.assertEqual("failed", operation.state)
        self.assertIn("/EthernetInterfaces/1 could not be read", operation.cause)
        self.assertEqual(({}, ("composed", None, None)), (self.ironic.nodes, self.now()))
        self.assertEqual("succeeded", self.enroll(mac=ADDRESS).state)

    def test_a_failure_leaves_what_an_earlier_registration_made(self):
        self.enroll(mac=[])
        self.ironic.ports[ADDRESS] = {"uuid": "p1", "node_uuid": OTHER, "address": ADDRESS}
        self.assertEqual("failed", self.enroll(mac=ADDRESS).state)
        self.assertEqual([self.row.uuid], [*self.ironic.nodes])
        self.assertEqual(("composed", None, "ironic"), self.now())

    def test_what_cannot_be_undone_stays_managed(self):
        self.useFixture(fixtures.MonkeyPatch(f"{registration.__name__}.PATIENCE", 0.0))
        self.ironic.ports[ADDRESS] = {"uuid": "p1", "node_uuid": OTHER, "address": ADDRESS}
        self.ironic.answers = [("DELETE", 503), ("DELETE", 503)]
        self.assertEqual("failed", self.enroll(mac=ADDRESS).state)
        self.assertEqual([self.row.uuid], [*self.ironic.nodes])
        self.assertEqual(("composed", None, "ironic"), self.now())

    def test_no_secret_is_in_what_is_stored_shown_or_logged(self):
        logs = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        self.ironic.answers = [("POST", 400)]
        stored = []
        save = functools.partialmethod(_saved, stored)
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.nodes.job.Job.save", save))
        operation = self.enroll(driver_info={"redfish_password": SECRET})
        self.assertEqual("failed", operation.state)
        self.assertIn("***", operation.cause)
        told = [*self.store.list(models.Operation), *self.database.events()]
        texts = [json.dumps(vars(each), default=str) for each in told]
        self.assertGreater(len(stored), 1)
        self.assertNotIn(SECRET, f"{texts}{stored}{self.node(self.row.uuid).handle}")
        handled = [line for line in logs.output.splitlines() if "oslo.messaging" not in line]
        self.assertNotIn(SECRET, "\n".join(handled))
        self.assertNotIn("register", self.node(self.row.uuid).handle)


def _saved(one, stored, *changes, **values):
    """Note what a job has stored before, and store more."""
    stored.append(json.dumps(one.handle))
    one._change({"handle": one.handle | values}, *changes, touch=False)


class ManagedTest(IronicCase):
    def setUp(self):
        super().setUp()
        self.enroll(mac=[])

    def test_it_is_removed_with_its_ports_and_may_come_back(self):
        self.enroll(mac=ADDRESS)
        self.assertEqual("succeeded", self.unregister().state)
        self.assertEqual(({}, {}), (self.ironic.nodes, self.ironic.ports))
        self.assertEqual(("composed", None, None), self.now())
        self.assertEqual("succeeded", self.act(self.row, power="force_off").state)
        self.assertEqual("succeeded", self.enroll(mac=[]).state)

    def test_one_that_becomes_used_meanwhile_fails(self):
        self.ironic.answers = [("GET", 503)]  # so that the request cannot know
        self.ironic.nodes[self.row.uuid] |= {"provision_state": "deploying"}
        operation = self.unregister()
        self.assertEqual(("failed", True), (operation.state, "deploying" in operation.cause))
        self.assertEqual(("composed", None, "ironic"), self.now())

    def test_one_that_ironic_has_locked_is_asked_for_again(self):
        self.ironic.answers = [("DELETE", 409), ("DELETE", "lost")]
        self.assertEqual("succeeded", self.unregister().state)
        self.assertEqual({}, self.ironic.nodes)

    def test_a_removal_that_ironic_was_asked_for_is_not_cancelled(self):
        self.ironic.answers = [("DELETE", "lost")]
        self.useFixture(fixtures.MonkeyPatch(f"{registration.__name__}.INTERVAL", 60.0))
        operation = self.nodes.unregister(self.context, None, self.row.uuid)
        self.wait_for(lambda: self.ironic.changes()[-1:] == [f"DELETE /nodes/{self.row.uuid}"])
        self.conductor.client.operations.cancel(self.context, operation["uuid"])
        self.assertEqual("succeeded", self.ended(operation).state)
        self.assertEqual(("composed", None, None), self.now())

    def test_one_in_error_is_removed_and_stays_in_error(self):
        gone = {"state": "error", "error": "Its machine is gone.", "handle": {"seen": OTHER, "gone": True}}
        self.change(self.node(self.row.uuid), **gone)
        self.assertEqual("succeeded", self.unregister().state)
        self.assertEqual(("error", "Its machine is gone.", None), self.now())
        self.assertEqual(gone["handle"], self.node(self.row.uuid).handle)


class ReasonTest(base.TestCase):
    def test_maintenance_lets_only_those_go_that_nobody_runs(self):
        for state, maintenance, is_kept in (
            ("enroll", False, False),
            ("manageable", False, False),
            ("clean failed", True, False),
            ("clean failed", False, True),
            ("rescue", True, True),
        ):
            found = {"provision_state": state, "maintenance": maintenance}
            self.assertEqual(is_kept, registration.reason_to_keep(found) is not None, found)
        self.assertIn(
            "protected", registration.reason_to_keep({"provision_state": "enroll", "protected": True})
        )
