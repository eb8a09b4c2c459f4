# SPDX-License-Identifier: Apache-2.0
"""Requests about Ironic that are refused at once, and what Ironic does now that Valence refuses."""

import functools
import threading

from tests import base
from tests.unit.conductor.nodes import case
from tests.unit.conductor.nodes.ironic import test_registration
from valence.common import composition_errors
from valence.common import errors
from valence.conductor.nodes.ironic import handover
from valence.db import models

OTHER = test_registration.OTHER


class ManagedTest(test_registration.IronicCase):
    def setUp(self):
        super().setUp()
        self.enroll(mac=[])

    def test_one_that_ironic_uses_is_refused_at_once_with_the_reason(self):
        for values, reason in (
            ({"provision_state": "active", "maintenance": True}, "its provision state is active"),
            ({"provision_state": "manageable", "instance_uuid": OTHER}, f"it has the instance {OTHER}"),
        ):
            self.ironic.nodes[self.row.uuid] |= values
            error = self.refused(
                composition_errors.IronicInUse, self.nodes.unregister, self.context, None, self.row.uuid
            )
            self.assertEqual(f"Ironic uses the node {self.row.uuid}: {reason}.", error.detail)
        self.assertEqual(("composed", None, "ironic"), self.now())

    def test_what_ironic_does_now_is_refused(self):
        for action in ({"power": "on"}, {"boot": {"target": "pxe", "enabled": "once", "mode": None}}):
            error = self.refused(
                composition_errors.NodeManaged, self.nodes.act, self.context, None, self.row.uuid, action
            )
            self.assertIn("managed by ironic", error.detail)
        self.refused(composition_errors.NodeManaged, self.nodes.delete, self.context, None, self.row.uuid)
        self.nodes.delete(self.context, None, self.row.uuid, force=True)
        self.assertEqual([], self.store.list(models.Node))

    def test_one_without_a_machine_is_not_registered(self):
        self.change(self.node(self.row.uuid), state="error", error="It is gone.")
        error = self.refused(errors.Conflict, self.nodes.register, self.context, None, self.row.uuid, {})
        self.assertIn("It is gone.", error.detail)


class AwayTest(case.NodesCase):
    def test_a_site_without_ironic_says_so(self):
        node = self.adopt()
        for request in (functools.partial(self.nodes.register, values={}), self.nodes.unregister):
            error = self.refused(
                composition_errors.IronicNotConfigured, request, self.context, None, node=node.uuid
            )
            self.assertIn("[ironic]", error.problems[0]["hint"])


class WithinTest(base.TestCase):
    def test_a_request_does_not_wait_long_for_ironic(self):
        ended = threading.Event()
        self.addCleanup(ended.set)
        self.assertIsNone(handover._within(0.01, lambda: ended.wait() and {}))
