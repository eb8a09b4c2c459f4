# SPDX-License-Identifier: Apache-2.0
"""One deadline for many steps, some of which never end."""

import threading

from tests import base
from valence.conductor import service


class EndingTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.released = threading.Event()
        self.addCleanup(self.released.set)

    def test_what_is_left_is_never_less_than_nothing(self):
        now = [10.0]
        one = service.Ending(5, clock=lambda: now[0])
        now[0] = 12.0
        self.assertEqual(3, one.left())
        now[0] = 99.0
        self.assertEqual(0, one.left())

    def test_a_step_that_ends_is_waited_for(self):
        done = []
        self.assertTrue(service.Ending(10).run("step", lambda: done.append(1)))
        self.assertEqual([1], done)

    def test_one_that_does_not_is_left_behind_and_those_after_it_still_begin(self):
        one, began = service.Ending(0.1), threading.Event()
        self.assertFalse(one.run("step", lambda: self.released.wait(60)))
        one.run("next", began.set)
        self.assertTrue(began.wait(60))

    def test_one_that_takes_longer_than_its_grace_is_hurried(self):
        self.assertTrue(
            service.Ending(60).run("step", lambda: self.released.wait(60), grace=0.1, hurry=self.released.set)
        )

    def test_one_that_is_quick_is_not_hurried(self):
        hurried = []
        service.Ending(60).run("step", lambda: None, grace=30, hurry=lambda: hurried.append(1))
        self.assertEqual([], hurried)

    def test_one_that_fails_has_ended(self):
        def fail():
            raise ValueError

        self.assertTrue(service.Ending(10).run("step", fail))
