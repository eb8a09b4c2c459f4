# SPDX-License-Identifier: Apache-2.0
"""A lock that goes to whoever waits longest."""

import threading

from tests import base
from valence.db.etcd import commits


class FairLockTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.lock, self.got = commits.FairLock(), []
        self.assertTrue(self.lock.acquire(1))

    def wait_in_line(self, name):
        """Return a thread that waits for the lock, behind all who wait already."""
        waiting = len(self.lock._waiting)

        def take():
            self.assertTrue(self.lock.acquire(60))
            self.got.append(name)
            self.lock.release()

        thread = threading.Thread(target=take)
        thread.start()
        self.wait_for(lambda: len(self.lock._waiting) > waiting)
        return thread

    def test_it_is_given_in_the_order_in_which_it_was_asked_for(self):
        threads = [self.wait_in_line(number) for number in range(5)]
        self.lock.release()
        for thread in threads:
            thread.join()
        self.assertEqual(list(range(5)), self.got)

    def test_whoever_releases_it_is_not_the_next_one(self):
        thread = self.wait_in_line("other")
        self.lock.release()
        self.assertTrue(self.lock.acquire(60))
        self.assertEqual(["other"], self.got)
        thread.join()

    def test_whoever_waits_no_longer_does_not_get_it(self):
        self.assertFalse(self.lock.acquire(0.01))
        self.lock.release()
        self.assertTrue(self.lock.acquire(0))

    def test_one_that_is_given_at_the_last_moment_is_got(self):
        turn = threading.Event()
        self.lock._waiting.append(turn)
        self.lock.release()
        self.assertFalse(self.lock._give_up(turn))
