# SPDX-License-Identifier: Apache-2.0
"""How the service of calls ends; over ``local://``."""

import threading

from tests import base
from tests import message_bus
from valence.common import errors


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
