# SPDX-License-Identifier: Apache-2.0
"""Registration of nodes in Ironic over HTTP: bodies, answers, and who may do it."""

from tests.unit.api.v1 import test_nodes
from valence.conductor.nodes.ironic import options
from valence.db import models


class RegistrationTest(test_nodes.NodesCase):
    def setUp(self):
        super().setUp()
        self.uuid = self.adopted()

    def configure(self):
        """Let the site have an Ironic, which nobody asks."""
        options.register(self.conf)
        self.conf.set_override("auth_type", "none", options.GROUP)
        self.conf.set_override("endpoint_override", "http://127.0.0.1:1", options.GROUP)

    def register(self, body, **headers):
        """Request the registration of the node, and return the response."""
        return self.post(f"/v1/nodes/{self.uuid}/register", body, **headers)

    def test_an_empty_object_is_enough_and_a_repeated_request_is_the_same(self):
        self.configure()
        key = {"Idempotency-Key": "k1"}
        first = self.register({}, **key)
        self.assertEqual((202, "register"), (first.status_code, first.json["operation_kind"]), first.text)
        self.assertEqual(first.json["uuid"], self.register({}, **key).json["uuid"])
        self.assert_error(self.register({}), 409, "valence.node_busy")

    def test_secrets_are_neither_stored_nor_shown(self):
        self.configure()
        response = self.register({"driver_info": {"redfish_password": "hunter2"}})
        self.assertEqual(202, response.status_code, response.text)
        node = self.backend.store.get(models.Node, self.uuid)
        self.assertIn("register", node.handle)
        self.assertNotIn("hunter2", f"{node.handle} {response.text}")

    def test_all_problems_are_reported_together_without_values(self):
        response = self.register(
            {"driver": "", "mac": ["52:54"], "driver_info": "hunter2", "uuid": self.uuid, "colour": 1}
        )
        problems = self.assert_error(response, 400, *["valence.validation"] * 5)
        paths = {"$.driver", "$.mac[0]", "$.driver_info", "$.uuid", "$.colour"}
        self.assertEqual(paths, {each["path"] for each in problems})
        self.assertNotIn("hunter2", response.text)
        self.assert_error(self.register({"mac": "52:54"}), 400, "valence.validation")

    def test_a_site_without_ironic_and_a_node_that_is_not_there(self):
        self.assert_error(self.register({}), 409, "valence.ironic_not_configured")
        response = self.post(f"/v1/nodes/{self.uuid}/unregister", {})
        self.assert_error(response, 409, "valence.ironic_not_configured")
        self.assert_error(self.post("/v1/nodes/nobody/unregister", {}), 404, "valence.not_found")

    def test_members_may_not(self):
        self.sign_in("p1", "member")
        for verb in ("register", "unregister"):
            self.assert_error(self.post(f"/v1/nodes/{self.uuid}/{verb}", {}), 403, "valence.forbidden")
