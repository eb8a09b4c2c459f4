# SPDX-License-Identifier: Apache-2.0
"""Changes are made again where somebody else was faster."""

from tests.unit.backup import case
from valence.backup import changes
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

    def test_a_change_is_made_again_after_another_one(self):
        mismatch = errors.RevisionMismatch(kind="job", key="a")
        self.assertEqual("done", changes.again(self.failing(3, mismatch)))

    def test_other_errors_are_told(self):
        self.assertRaises(
            errors.Duplicate, changes.again, self.failing(1, errors.Duplicate(kind="a", field="b", value="c"))
        )

    def test_an_expected_error_is_none(self):
        taken = errors.Duplicate(kind="a", field="b", value="c")
        self.assertEqual("done", changes.again(self.failing(1, taken), errors.Duplicate))

    def test_it_ends(self):
        forever = self.failing(changes.TRIES + 1, errors.RevisionMismatch(kind="job", key="a"))
        self.assertRaises(errors.RevisionMismatch, changes.again, forever)

    def test_what_is_not_found_is_called_as_the_tenant_calls_it(self):
        error = self.assertRaises(
            errors.NotFound, changes.find, self.store, self.demo, models.Session, "nope"
        )
        self.assertEqual(("session", "nope"), (error.kwargs["kind"], error.kwargs["key"]))
