# SPDX-License-Identifier: Apache-2.0
"""Changes are made again where somebody else was faster."""

import functools
import threading

import fixtures

from tests import clock
from tests.contract import case as case_of_contract
from tests.unit.backup import case
from valence.backup import changes
from valence.common import context
from valence.common import errors
from valence.db import models


class ChangesTest(case.BackupCase):
    def failing(self, times, error):
        left = [error] * times

        def change():
            if left:
                raise left.pop()
            return "done"

        return change

    def again(self, change, *expected):
        return changes.again(self.store, self.demo, models.Job, "a", change, *expected)

    def test_changes_of_one_row_wait_for_each_other(self):
        """And those of another row, or of another process, do not."""
        inside, most = [], []

        def change():
            inside.append(1)
            most.append(len(inside))
            done.wait(0.001)
            inside.pop()

        done = threading.Event()
        results = case_of_contract.together(*[lambda: self.again(change)] * 24)
        self.assertEqual(([None] * 24, 1), (results, max(most)))

    def test_a_change_of_another_row_goes_on(self):
        other = functools.partial(changes.again, self.store, self.demo, models.Job, "b", lambda: "done")
        self.assertEqual("done", self.again(lambda: case_of_contract.together(other)[0]))

    def test_a_change_that_does_not_end_stops_others_for_a_limited_time(self):
        self.useFixture(fixtures.MonkeyPatch("valence.backup.changes.PATIENCE", 0.01))
        [failure] = self.again(lambda: case_of_contract.together(lambda: self.again(lambda: "done")))
        self.assertIsInstance(failure, errors.Unavailable)

    def test_a_change_waits_no_longer_than_its_caller(self):
        """It could not be stored any more, and the thread is needed for other calls."""
        self.useFixture(fixtures.MonkeyPatch("valence.backup.changes.PATIENCE", 30.0))
        until = context.Deadline(context.Clock(), self.store.now(), 0.01)

        def late():
            with context.hold_deadline(until):
                return self.again(lambda: "done")

        began = clock.seconds()
        [failure] = self.again(lambda: case_of_contract.together(late))
        self.assertIsInstance(failure, errors.Unavailable)
        self.assert_in_time(clock.seconds() - began, 5)

    def test_a_change_waits_longer_than_a_caller_does_without_a_sign_of_life(self):
        """The caller of a long call gets such signs meanwhile."""
        until = context.Deadline(context.Clock(), self.store.now(), 60, silence=0.01)

        def patient():
            with context.hold_deadline(until):
                return self.again(lambda: "done")

        def change():
            waiting = threading.Thread(target=lambda: results.extend(case_of_contract.together(patient)))
            waiting.start()
            waiting.join(0.2)
            return waiting

        results: list = []
        self.again(change).join()
        self.assertEqual(["done"], results)

    def test_a_change_is_made_again_after_another_one(self):
        mismatch = errors.RevisionMismatch(kind="job", key="a")
        self.assertEqual("done", self.again(self.failing(3, mismatch)))

    def test_other_errors_are_told(self):
        self.assertRaises(
            errors.Duplicate, self.again, self.failing(1, errors.Duplicate(kind="a", field="b", value="c"))
        )

    def test_an_expected_error_is_none(self):
        taken = errors.Duplicate(kind="a", field="b", value="c")
        self.assertEqual("done", self.again(self.failing(1, taken), errors.Duplicate))

    def test_it_ends(self):
        forever = self.failing(changes.TRIES + 1, errors.RevisionMismatch(kind="job", key="a"))
        self.assertRaises(errors.RevisionMismatch, self.again, forever)

    def test_what_is_not_found_is_called_as_the_tenant_calls_it(self):
        error = self.assertRaises(
            errors.NotFound, changes.find, self.store, self.demo, models.Session, "nope"
        )
        self.assertEqual(("session", "nope"), (error.kwargs["kind"], error.kwargs["key"]))
