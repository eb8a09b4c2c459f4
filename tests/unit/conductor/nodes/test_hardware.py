# SPDX-License-Identifier: Apache-2.0
"""Requests to hardware, and polls of it, by what is stored between them."""

import contextlib
import types

from tests import base
from tests.unit.conductor.nodes import case
from tests.unit.conductor.nodes import composing
from valence.common import composition_errors
from valence.common import errors
from valence.conductor.nodes import hardware
from valence.podmanagers import base as podmanagers


class Steps(hardware.Hardware):
    """The steps that all operations share."""

    def failed(self, error):
        """Return nothing: no operation ends here."""
        raise NotImplementedError


class Job:
    """An operation that is known by its handle; ``time`` is what the store says."""

    def __init__(self, driver=None):
        self.handle, self.step, self.time = {}, "work", 1000.0
        self.options = types.SimpleNamespace(timeout=30)
        self.node = types.SimpleNamespace(uuid="node-7", podm_id="row-7", handle={})
        self.store = types.SimpleNamespace(now=lambda: self.time)
        self._driver = driver

    def note_power(self, state):
        """Keep the power state that was read."""
        self.power_state = state

    def save(self, **values):
        """Store values of the handle."""
        self.handle = self.handle | values

    @contextlib.contextmanager
    def driver(self):
        """Give the driver."""
        yield self._driver


class Driver:
    """A machine, whose resets are ``sent``, and which refuses those in ``refused``; ``answers`` come before that."""

    def __init__(self, power_state, refused=(), answers=()):
        self.power_state, self.refused, self.sent = power_state, refused, []
        self.answers = list(answers)

    def machine_state(self, url):
        """Return the state of the machine."""
        return podmanagers.MachineState(self.power_state, ["graceful_shutdown"], None, None, None)

    def power(self, url, reset_type):
        """Switch the machine, which may take longer."""
        self.sent.append(reset_type)
        if self.answers:
            raise self.answers.pop(0)
        if reset_type in self.refused:
            raise errors.PodManagerError(url=url, reason="not now")
        return podmanagers.Outcome(podmanagers.DONE)


class PollsTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.job = Job()
        self.steps = Steps(self.job)

    def test_a_step_is_polled_until_its_time_is_over(self):
        self.assertEqual(hardware.INTERVAL, self.steps.again("not yet"))
        self.job.time += 30
        self.assertEqual(hardware.LONGEST_PAUSE, self.steps.again("not yet", 3600))
        self.job.time += 1
        error = self.assertRaises(composition_errors.CompositionFailed, self.steps.again, "not yet")
        self.assertIn("not yet", error.detail)

    def test_each_step_has_its_own_time(self):
        self.steps.again("not yet")
        self.job.step, self.job.time = "next", self.job.time + 31
        self.assertEqual(hardware.INTERVAL, self.steps.again("not yet"))

    def test_parts_are_free_after_they_were_seen_so_twice(self):
        self.assertEqual(hardware.FREE_SECONDS, self.steps.until_free_twice())
        self.job.time += hardware.FREE_SECONDS / 2
        self.assertEqual(hardware.FREE_SECONDS / 2, self.steps.until_free_twice())
        self.job.time += hardware.FREE_SECONDS / 2
        self.assertIsNone(self.steps.until_free_twice())


class RequestsTest(PollsTest):
    def ask(self, answer, **more):
        def request():
            if isinstance(answer, Exception):
                raise answer
            return answer

        return self.steps.asked(request, **more)

    def test_a_lost_answer_is_a_question(self):
        self.assertEqual(hardware.INTERVAL, self.ask(case.unknown()))

    def test_a_request_that_was_not_accepted_does_not_count(self):
        self.job.handle = {"requests": 2}
        self.assertEqual(hardware.INTERVAL, self.ask(composing.busy(), refused={"requests": 1}))
        self.assertEqual(1, self.job.handle["requests"])

    def test_a_task_is_stored_and_followed_until_it_ends(self):
        task = podmanagers.Outcome(podmanagers.TASK, task_url="/tasks/1", retry_after=4)
        self.assertEqual(4, self.ask(task))
        outcomes = [task, errors.ResourceGone(url="http://127.0.0.1", reason="404")]

        def follow(url):
            outcome = outcomes.pop(0)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        driver = types.SimpleNamespace(follow=follow)
        self.assertEqual(4, self.steps.followed(driver, lambda _: {}))
        self.assertIsNone(self.steps.followed(driver, lambda outcome: {"known": outcome.state}))
        self.assertEqual((None, podmanagers.UNKNOWN), (self.job.handle["task_url"], self.job.handle["known"]))

    def test_a_task_is_forgotten_when_it_fails_but_not_for_a_refused_password(self):
        for kind, left in ((errors.PodManagerAuthFailed, "/tasks/1"), (errors.PodManagerError, None)):
            self.job.handle = {"task_url": "/tasks/1"}
            answers = iter([kind(url="http://127.0.0.1", reason="401")])

            def follow(url, answers=answers):
                raise next(answers)

            driver = types.SimpleNamespace(follow=follow)
            self.assertRaises(kind, self.steps.followed, driver, lambda _: {})
            self.assertEqual(left, self.job.handle["task_url"])

    def test_what_was_made_is_stored(self):
        done = podmanagers.Outcome(podmanagers.DONE, resource_url="/systems/9")
        self.assertIsNone(self.ask(done, ended=lambda outcome: {"url": outcome.resource_url}))
        self.assertEqual("/systems/9", self.job.handle["url"])


class PowerTest(base.TestCase):
    def switch_off(self, driver, seconds=0.0):
        job = self.job = Job(driver)
        steps = Steps(job)
        job.options.timeout = 600
        first = steps.switched_off("/systems/1")
        job.time += seconds
        return first, steps.switched_off("/systems/1")

    def test_a_machine_that_is_off_is_left_alone(self):
        driver = Driver("Off")
        self.assertEqual((None, None), self.switch_off(driver))
        self.assertEqual([], driver.sent)

    def test_a_machine_is_forced_off_if_it_does_not_shut_down_in_time(self):
        driver = Driver("On")
        self.assertEqual((hardware.INTERVAL, hardware.INTERVAL), self.switch_off(driver, 10))
        self.assertEqual(["graceful_shutdown"], driver.sent)
        self.switch_off(driver, hardware.SHUTDOWN_SECONDS + 1)
        self.assertEqual(["graceful_shutdown", "graceful_shutdown", "force_off"], driver.sent)

    def test_a_machine_that_refuses_to_shut_down_is_forced_off_at_once(self):
        driver = Driver("On", refused=["graceful_shutdown"])
        self.assertEqual((0.0, hardware.INTERVAL), self.switch_off(driver))
        self.assertEqual(["graceful_shutdown", "force_off"], driver.sent)

    def test_a_shutdown_that_was_not_accepted_is_requested_again(self):
        busy = composition_errors.PodManagerBusy(url="/systems/1", reason="503", seconds=7)
        driver = Driver("On", answers=[busy])
        self.assertEqual((7, hardware.INTERVAL), self.switch_off(driver, hardware.SHUTDOWN_SECONDS + 1))
        self.assertEqual(["graceful_shutdown"] * 2, driver.sent)

    def test_a_shutdown_that_was_not_sent_is_requested_again(self):
        driver = Driver("On", answers=[case.unreachable()])
        steps = Steps(Job(driver))
        self.assertRaises(errors.PodManagerUnreachable, steps.switched_off, "/systems/1")
        steps.job.time += hardware.SHUTDOWN_SECONDS + 1
        self.assertEqual(hardware.INTERVAL, steps.switched_off("/systems/1"))
        self.assertEqual(["graceful_shutdown"] * 2, driver.sent)

    def test_a_shutdown_whose_answer_was_lost_is_not_repeated(self):
        driver = Driver("On", answers=[case.unknown()])
        self.switch_off(driver)
        self.assertEqual(["graceful_shutdown"], driver.sent)

    def force(self, driver):
        """Let the time for a shutdown pass, and force the machine off; return the steps and the seconds until then."""
        self.switch_off(driver)
        driver.sent.clear()
        self.job.time += hardware.SHUTDOWN_SECONDS + 1
        steps = Steps(self.job)
        return steps, steps.switched_off("/systems/1")

    def test_a_machine_is_forced_off_again_after_a_while_even_if_it_refuses(self):
        driver = Driver("On")
        steps, _ = self.force(driver)
        driver.refused = ["force_off"]
        for _ in range(10):
            self.job.time += 7
            self.assertEqual(hardware.INTERVAL, steps.switched_off("/systems/1"))
        self.assertEqual(["force_off"] * 3, driver.sent)

    def test_a_machine_that_refuses_to_be_forced_off_is_an_error(self):
        self.assertRaises(errors.PodManagerError, self.force, Driver("On", refused=["force_off"]))

    def test_a_busy_pod_manager_says_when_the_machine_is_forced_off(self):
        driver = Driver("On")
        self.switch_off(driver)
        driver.answers = [composition_errors.PodManagerBusy(url="/systems/1", reason="503", seconds=9)]
        self.job.time += hardware.SHUTDOWN_SECONDS + 1
        steps = Steps(self.job)
        self.assertEqual(9, steps.switched_off("/systems/1"))
        self.assertEqual(hardware.INTERVAL, steps.switched_off("/systems/1"))
        self.assertEqual(["graceful_shutdown", "force_off", "force_off"], driver.sent)
