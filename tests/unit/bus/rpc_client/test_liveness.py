# SPDX-License-Identifier: Apache-2.0
"""What callers know of conductors, and from when on they are refused."""

import threading
import time

import fixtures

from tests import base
from valence.bus import rpc_client
from valence.common import errors

INTERVAL = 0.02
LIMIT = 0.1
HOST = {"host": "conductor-1"}
AWAY = errors.BusUnavailable(reason="Connection refused")


class Pings:
    """Answers pings as it is told to."""

    def __init__(self, error=None):
        self.error = error
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.asked = 0

    def __call__(self, timeout):
        self.asked += 1
        self.may_answer.wait()
        if self.error:
            raise self.error
        return HOST


class LivenessTest(base.TestCase):
    def watch(self, error=None, limit=LIMIT):
        self.pings = Pings(error)
        watched = rpc_client.Liveness(self.pings, INTERVAL, limit)
        self.addCleanup(watched.stop)
        self.addCleanup(self.pings.may_answer.set)
        return watched

    def started(self, **kwargs):
        watched = self.watch(**kwargs)
        watched.start()
        return watched

    def test_before_the_first_answer_it_refuses(self):
        watched = self.watch()
        error = self.assertRaises(errors.BusUnavailable, watched.require)
        self.assertRegex(error.detail, r"there is no connection yet, since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

    def test_with_an_answer_it_lets_pass_and_tells_what_the_conductor_said(self):
        watched = self.started(limit=60)
        self.assertTrue(watched.wait(60))
        watched.require()
        state = watched.state
        self.assertRegex(state.pop("since"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual({"alive": True, "reason": None, "conductor": HOST}, state)

    def test_it_says_why_nobody_answers(self):
        watched = self.started(error=AWAY)
        self.wait_for(lambda: watched.state["reason"] == "Connection refused")
        self.assertRaises(errors.BusUnavailable, watched.require)

    def test_one_lost_ping_is_forgiven(self):
        watched = self.started(limit=60)
        watched.wait(60)
        self.pings.error = AWAY
        self.wait_for(lambda: watched._problem is AWAY)
        watched.require()

    def test_it_refuses_when_the_last_answer_is_too_old(self):
        watched = self.started()
        watched.wait(60)
        self.pings.error = AWAY
        self.wait_for(lambda: not watched.alive)
        error = self.assertRaises(errors.BusUnavailable, watched.require)
        self.assertIn("Connection refused, since", error.detail)

    def test_it_refuses_while_a_ping_hangs(self):
        watched = self.started()
        watched.wait(60)
        self.pings.may_answer.clear()
        self.wait_for(lambda: not watched.alive)
        error = self.assertRaises(errors.BusUnavailable, watched.require)
        self.assertIn("it does not answer", error.detail)

    def test_it_recovers_by_itself(self):
        watched = self.started(error=AWAY, limit=60)
        self.wait_for(lambda: self.pings.asked > 2)
        self.pings.error = None
        self.wait_for(lambda: watched.alive)
        watched.require()

    def test_any_answer_counts_as_life(self):
        watched = self.watch(limit=60)
        watched.hear()
        watched.require()

    def test_a_stop_of_the_own_process_is_no_silence_of_others(self):
        watched = self.watch(limit=2.5)
        watched.hear()
        now = time.monotonic()
        with fixtures.MonkeyPatch("valence.bus.rpc_client.time.monotonic", lambda: now + 60):
            watched.require()

    def test_a_ping_that_fails_in_another_way_is_a_reason_too(self):
        watched = self.started(error=errors.Internal(host="conductor-1"))
        self.wait_for(lambda: "unexpected error" in watched.state["reason"])
        self.assertRaises(errors.ConductorUnavailable, watched.require)

    def test_it_logs_the_loss_and_the_return_once(self):
        watched = self.started(error=AWAY)
        self.wait_for(lambda: self.pings.asked > 3)
        self.pings.error = None
        self.wait_for(lambda: watched.alive)
        self.wait_for(lambda: "conductors answer" in self.log.output)
        self.assertEqual(1, self.log.output.count("Connection refused"))
        self.assertEqual(1, self.log.output.count("conductors answer"))

    def test_stopping_ends_the_pings(self):
        watched = self.started()
        watched.wait(60)
        watched.stop()
        asked = self.pings.asked
        self.assertFalse(watched._thread.is_alive())
        self.assertEqual(asked, self.pings.asked)
