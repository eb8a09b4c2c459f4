# SPDX-License-Identifier: Apache-2.0
"""The idle time of sessions, with the clock in the test's hands."""

from tests import base
from valence.simulator import options
from valence.simulator import redfish
from valence.simulator import sessions


class SessionsTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.now = 0
        self.sessions = sessions.Sessions(options.Behaviour(session_seconds=10), clock=lambda: self.now)
        self.token = self.sessions.create("admin", "password").token

    def is_in(self):
        try:
            self.sessions.check({"X-Auth-Token": self.token})
        except redfish.RedfishError as error:
            self.assertEqual(401, error.status)
            return False
        return True

    def test_a_session_lives_while_it_is_used(self):
        for self.now in (9, 18, 27):
            self.assertTrue(self.is_in())

    def test_an_idle_session_ends(self):
        self.now = 11
        self.assertFalse(self.is_in())
        self.assertEqual((), self.sessions.ids(None))

    def test_a_new_password_leaves_sessions_open(self):
        self.sessions.set_password("other")
        self.assertTrue(self.is_in())
        self.assertRaises(redfish.RedfishError, self.sessions.create, "admin", "password")

    def test_an_id_is_not_used_again(self):
        self.sessions.expire()
        self.assertEqual("2", self.sessions.create("admin", "password").id)
