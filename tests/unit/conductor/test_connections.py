# SPDX-License-Identifier: Apache-2.0
"""One connection a pod manager, as long as the way to it stays the same."""

from tests import base
from tests import embedded


class ConnectionsTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())
        self.simulator = self.useFixture(embedded.Pod()).simulator
        self.pod_manager = self.database.register(self.simulator)
        self.connections = self.database.connections()

    def test_it_is_used_again(self):
        self.assertIs(self.connections.get(self.pod_manager), self.connections.get(self.pod_manager))

    def test_other_credentials_make_another_one_and_sign_the_old_one_out(self):
        old = self.connections.get(self.pod_manager)
        old.root()
        self.simulator.set_password("new")
        new = self.connections.get(self.pod_manager.replace(password="new"))
        self.assertIsNot(old, new)
        self.assertTrue(new.root().uuid)

    def test_what_is_dropped_is_made_anew(self):
        old = self.connections.get(self.pod_manager)
        self.connections.drop(self.pod_manager.uuid)
        self.assertIsNot(old, self.connections.get(self.pod_manager))
