# SPDX-License-Identifier: Apache-2.0
"""The in-process transport does what RabbitMQ does, without polling."""

import time

import fixtures
import oslo_messaging

from tests import base
from tests import message_bus
from valence.bus import local_driver
from valence.bus import messaging

TOPIC = "topic"


class Endpoint:
    def __init__(self, name="one"):
        self.name = name
        self.heard = []

    def call(self, ctxt, **kwargs):
        self.heard.append(kwargs)
        return {"name": self.name, "ctxt": ctxt, "kwargs": kwargs}

    def sleep(self, ctxt, seconds):
        time.sleep(seconds)
        return "slept"

    def fail(self, ctxt):
        raise ValueError("too high")

    def unserializable(self, ctxt):
        return 1 / 0


class LocalDriverTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.bus = self.useFixture(message_bus.Bus())

    def serve(self, name="one", stop=True):
        endpoint = Endpoint(name)
        target = oslo_messaging.Target(topic=TOPIC, server=name)
        server = oslo_messaging.get_rpc_server(self.bus.transport(), target, [endpoint])
        server.start()
        if stop:
            self.addCleanup(message_bus.stop_listener, server)
        return endpoint, server

    def client(self, **kwargs):
        target = oslo_messaging.Target(topic=TOPIC)
        return oslo_messaging.get_rpc_client(self.bus.transport(), target, timeout=5).prepare(**kwargs)

    def test_a_call_carries_context_arguments_and_answer_through_json(self):
        self.serve()
        answer = self.client().call({"request_id": "r"}, "call", pair=(1, "ü"))
        self.assertEqual({"name": "one", "ctxt": {"request_id": "r"}, "kwargs": {"pair": [1, "ü"]}}, answer)

    def test_the_server_cannot_change_what_the_caller_holds(self):
        self.serve()
        value = {"a": []}
        answer = self.client().call({}, "call", value=value)
        answer["kwargs"]["value"]["a"].append(1)
        self.assertEqual({"a": []}, value)

    def test_servers_on_a_topic_take_turns(self):
        self.serve("one")
        self.serve("two")
        names = [self.client().call({}, "call")["name"] for _each in range(4)]
        self.assertEqual({"one": 2, "two": 2}, {name: names.count(name) for name in names})

    def test_a_call_to_a_named_server_reaches_only_that(self):
        self.serve("one")
        self.serve("two")
        names = {self.client(server="two").call({}, "call")["name"] for _each in range(4)}
        self.assertEqual({"two"}, names)

    def test_a_fanout_reaches_every_server(self):
        endpoints = [self.serve(name)[0] for name in ("one", "two")]
        self.client(fanout=True).cast({}, "call", number=1)
        self.wait_for(lambda: all(each.heard for each in endpoints))
        self.assertEqual([[{"number": 1}]] * 2, [each.heard for each in endpoints])

    def test_a_cast_waits_for_a_server_that_stopped(self):
        message_bus.stop_listener(self.serve("one", stop=False)[1])
        self.client().cast({}, "call", number=1)
        endpoint, _server = self.serve("one")
        self.wait_for(lambda: endpoint.heard)

    def test_a_call_that_nobody_serves_times_out(self):
        self.assertRaises(oslo_messaging.MessagingTimeout, self.client(timeout=0.05).call, {}, "call")

    def test_a_call_whose_caller_gave_up_is_not_run(self):
        message_bus.stop_listener(self.serve("one", stop=False)[1])
        self.assertRaises(
            oslo_messaging.MessagingTimeout, self.client(timeout=0.05).call, {}, "call", number=1
        )
        endpoint, _server = self.serve("one")
        self.client().call({}, "call", number=2)
        self.assertEqual([{"number": 2}], endpoint.heard)

    def test_a_late_answer_disturbs_nobody(self):
        self.serve()
        self.assertRaises(
            oslo_messaging.MessagingTimeout, self.client(timeout=0.05).call, {}, "sleep", seconds=0.2
        )
        self.assertEqual("slept", self.client().call({}, "sleep", seconds=0.3))

    def test_a_call_may_be_monitored(self):
        self.serve()
        self.assertEqual("slept", self.client(call_monitor_timeout=2.8).call({}, "sleep", seconds=0.1))

    def test_an_error_arrives_as_over_rabbitmq(self):
        self.serve()
        error = self.assertRaises(ValueError, self.client().call, {}, "fail")
        self.assertIn("too high", str(error))

    def test_buses_of_other_names_are_apart(self):
        self.serve()
        other = self.useFixture(message_bus.Bus())
        client = oslo_messaging.get_rpc_client(
            other.transport(), oslo_messaging.Target(topic=TOPIC), timeout=0.05
        )
        self.assertRaises(oslo_messaging.MessagingTimeout, client.call, {}, "call")

    def test_more_calls_than_a_server_takes_at_a_time_are_all_answered(self):
        endpoint, _server = self.serve()
        client = self.client()
        for number in range(3 * local_driver.MAX_UNACKNOWLEDGED):
            client.cast({}, "call", number=number)
        self.wait_for(lambda: len(endpoint.heard) == 3 * local_driver.MAX_UNACKNOWLEDGED)

    def test_an_idle_bus_costs_nothing(self):
        self.serve()
        self.client().call({}, "call")
        started = time.thread_time(), time.process_time()
        time.sleep(1)
        self.assertLess(time.process_time() - started[1], 0.3)


class Consumer:
    def __init__(self, results=()):
        self.heard = []
        self._results = list(results)

    def info(self, ctxt, publisher_id, event_type, payload, metadata):
        self.heard.append(payload["number"])
        return self._results.pop(0) if self._results else None


class NotificationTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.bus = self.useFixture(message_bus.Bus())
        transport = messaging.get_notification_transport(self.bus.conf)
        self.notifier = oslo_messaging.Notifier(transport, "p", driver="messagingv2", topics=["news"])

    def send(self, *numbers):
        for number in numbers:
            self.notifier.info({}, "thing.created", {"number": number})

    def listen(self, consumer, pool=None):
        return self.bus.listen(consumer, topic="news", pool=pool)

    def test_notifications_wait_for_their_first_listener(self):
        self.send(1, 2)
        consumer = Consumer()
        self.listen(consumer)
        self.wait_for(lambda: consumer.heard == [1, 2])

    def test_every_pool_gets_each_notification_once(self):
        one, two = Consumer(), Consumer()
        for consumer, pool in ((one, "a"), (one, "a"), (two, "b")):
            self.listen(consumer, pool)
        self.send(1, 2, 3)
        self.wait_for(lambda: sorted(one.heard) == sorted(two.heard) == [1, 2, 3])

    def test_a_notification_that_is_given_back_comes_again(self):
        consumer = Consumer([oslo_messaging.NotificationResult.REQUEUE])
        self.listen(consumer)
        self.send(1)
        self.wait_for(lambda: consumer.heard == [1, 1])

    def test_of_notifications_that_nobody_reads_the_newest_are_kept(self):
        self.useFixture(fixtures.MonkeyPatch("valence.bus.local_driver.MAX_LENGTH", 3))
        self.send(1, 2, 3, 4, 5)
        consumer = Consumer()
        self.listen(consumer)
        self.wait_for(lambda: consumer.heard == [3, 4, 5])
