# SPDX-License-Identifier: Apache-2.0
"""Calls, errors and contexts on the bus; here over ``local://``, in tests/functional over RabbitMQ."""

import oslo_messaging

from tests import base
from tests import message_bus
from valence.bus import bounds
from valence.bus import messaging
from valence.bus import rpc_client
from valence.common import bus_errors
from valence.common import errors


class CallTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.bus = self.useFixture(message_bus.Bus())
        self.server, self.probe = self.bus.serve()
        self.caller = self.bus.caller()
        self.context = message_bus.user_context()

    def call(self, method, timeout=5, **kwargs):
        return self.caller.call(self.context, "probe", method, timeout, **kwargs)

    def test_a_call_returns_what_the_method_returns(self):
        self.assertEqual({"a": [1, None, "ü"]}, self.call("echo", value={"a": [1, None, "ü"]}))

    def test_who_asks_travels_with_the_call_and_the_token_does_not(self):
        expected = {
            "request_id": self.context.request_id,
            "user_id": "u1",
            "project_id": "p1",
            "roles": ["reader", "member"],
            "auth_token": None,
        }
        self.assertEqual(expected, self.call("context"))

    def test_a_named_conductor_can_be_called(self):
        self.bus.serve("conductor-2")
        names = {self.call("who", server="conductor-2") for _each in range(4)}
        self.assertEqual({"conductor-2"}, names)

    def test_bulk_calls_go_to_whoever_serves_them(self):
        error = self.assertRaises(
            errors.ConductorUnavailable, self.call, "who", timeout=0.2, topic="valence.bulk"
        )
        self.assertIn("no answer", error.detail)
        self.bus.serve("conductor-2", topics=["valence.bulk"])
        self.assertEqual({"conductor-2"}, {self.call("who", topic="valence.bulk") for _each in range(4)})
        self.assertEqual("conductor-2", self.call("who", server="conductor-2", topic="valence.bulk"))

    def test_an_error_arrives_as_itself(self):
        error = self.assertRaises(errors.NotFound, self.call, "refuse", key="k1")
        self.assertIs(errors.NotFound, type(error))
        self.assertEqual({"kind": "probe", "key": "k1"}, error.kwargs)
        self.assertEqual("There is no probe k1.", error.detail)
        self.assertEqual("There is no probe k1.", str(error))

    def test_all_problems_of_a_body_arrive(self):
        error = self.assertRaises(errors.ValidationFailed, self.call, "invalid")
        self.assertEqual([{"path": "$.a", "detail": "No.", "hint": "Yes."}], error.problems)

    def test_an_expected_error_is_not_logged(self):
        self.assertRaises(errors.NotFound, self.call, "refuse", key="k1")
        self.assertNotIn("Traceback", self.log.output)

    def test_an_unexpected_error_arrives_as_internal_and_is_logged_once_with_its_traceback(self):
        error = self.assertRaises(errors.Internal, self.call, "fail")
        self.assertEqual({"host": "conductor-1"}, error.kwargs)
        self.assertEqual(1, self.log.output.count("Traceback"))
        self.assertIn("KeyError: 'a secret'", self.log.output)

    def test_neither_traceback_nor_cause_crosses_the_bus(self):
        for method, kwargs in (("fail", {}), ("refuse", {"key": "k1"})):
            error = self.assertRaises(
                oslo_messaging.RemoteError, self.raw_client().call, {}, method, **kwargs
            )
            self.assertNotIn("secret", str(error))
            self.assertNotIn("File", str(error))

    def raw_client(self):
        """Return a client that does not rebuild errors, so that they show as they were sent."""
        transport = oslo_messaging.get_rpc_transport(self.bus.conf)
        self.addCleanup(transport.cleanup)
        target = oslo_messaging.Target(topic=messaging.TOPIC, namespace="probe", version="1.0")
        return oslo_messaging.get_rpc_client(transport, target, timeout=5)

    def test_an_error_that_no_conductor_of_ours_sends_is_internal_and_logged(self):
        target = oslo_messaging.Target(topic=messaging.TOPIC, server="foreign")
        server = oslo_messaging.get_rpc_server(self.bus.transport(), target, [Foreign()])
        server.start()
        self.addCleanup(server.stop)
        error = self.assertRaises(
            errors.Internal, self.caller.call, self.context, "foreign", "fail", 5, server="foreign"
        )
        self.assertEqual({"host": self.bus.conf.host}, error.kwargs)
        self.assertIn("ForeignError", self.log.output)

    def test_a_method_that_is_not_marked_cannot_be_called(self):
        error = self.assertRaises(errors.ConductorUnavailable, self.call, "hidden")
        self.assertIn("does not know probe.hidden", error.detail)

    def test_a_conductor_of_another_version_says_so(self):
        error = self.assertRaises(errors.ConductorUnavailable, self.call, "new_method")
        self.assertIn(
            "conductor-1 is of another version and does not know probe.new_method 1.0", error.detail
        )

    def test_a_call_without_an_answer_says_how_long_it_waited(self):
        error = self.assertRaises(errors.ConductorUnavailable, self.call, "wait", timeout=0.2, seconds=5)
        self.assertRegex(error.detail, r"probe\.wait got no answer in [\d.]+ s")

    def test_a_read_is_made_once_more_when_its_first_conductor_is_silent(self):
        self.bus.serve("conductor-2")
        answers = {self.call("wait", timeout=2.5, repeatable=True, seconds=0.1) for _each in range(2)}
        self.assertEqual({0.1}, answers)
        self.probe.heard.clear()
        self.server.stop()
        error = self.assertRaises(
            errors.ConductorUnavailable,
            self.call,
            "wait",
            timeout=0.5,
            server="conductor-3",
            repeatable=True,
            seconds=5,
        )
        self.assertIn("no answer in 0.3 s", error.detail)

    def test_who_finds_no_place_is_refused_at_once(self):
        self.caller._places["valence.bulk"] = bounds.Places("for documents", 1)
        with self.caller._places["valence.bulk"].take():
            error = self.assertRaises(bus_errors.Busy, self.call, "who", topic="valence.bulk")
        self.assertEqual(5, error.retry_after)

    def test_a_call_that_needs_the_store_alone_waits_as_long_as_the_option_says(self):
        for seconds in (1, 3.5):
            self.bus.conf.set_override("call_timeout", seconds, "conductor")
            caller = self.bus.caller()
            self.assertEqual(("probe", seconds), self.waited(caller, None))
            self.assertEqual(("probe", 0.5), self.waited(caller, 0.5))
        self.bus.conf.set_override("call_timeout", 20, "conductor")
        self.assertEqual(("probe", 20), self.waited(self.bus.caller(), 10))

    def waited(self, caller, timeout):
        """Return the namespace and the seconds that a call was prepared with."""
        caller.call(self.context, "probe", "echo", timeout, value=1)
        return list(caller._prepared)[-1][:2]

    def test_a_cast_rings(self):
        self.caller.cast(self.context, "probe", "echo", value=1)
        self.wait_for(lambda: self.probe.heard == [1])

    def test_a_cast_can_ring_one_conductor_or_all(self):
        _server, other = self.bus.serve("conductor-2")
        self.caller.cast(self.context, "probe", "echo", server="conductor-2", value=1)
        self.wait_for(lambda: other.heard == [1])
        self.caller.cast(self.context, "probe", "echo", fanout=True, value=2)
        self.wait_for(lambda: other.heard == [1, 2] and self.probe.heard == [2])


class AbsenceTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.bus = self.useFixture(message_bus.Bus())

    def call(self, caller):
        return message_bus.timed(caller.call, message_bus.user_context(), "probe", "who", 60)

    def test_a_caller_that_was_not_started_refuses(self):
        caller = rpc_client.Caller(self.bus.conf, self.bus.transport())
        _seconds, error = self.call(caller)
        self.assertIsInstance(error, errors.BusUnavailable)

    def test_without_conductors_calls_are_refused_at_once_with_reason_and_time(self):
        caller = self.bus.caller(wait=False)
        self.wait_for(lambda: "no answer" in caller.liveness.state["reason"])
        seconds, error = self.call(caller)
        self.assert_in_time(seconds, rpc_client.INTERVAL)
        self.assertIsInstance(error, errors.ConductorUnavailable)
        self.assertRegex(error.detail, r"conductor\.ping got no answer in 1\.\d s, since \d{4}-.*Z")

    def test_calls_are_refused_soon_after_the_last_conductor_stopped_and_served_when_one_is_back(self):
        server, _probe = self.bus.serve()
        caller = self.bus.caller()
        server.stop()
        self.wait_for(lambda: not caller.liveness.alive, timeout=3)
        self.assert_in_time(self.call(caller)[0], rpc_client.INTERVAL)
        self.bus.serve()
        self.wait_for(lambda: self.call(caller)[1] is None, timeout=3)


class ForeignError(Exception):
    pass


class Foreign:
    target = oslo_messaging.Target(namespace="foreign", version="1.0")

    def fail(self, context):
        raise ForeignError("who knows")
