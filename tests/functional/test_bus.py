# SPDX-License-Identifier: Apache-2.0
"""The bus on a real RabbitMQ: what it carries, and what happens when the broker or a conductor is killed."""

import concurrent.futures
import json
import os
import signal
import threading
import time

import fixtures
import kombu
from oslo_messaging._drivers import common
from testtools import content

from tests import base
from tests import clock
from tests import message_bus
from tests import process
from tests import servers
from valence.bus import messaging
from valence.bus import notifications
from valence.common import errors

#: seconds within which a request has to fail when what it needs is gone: 3, and room for a busy machine
FAIL_SECONDS = 4
#: a request that is refused without a wait for anybody ends within less; each such wait is longer
AT_ONCE = 1
TOPIC = "valence_versioned_notifications"
QUEUE = f"{TOPIC}.info"
WHEN = "2026-11-21T03:37:02Z"
#: the policy that the documentation recommends, with another length
POLICY = {"max-length": 10, "overflow": "drop-head"}


class Consumer:
    """An endpoint of an oslo.messaging listener that keeps the ids of what it gets."""

    def __init__(self):
        self.ids = []

    def info(self, ctxt, publisher_id, event_type, payload, metadata):
        self.ids.append(metadata["message_id"])


class CarryTest(base.TestCase):
    """On the broker that all tests share, in a virtual host of its own."""

    def setUp(self):
        super().setUp()
        self.broker = servers.rabbitmq()
        self.vhost = self.broker.add_vhost()
        self.bus = self.useFixture(message_bus.Bus(self.broker.url(self.vhost)))

    def notifier(self):
        notifier = notifications.Notifier(self.bus.conf)
        self.addCleanup(notifier.stop)
        return notifier

    def publish(self, count):
        notifier = self.notifier()
        for number in range(count):
            notifier.publish("valence.resource.added", {"sequence": number}, str(number), WHEN)

    def test_calls_errors_and_contexts_cross_the_broker(self):
        self.bus.serve()
        caller = self.bus.caller()
        context = message_bus.user_context()
        for timeout in (2.5, 60):
            self.assertEqual(
                {"ü": [1, None]}, caller.call(context, "probe", "echo", timeout, value={"ü": [1, None]})
            )
        self.assertEqual(context.request_id, caller.call(context, "probe", "context", 2.5)["request_id"])
        error = self.assertRaises(errors.NotFound, caller.call, context, "probe", "refuse", 2.5, key="k1")
        self.assertEqual("There is no probe k1.", error.detail)
        error = self.assertRaises(errors.Internal, caller.call, context, "probe", "fail", 2.5)
        self.assertNotIn("secret", str(error))

    def test_whoever_waits_for_messages_does_not_wake_up_every_few_milliseconds(self):
        driver = self.bus.transport()._driver
        with driver._get_connection(common.PURPOSE_LISTEN) as connection:
            connection.declare_direct_consumer("replies_of_nobody", self.fail)
            began = time.monotonic()
            self.assertRaises(common.Timeout, connection.consume, timeout=0.001)
            self.assertGreaterEqual(time.monotonic() - began, messaging.POLL_SECONDS)

    def test_casts_cross_the_broker_to_one_and_to_all(self):
        probes = [self.bus.serve(host)[1] for host in ("conductor-1", "conductor-2")]
        caller = self.bus.caller()
        caller.cast(message_bus.user_context(), "probe", "echo", server="conductor-2", value=1)
        self.wait_for(lambda: probes[1].heard == [1])
        caller.cast(message_bus.user_context(), "probe", "echo", fanout=True, value=2)
        self.wait_for(lambda: probes[0].heard == [2] and probes[1].heard == [1, 2])

    def test_a_server_starts_while_the_last_queue_of_its_exchange_goes(self):
        bind, lost = kombu.Queue.queue_bind, []

        def bind_later(queue, *args, **kwargs):
            if queue.exchange.type == "fanout" and len(lost) < 2:
                lost.append(queue.exchange.delete())  # as when the only other conductor is killed
            return bind(queue, *args, **kwargs)

        self.useFixture(fixtures.MonkeyPatch("kombu.Queue.queue_bind", bind_later))
        _, probe = self.bus.serve()
        self.assertEqual(2, len(lost))
        self.bus.caller().cast(message_bus.user_context(), "probe", "echo", fanout=True, value=2)
        self.wait_for(lambda: probe.heard == [2])
        limits = self.broker.ctl("list_consumers", "--vhost", self.vhost, "queue_name", "prefetch_count")
        self.assertIn(["valence.conductor", "1"], [each.split() for each in limits.splitlines()])

    def test_a_server_that_ends_leaves_new_calls_to_the_others(self):
        ending, probe = self.bus.serve("conductor-1")
        self.bus.serve("conductor-2")
        caller, context = self.bus.caller(), message_bus.user_context()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            last = pool.submit(caller.call, context, "probe", "wait", 60, server="conductor-1", seconds=1.5)
            self.wait_for(lambda: probe.heard)
            stopped = pool.submit(ending.stop)
            while not stopped.done():
                caller.call(context, "probe", "who", 2.5)
            self.assertEqual(1.5, last.result())
        self.assertEqual({"conductor-2"}, {caller.call(context, "probe", "who", 2.5) for _ in range(20)})

    def test_calls_that_wait_are_written_to_no_disk(self):
        server, _ = self.bus.serve()
        caller = self.bus.caller()
        server.stop()
        caller.cast(message_bus.user_context(), "probe", "who")
        with kombu.Connection(self.bus.url.replace("rabbit:", "amqp:")) as connection:
            get = connection.default_channel.basic_get
            waiting = self.wait_for(lambda: get("valence.conductor", no_ack=True))
        self.assertEqual(kombu.Exchange.TRANSIENT_DELIVERY_MODE, waiting.properties["delivery_mode"])

    def test_bulk_calls_have_queues_of_their_own(self):
        self.bus.serve(topics=["valence.bulk"])
        caller, context = self.bus.caller(), message_bus.user_context()
        value = "x" * 300_000
        answer = caller.call(
            context, "probe", "echo", 2.5, server="conductor-1", topic="valence.bulk", value=value
        )
        self.assertEqual(value, answer)
        names = {each["name"] for each in self.broker.queues(self.vhost, "durable") if each["durable"]}
        self.assertLess({"valence.bulk", "valence.bulk.conductor-1"}, names)

    def test_monitored_calls_to_unknown_methods_leave_no_threads(self):
        self.bus.serve()
        caller = self.bus.caller()
        error = self.assertRaises(
            errors.ConductorUnavailable, caller.call, message_bus.user_context(), "probe", "new_method", 60
        )
        self.assertIn("another version", error.detail)
        self.assertEqual([], [each.name for each in threading.enumerate() if "_watchdog" in each.name])

    def test_queues_are_durable_or_exclusive_as_rabbitmq_4_demands(self):
        self.bus.serve()
        self.bus.caller()
        self.publish(1)
        queues = self.broker.queues(self.vhost, "durable", "exclusive")
        self.assertEqual({True}, {each["durable"] or each["exclusive"] for each in queues})
        durable = {each["name"] for each in queues if each["durable"]}
        self.assertEqual({"valence.conductor", "valence.conductor.conductor-1", QUEUE}, durable)

    def test_queues_of_a_process_go_away_with_it(self):
        with message_bus.Bus(self.bus.url) as short_lived:
            short_lived.serve()
            short_lived.caller()
        left = {"valence.conductor", "valence.conductor.conductor-1"}
        self.wait_for(lambda: {each["name"] for each in self.broker.queues(self.vhost)} == left)

    def test_an_oslo_messaging_listener_gets_every_notification(self):
        self.publish(3)
        consumer = Consumer()
        self.bus.listen(consumer)
        self.wait_for(lambda: consumer.ids == ["0", "1", "2"])

    def test_a_plain_consumer_reads_the_envelope_as_json(self):
        self.notifier().publish("valence.resource.added", {"sequence": 1}, "e1", WHEN, request_id="req-1")
        with kombu.Connection(f"amqp://guest:guest@127.0.0.1:{self.broker.port}/{self.vhost}") as connection:
            body = connection.SimpleQueue(kombu.Queue(QUEUE, no_declare=True)).get(timeout=60).payload
        self.assertEqual("2.0", body["oslo.version"])
        message = json.loads(body["oslo.message"])
        self.assertLessEqual(
            {
                "event_type": "valence.resource.added",
                "message_id": "e1",
                "payload": {"sequence": 1},
                "priority": "INFO",
                "timestamp": WHEN,
                "_context_request_id": "req-1",
            }.items(),
            message.items(),
        )

    def test_the_documented_policy_bounds_a_queue_that_nobody_reads(self):
        self.assert_policy_bounds_the_queue("classic")

    def test_the_documented_policy_bounds_quorum_queues_too(self):
        self.bus.conf.set_override("rabbit_quorum_queue", True, "oslo_messaging_rabbit")
        self.assert_policy_bounds_the_queue("quorum")

    def assert_policy_bounds_the_queue(self, kind):
        self.broker.set_policy("valence-notifications", f"^{TOPIC}", POLICY, self.vhost)
        self.publish(50)
        self.assertEqual([{"name": QUEUE, "type": kind}], self.broker.queues(self.vhost, "type"))
        consumer = Consumer()
        self.bus.listen(consumer)
        self.wait_for(lambda: "49" in consumer.ids)
        self.assertEqual([str(number) for number in range(40, 50)], consumer.ids)

    def test_clusters_may_have_quorum_queues_for_requests(self):
        self.bus.conf.set_override("rabbit_quorum_queue", True, "oslo_messaging_rabbit")
        self.bus.serve()
        caller = self.bus.caller()
        self.assertEqual(1, caller.call(message_bus.user_context(), "probe", "echo", 2.5, value=1))
        kinds = {each["name"]: each["type"] for each in self.broker.queues(self.vhost, "type")}
        self.assertEqual("quorum", kinds["valence.conductor"])


class Loop(threading.Thread):
    """Calls again and again, as the requests of an API do, and keeps how each call went."""

    def __init__(self, caller):
        super().__init__(daemon=True)
        self._caller = caller
        self._stopping = threading.Event()
        #: (monotonic time of the end, seconds, error or None) of each call
        self.calls = []

    def run(self):
        while not self._stopping.is_set():
            seconds, error = message_bus.timed(
                self._caller.call, message_bus.user_context(), "probe", "echo", 2.5, value=1
            )
            self.calls.append((clock.seconds(), seconds, error))
            # what a client does with an answer, or waits before it tries again; a few of eight calls are in flight
            time.sleep(0.05 if error else 0.01)

    def stop(self):
        self._stopping.set()
        self.join(60)

    def succeeded_since(self, moment):
        """Return whether a call ended well after a monotonic time."""
        return any(end > moment and error is None for end, _seconds, error in list(self.calls))


class KillTest(base.TestCase):
    """On a broker that these tests have to themselves, with a conductor in a process of its own."""

    time_limit = 180

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.broker = servers.RabbitMQ()
        cls.addClassCleanup(cls.broker.cleanUp)
        cls.broker.setUp()

    def setUp(self):
        super().setUp()
        if not self.broker.processes:  # the last test has killed it
            self.broker.start()
        self.bus = self.useFixture(message_bus.Bus(self.broker.url(self.broker.add_vhost())))

    def start_conductor(self):
        conductor = self.useFixture(
            process.Process(
                "python", "-m", "tests.message_bus", self.bus.url, "conductor-1", folder=self.make_folder()
            )
        )
        conductor.wait_until(lambda: "ready" in conductor.log())
        return conductor

    def loops(self, caller, count=8):
        loops = [Loop(caller) for _each in range(count)]
        for each in loops:
            self.addCleanup(each.stop)
            each.start()
        self.wait_for(lambda: all(each.succeeded_since(0) for each in loops))
        return loops

    def call(self, caller, method="who", timeout=2.5, **kwargs):
        return message_bus.timed(caller.call, message_bus.user_context(), "probe", method, timeout, **kwargs)

    def assert_recovers(self, loops, what):
        started = clock.seconds()
        self.wait_for(lambda: all(each.succeeded_since(started) for each in loops), timeout=30)
        self.note(f"all recovered {clock.seconds() - started:.1f} s after {what}")

    def assert_fails_in_time(self, loops, since):
        calls = [each for loop in loops for each in loop.calls if each[0] > since]
        failed = [seconds for _end, seconds, error in calls if error]
        self.note(f"{len(failed)} of {len(calls)} calls failed, the slowest took {max(failed):.2f} s")
        self.assert_in_time(max(seconds for _end, seconds, _error in calls), FAIL_SECONDS)
        unexpected = {type(error).__name__ for _end, _seconds, error in calls if error}
        self.assertLessEqual(unexpected, {"BusUnavailable", "ConductorUnavailable"})

    def note(self, text):
        """Keep a figure: shown when the test fails."""
        self.addDetail("figure", content.text_content(text))
        print(f"{self.id()}: {text}")

    def test_calls_fail_within_3_seconds_when_the_broker_is_killed_and_recover_by_themselves(self):
        self.start_conductor()
        caller = self.bus.caller()
        loops = self.loops(caller)
        killed = clock.seconds()
        self.broker.kill()
        self.wait_for(lambda: not caller.liveness.alive)
        self.note(f"known to be away {clock.seconds() - killed:.1f} s after the kill")
        seconds, error = self.call(caller, timeout=20)
        self.assert_in_time(seconds, AT_ONCE)
        self.assertRegex(error.detail, r"Connection (refused|reset by peer), since \d{4}-")
        time.sleep(5)  # several rounds of reconnection and heartbeats have to fail
        self.broker.start()
        self.assert_recovers(loops, "the broker was back")
        self.assert_fails_in_time(loops, killed)

    def test_calls_fail_within_3_seconds_when_the_broker_hangs(self):
        self.start_conductor()
        caller = self.bus.caller()
        loops = self.loops(caller)
        paused = clock.seconds()
        os.kill(self.broker.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, self.broker.pid, signal.SIGCONT)
        self.wait_for(lambda: not caller.liveness.alive)
        self.assert_in_time(self.call(caller, timeout=20)[0], AT_ONCE)
        os.kill(self.broker.pid, signal.SIGCONT)
        self.assert_recovers(loops, "the broker woke")
        self.assert_fails_in_time(loops, paused)

    def test_calls_fail_within_3_seconds_when_the_conductor_is_killed_and_recover_by_themselves(self):
        conductor = self.start_conductor()
        caller = self.bus.caller()
        loops = self.loops(caller)
        slow = [Slow(self.call, caller, timeout) for timeout in (2.5, 60)]
        time.sleep(1.2)  # a sign of life of the monitored call has come
        killed = clock.seconds()
        conductor.kill()
        for each in slow:
            seconds, error = each.result(killed)
            self.note(f"a call in flight failed {seconds:.2f} s after the kill: {error.detail}")
            self.assert_in_time(seconds, FAIL_SECONDS)
            self.assertIsInstance(error, errors.ConductorUnavailable)
        self.wait_for(lambda: not caller.liveness.alive)
        conductor.start()
        self.assert_recovers(loops, "the start of the conductor")
        self.assert_fails_in_time(loops, killed)

    def test_api_and_conductor_may_start_before_the_broker(self):
        self.broker.kill()
        caller = self.bus.caller(wait=False)
        server = threading.Thread(target=self.bus.serve, daemon=True)
        server.start()
        seconds, error = self.call(caller, timeout=20)
        self.assert_in_time(seconds, AT_ONCE)
        self.assertIsInstance(error, errors.BusUnavailable)
        server.join(60)
        self.assertFalse(server.is_alive(), "the server's start waits for the broker")
        self.broker.start()
        self.wait_for(lambda: self.call(caller)[1] is None, timeout=15)

    def test_api_and_conductor_stop_in_time_while_the_broker_is_away(self):
        self.bus.conf.set_override("drain_seconds", 30, "conductor")
        server, probe = self.bus.serve()
        caller = self.bus.caller()
        slow = Slow(self.call, caller, 2.5)
        self.wait_for(lambda: probe.heard)
        self.broker.kill()
        probe.may_go_on.set()
        self.assert_in_time(message_bus.timed(caller.stop)[0], 3)
        started = clock.seconds()
        self.assertTrue(server.stop())
        self.note(f"the server stopped in {clock.seconds() - started:.1f} s")
        slow.result(0)

    def test_a_doorbell_does_not_wait_for_a_broker_that_is_away(self):
        self.start_conductor()
        caller = self.bus.caller()
        self.broker.kill()
        for _each in range(20):
            seconds, error = message_bus.timed(
                caller.cast, message_bus.user_context(), "probe", "echo", value=1
            )
            self.assert_in_time(seconds, AT_ONCE)
            self.assertIsNone(error)

    def test_every_notification_arrives_although_the_broker_is_killed(self):
        consumer = Consumer()
        self.bus.listen(consumer)
        notifier = notifications.Notifier(self.bus.conf)
        self.addCleanup(notifier.stop)
        publisher = Publisher(notifier)
        self.addCleanup(publisher.stop)
        publisher.start()
        self.wait_for(lambda: publisher.confirmed > 50)
        self.broker.kill()
        self.wait_for(lambda: publisher.refused)
        self.broker.start()
        before = publisher.confirmed
        self.wait_for(lambda: publisher.confirmed > before + 50, timeout=30)
        publisher.stop()
        wanted = {str(number) for number in range(publisher.confirmed)}
        self.wait_for(lambda: wanted <= set(consumer.ids), timeout=30)
        self.note(
            f"{len(wanted)} confirmed, {len(consumer.ids)} received, slowest publish {publisher.slowest:.2f} s"
        )
        self.assert_in_time(publisher.slowest, 5)


class Slow(threading.Thread):
    """A call that waits in the conductor."""

    def __init__(self, call, caller, timeout):
        super().__init__(daemon=True)
        self._call = call, caller, timeout
        self.start()

    def run(self):
        call, caller, timeout = self._call
        _seconds, self._error = call(caller, "wait", timeout, seconds=30)
        self._end = clock.seconds()

    def result(self, since):
        """Return how long after ``since`` the call ended, and its error."""
        self.join(60)
        return self._end - since, self._error


class Publisher(threading.Thread):
    """Publishes numbers in order, each until it is confirmed, as the outbox does."""

    def __init__(self, notifier):
        super().__init__(daemon=True)
        self._notifier = notifier
        self._stopping = threading.Event()
        self.confirmed = self.refused = 0
        self.slowest = 0

    def run(self):
        while not self._stopping.wait(0.001):
            message = ("valence.resource.added", {"sequence": self.confirmed}, str(self.confirmed), WHEN)
            seconds, error = message_bus.timed(self._notifier.publish, *message)
            self.slowest = max(self.slowest, seconds)
            if error:
                self.refused += 1
                self._stopping.wait(0.2)
            else:
                self.confirmed += 1

    def stop(self):
        self._stopping.set()
        self.join(60)
