# SPDX-License-Identifier: Apache-2.0
"""What the errors of composition tell."""

import pickle

from tests import base
from valence.common import composition_errors


class CompositionErrorsTest(base.TestCase):
    def test_a_refusal_has_a_problem_for_each_part_each_with_a_hint(self):
        own = {"path": "$.properties.memory", "detail": "512 MiB are missing", "hint": "Ask for 1024."}
        error = composition_errors.NothingFits(
            problems=[{"path": "$.properties.accelerator", "detail": "3 of 4 GPUs are free"}, own]
        )
        self.assertEqual("No free hardware satisfies the request.", error.detail)
        first, second = error.problems
        self.assertEqual(composition_errors.NothingFits.hint, first["hint"])
        self.assertEqual(own, second)

    def test_a_refusal_may_name_the_rule_that_removed_the_most(self):
        error = composition_errors.NothingFits(problems=[{"detail": "x"}], summary="12 GPUs are reserved.")
        self.assertEqual("12 GPUs are reserved.", pickle.loads(pickle.dumps(error)).detail)

    def test_a_busy_pod_manager_says_when_to_send_the_request_again(self):
        error = composition_errors.PodManagerBusy(url="http://p", reason="it composes", seconds=7)
        self.assertEqual((503, 7), (error.status, error.retry_after))
        self.assertIn("after 7 s.", error.problems[0]["hint"])
