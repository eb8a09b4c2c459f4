# SPDX-License-Identifier: Apache-2.0
"""One connection a pod manager, as long as the way to it stays the same."""

from concurrent import futures

from tests import base
from tests import embedded
from valence.common import errors


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

    def test_an_aborted_one_lets_nobody_wait_and_is_made_anew(self):
        old = self.connections.get(self.pod_manager)
        self.assertTrue(old.root().uuid)
        self.simulator.set_faults(hang_rate=1.0)
        before = self.simulator.stats()["requests"]
        with futures.ThreadPoolExecutor(1) as executor:
            reading = executor.submit(old.root)
            self.wait_for(lambda: self.simulator.stats()["requests"] > before)
            self.connections.abort(self.pod_manager.uuid)
            self.assertIsInstance(reading.exception(timeout=10), errors.PodManagerUnreachable)
        self.simulator.set_faults()
        self.assertTrue(self.connections.get(self.pod_manager).root().uuid)
