# SPDX-License-Identifier: Apache-2.0
"""Requests to Ironic: sent once, with errors that say what happened and no secret."""

import logging
import socket
from concurrent import futures

import fixtures

from tests import base
from tests import fake_ironic
from tests import message_bus
from valence.common import composition_errors
from valence.conductor.nodes.ironic import access
from valence.conductor.nodes.ironic import bare_metal

UUID = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"
NODE = {"uuid": UUID, "driver": "redfish", "driver_info": {"redfish_password": "hunter2 secret"}}
ADDRESS = "52:54:00:12:34:56"


class ClientTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.ironic = self.useFixture(fake_ironic.FakeIronic())
        self.conf = message_bus.configuration(message_bus.local_url())
        self.ironic.configure(self.conf)
        self.client = access.Ironic(self.conf).client()

    def plan(self, *answers):
        """Let the next requests have other answers than usual: pairs of a method and what happens."""
        self.ironic.answers += answers

    def test_a_node_is_made_once(self):
        self.assertIsNone(self.client.node(UUID))
        self.assertTrue(self.client.create_node(NODE))
        self.assertFalse(self.client.create_node(NODE))
        self.assertEqual("enroll", self.client.node(UUID)["provision_state"])

    def test_a_conflict_with_another_node_is_a_refusal(self):
        self.plan(("POST", 409))
        error = self.assertRaises(composition_errors.IronicRefused, self.client.create_node, NODE)
        self.assertIn("did not create the node: refused", error.detail)

    def test_no_request_is_repeated(self):
        refused, away = composition_errors.IronicRefused, composition_errors.IronicUnavailable
        for status, kind in ((409, refused), (503, away)):
            self.plan(("POST", status))
            self.assertRaises(kind, self.client.create_node, NODE)
        self.assertEqual(["POST /nodes"] * 2, self.ironic.changes())

    def test_a_lost_answer_and_a_server_error_are_passing(self):
        self.plan(("POST", "lost"), ("GET", 500))
        error = self.assertRaises(composition_errors.IronicUnavailable, self.client.create_node, NODE)
        self.assertEqual("Ironic is not available: connect failure.", error.detail)
        self.assertRaises(composition_errors.IronicUnavailable, self.client.node, UUID)
        self.assertIsNotNone(self.client.node(UUID))

    def test_no_message_and_no_log_has_a_secret(self):
        logs = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        self.plan(("POST", 400), ("POST", 503))
        for kind in (composition_errors.IronicRefused, composition_errors.IronicUnavailable):
            error = self.assertRaises(kind, self.client.create_node, NODE)
            self.assertIn('"redfish_password": "***"', error.detail)
        self.client.create_node(NODE)
        self.assertNotIn("hunter2", logs.output)

    def test_ports_are_found_by_their_address(self):
        self.assertIsNone(self.client.port(ADDRESS))
        self.client.create_port(UUID, ADDRESS)
        self.client.create_port("another node", ADDRESS)
        self.assertEqual(UUID, self.client.port(ADDRESS)["node_uuid"])

    def test_a_node_that_is_gone_is_gone(self):
        self.assertIsNone(self.client.delete_node(UUID))
        self.client.create_node(NODE)
        self.plan(("DELETE", 409))
        self.assertIn("refused", self.client.delete_node(UUID))
        self.assertIsNone(self.client.delete_node(UUID))
        self.assertIsNone(self.client.node(UUID))

    def test_one_that_hangs_holds_the_first_request_for_its_time_and_no_other(self):
        with socket.create_server(("127.0.0.1", 0)) as hanging:
            self.conf.set_override(
                "endpoint_override", f"http://127.0.0.1:{hanging.getsockname()[1]}", "ironic"
            )
            client = access.Ironic(self.conf).client()
            is_held = client._lock.locked
            threads = self.enterContext(futures.ThreadPoolExecutor(1))
            first = threads.submit(client.node, UUID, timeout=2.0)
            self.wait_for(is_held)
            error = self.assertRaises(composition_errors.IronicUnavailable, client.node, UUID)
            self.assertIn("another request waits", error.detail)
            self.assertRaises(composition_errors.IronicUnavailable, first.result, 15)

    def test_ironic_that_is_away(self):
        self.conf.set_override("endpoint_override", "http://127.0.0.1:1", "ironic")
        client = access.Ironic(self.conf).client()
        error = self.assertRaises(composition_errors.IronicUnavailable, client.node, UUID)
        self.assertIn("not available", error.detail)


class HiddenTest(base.TestCase):
    def test_values_of_secret_names_are_hidden_however_deep(self):
        values = {
            "driver_info": {"redfish_password": "abc", "snmp": [{"auth_key": "k1"}], "redfish_address": "x"}
        }
        text = bare_metal.hidden("abc and k1 at x", values)
        self.assertEqual("*** and *** at x", text)
