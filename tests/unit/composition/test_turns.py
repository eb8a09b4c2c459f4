# SPDX-License-Identifier: Apache-2.0
"""Few requests of a project wait for others, and what one of them summed is carried to the next."""

import threading
import time

from tests import base
from valence.common import composition_errors
from valence.composition import turns
from valence.db import models

LONG = 60.0


class TurnsTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.turns = turns.Turns()
        self.threads = []

    def start(self, project_id):
        """Let a request take its turn in a thread."""

        def work():
            with self.turns.turn(project_id, time.monotonic() + LONG):
                pass

        self.threads.append(threading.Thread(target=work))
        self.threads[-1].start()

    def refused(self, project_id, seconds):
        turn = self.turns.turn(project_id, time.monotonic() + seconds)
        error = self.assertRaises(composition_errors.QuotaBusy, turn.__enter__)
        return error.status, error.retry_after

    def test_few_wait_and_the_next_one_is_refused_at_once(self):
        with self.turns.turn("demo", 0):
            for _ in range(turns.MOST_WAITING):
                self.start("demo")
            self.wait_for(lambda: self.turns._waiting == turns.MOST_WAITING)
            began = time.monotonic()
            self.assertEqual((503, 1), self.refused("demo", LONG))
            self.assertLess(time.monotonic() - began, LONG / 2)
            with self.turns.turn("other", 0):  # a project without others waits for nobody
                pass
        for thread in self.threads:
            thread.join(LONG)
            self.assertFalse(thread.is_alive())
        self.assertEqual((0, set()), (self.turns._waiting, self.turns._working))

    def test_one_waits_until_its_end(self):
        with self.turns.turn("demo", 0):
            self.assertEqual((503, 1), self.refused("demo", 0.01))
            self.assertEqual((503, 1), self.refused("demo", -1))
        with self.turns.turn("demo", 0):
            pass

    def test_an_error_ends_a_turn(self):
        def fail():
            with self.turns.turn("demo", 0):
                raise ValueError

        self.assertRaises(ValueError, fail)
        with self.turns.turn("demo", 0):
            pass


class CarriedTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.carried, self.row = turns.Carried(), self.quota()

    def quota(self, revision=1, second=0):
        moment = f"2026-01-01T00:00:{second:02}.000000Z"
        return models.Quota(project_id="demo", created_at=moment, revision=revision)

    def test_a_sum_counts_for_its_revision(self):
        self.carried.put(self.row, {"nodes": 2}, time.monotonic())
        self.assertEqual({"nodes": 2}, self.carried.get(self.row, ["nodes"]))
        self.assertIsNone(self.carried.get(self.row, ["nodes", "cores"]))
        self.assertIsNone(self.carried.get(self.quota(revision=2), ["nodes"]))
        self.assertIsNone(self.carried.get(self.quota(second=1), ["nodes"]), "it was set again")
        self.assertIsNone(self.carried.get(None, ["nodes"]))

    def test_the_next_revision_has_what_was_added(self):
        self.carried.put(self.row, {"nodes": 2}, time.monotonic())
        self.carried.add(self.quota(revision=2), {"nodes": 1, "cores": 8})
        self.assertEqual({"nodes": 3}, self.carried.get(self.quota(revision=2), ["nodes"]))
        self.assertIsNone(self.carried.get(self.row, ["nodes"]))

    def test_an_old_sum_does_not_count(self):
        self.carried.put(self.row, {"nodes": 2}, time.monotonic() - turns.LONGEST_CARRY)
        self.assertIsNone(self.carried.get(self.row, ["nodes"]))
