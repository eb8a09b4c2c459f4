# SPDX-License-Identifier: Apache-2.0
"""How the service of calls ends; over ``local://``."""

import threading

from tests import base
from tests import figures
from tests import message_bus
from valence.common import context
from valence.common import errors


class Gate:
    """The site of a conductor that knows the database's clock."""

    def __init__(self):
        self.clock, self.site, self.other = context.Clock(), "s", None
        now = context.boottime()
        self.clock.hear(now, now, now, now)

    def require_site(self, site):
        pass


class DeadlineTest(base.TestCase):
    def test_a_caller_without_heartbeats_waits_as_long_as_it_says(self):
        """A local transport sends none, so the caller's silence is no sign that it has given up."""
        bus = self.useFixture(message_bus.Bus())
        bus.serve(gate=Gate())
        current, end = bus.caller().call(message_bus.user_context(), "probe", "deadline", 30)
        self.assertIsNotNone(end)
        self.assertEqual(end, current)


class CallTest(base.TestCase):
    def setUp(self):
        super().setUp()
        bus = self.useFixture(message_bus.Bus())
        bus.serve()
        self.caller = bus.caller()

    def call(self, method, **values):
        self.context = message_bus.user_context()
        return self.caller.call(self.context, "probe", method, 5, **values)

    def test_each_call_of_a_thread_runs_under_the_context_of_whoever_asks(self):
        for _ in range(8):
            logged = self.call("logged")
            self.assertEqual(self.context.request_id, logged)

    def test_a_call_is_timed_by_its_name(self):
        with figures.growth("valence_conductor_rpc_seconds_count", method="probe.who") as count:
            for _ in range(3):
                self.call("who")
        self.assertEqual(3, count())

    def test_a_failure_is_counted_by_its_code_and_raised(self):
        name = "valence_conductor_rpc_failures_total"
        with (
            figures.growth(name, method="probe.refuse", code="valence.not_found") as expected,
            figures.growth(name, method="probe.fail", code="valence.internal") as unexpected,
        ):
            self.assertRaises(errors.NotFound, self.call, "refuse", key="1")
            self.assertRaises(errors.Internal, self.call, "fail")
        self.assertEqual((1, 1), (expected(), unexpected()))


class ServerTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.bus = self.useFixture(message_bus.Bus())
        self.server, self.probe = self.bus.serve()
        self.caller = self.bus.caller()

    def begin_call(self, **options):
        """Begin a call that waits and return the list that its answer or error will be in."""
        results, options = [], {"seconds": 10} | options

        def call():
            try:
                results.append(self.caller.call(message_bus.user_context(), "probe", "wait", 5, **options))
            except errors.ValenceError as error:
                results.append(error)

        thread = threading.Thread(target=call, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.wait_for(lambda: self.probe.heard)
        return results

    def test_stopping_waits_until_running_calls_are_answered(self):
        results = self.begin_call()
        threading.Timer(0.2, self.probe.may_go_on.set).start()
        self.assertTrue(self.server.stop())
        self.wait_for(lambda: results == [10])

    def test_stopping_waits_for_bulk_calls_too(self):
        server, self.probe = self.bus.serve("conductor-2", topics=["valence.bulk"])
        results = self.begin_call(topic="valence.bulk")
        threading.Timer(0.2, self.probe.may_go_on.set).start()
        self.assertTrue(server.stop())
        self.wait_for(lambda: results == [10])

    def test_stopping_leaves_calls_behind_that_do_not_end_in_time(self):
        self.bus.conf.set_override("drain_seconds", 1, "conductor")
        server, self.probe = self.bus.serve("conductor-1")
        self.server.stop()
        self.begin_call()
        self.assertFalse(server.stop())
        self.assertIn("left behind", self.log.output)
