# SPDX-License-Identifier: Apache-2.0
"""One connection a pod manager, as long as the way to it stays the same."""

from concurrent import futures

from tests import base
from tests import embedded
from valence.common import errors
from valence.conductor.inventory import connections


class ConnectionsCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())
        self.simulator = self.useFixture(embedded.Pod()).simulator
        self.pod_manager = self.database.register(self.simulator)
        self.connections = self.database.connections()


class ConnectionsTest(ConnectionsCase):
    def test_it_is_used_again(self):
        self.assertIs(
            self.connections.get(self.pod_manager, connections.SYNC),
            self.connections.get(self.pod_manager, connections.SYNC),
        )

    def test_other_credentials_make_another_one_and_sign_the_old_one_out(self):
        old = self.connections.get(self.pod_manager, connections.SYNC)
        old.root()
        self.simulator.set_password("new")
        new = self.connections.get(self.pod_manager.replace(password="new"), connections.SYNC)
        self.assertIsNot(old, new)
        self.assertTrue(new.root().uuid)

    def test_what_is_dropped_is_made_anew(self):
        old = self.connections.get(self.pod_manager, connections.SYNC)
        self.connections.drop(self.pod_manager.uuid)
        self.assertIsNot(old, self.connections.get(self.pod_manager, connections.SYNC))

    def test_an_aborted_one_lets_nobody_wait_and_is_made_anew(self):
        old = self.connections.get(self.pod_manager, connections.SYNC)
        self.assertTrue(old.root().uuid)
        self.simulator.set_faults(hang_rate=1.0)
        before = self.simulator.stats()["requests"]
        with futures.ThreadPoolExecutor(1) as executor:
            reading = executor.submit(old.root)
            self.wait_for(lambda: self.simulator.stats()["requests"] > before)
            self.connections.abort(self.pod_manager.uuid, connections.SYNC)
            self.assertIsInstance(reading.exception(timeout=60), errors.PodManagerUnreachable)
        self.simulator.set_faults()
        self.assertTrue(self.connections.get(self.pod_manager, connections.SYNC).root().uuid)


class KindTest(ConnectionsCase):
    def test_breaking_one_kind_off_leaves_the_others_alone(self):
        live = self.connections.get(self.pod_manager, connections.EVENTS)
        with self.connections.use(self.pod_manager, connections.INTROSPECTION) as introspecting:
            self.connections.get(self.pod_manager, connections.SYNC).root()
            self.connections.abort(self.pod_manager.uuid, connections.SYNC)
            self.assertTrue(introspecting.root().uuid)
            self.assertTrue(live.root().uuid)

    def test_dropping_closes_all_kinds_and_signs_out(self):
        for kind in connections.KINDS:
            self.connections.get(self.pod_manager, kind).root()
        self.assertEqual(len(connections.KINDS), self.simulator.stats()["sessions"])
        self.connections.drop(self.pod_manager.uuid)
        self.assertEqual((set(), 0), (self.connections.known(), self.simulator.stats()["sessions"]))

    def test_what_is_used_is_closed_and_signed_out_when_its_users_are_done(self):
        ways = (
            lambda: self.connections.drop(self.pod_manager.uuid),
            lambda: self.connections.get(self.pod_manager.replace(tls="legacy"), connections.NODES),
        )
        for retire in ways:
            with self.connections.use(self.pod_manager, connections.NODES) as first:
                with self.connections.use(self.pod_manager, connections.NODES) as second:
                    self.assertIs(first, second)
                    retire()
                self.assertTrue(first.root().uuid)
                self.assertEqual(1, self.simulator.stats()["sessions"])
            self.assertEqual(0, self.simulator.stats()["sessions"])
            self.connections.drop(self.pod_manager.uuid)

    def test_one_that_was_used_is_closed_when_it_is_idle_and_not_before(self):
        self.patch(connections, "IDLE_SECONDS", -1.0)
        kept = self.connections.get(self.pod_manager, connections.SYNC)
        with self.connections.use(self.pod_manager, connections.LIVE) as first:
            first.root()
            self.connections.close_idle()
            with self.connections.use(self.pod_manager, connections.LIVE) as second:
                self.assertIs(first, second)
        self.connections.close_idle()
        self.assertIsNone(self.connections.current(self.pod_manager.uuid, connections.LIVE))
        self.assertIs(kept, self.connections.current(self.pod_manager.uuid, connections.SYNC))
        self.assertEqual(0, self.simulator.stats()["sessions"])


class RefusalTest(ConnectionsCase):
    def refused(self, error, pod_manager):
        for kind in connections.KINDS:
            self.assertRaises(error, self.connections.get, pod_manager, kind)
            self.assertRaises(error, self.connections.use(pod_manager, kind).__enter__)
        self.assertRaises(error, self.connections.new, pod_manager)
        self.assertEqual(0, self.simulator.stats()["requests"])

    def test_nobody_contacts_a_pod_manager_in_maintenance(self):
        self.refused(errors.InMaintenance, self.pod_manager.replace(maintenance=True))

    def test_nobody_signs_in_without_the_password(self):
        self.refused(errors.SecretUnreadable, self.pod_manager.replace(password=None))
