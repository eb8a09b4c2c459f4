# SPDX-License-Identifier: Apache-2.0
"""What the decorator makes of an endpoint's method; tests/unit/common/test_rpc_client.py has it on the bus."""

from oslo_context import context as store

from tests import base
from tests import message_bus
from valence.conductor.rpc import rpc


class Endpoint:
    namespace = "test"

    @rpc
    def request_id_of_the_log(self, context, key="none"):
        """Return where a log line would say it belongs."""
        return store.get_current().request_id, key


class RPCTest(base.TestCase):
    def test_a_method_runs_under_the_context_of_whoever_asks(self):
        context = message_bus.user_context()
        self.assertEqual((context.request_id, "k1"), Endpoint().request_id_of_the_log(context, key="k1"))

    def test_a_method_is_served_and_keeps_its_name_and_documentation(self):
        self.assertTrue(Endpoint.request_id_of_the_log.exposed)
        self.assertEqual("request_id_of_the_log", Endpoint.request_id_of_the_log.__name__)
        self.assertIn("log line", Endpoint.request_id_of_the_log.__doc__)

    def test_each_call_of_a_shared_thread_has_its_own_context(self):
        ids = [Endpoint().request_id_of_the_log(message_bus.user_context())[0] for _each in range(2)]
        self.assertEqual(2, len(set(ids)))
