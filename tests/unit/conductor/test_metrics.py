# SPDX-License-Identifier: Apache-2.0
"""How calls and synchronizations are timed, and what becomes of those that fail."""

from tests import base
from tests import figures
from valence.common import errors
from valence.conductor import metrics


@metrics.synchronization
def synchronize(outcome):
    if isinstance(outcome, Exception):
        raise outcome
    return {"unread": outcome}


class RPCTest(base.TestCase):
    def test_a_call_is_timed_by_its_name(self):
        with figures.growth("valence_conductor_rpc_seconds_count", method="a.b") as count:
            for _ in range(3):
                with metrics.rpc("a.b"):
                    pass
        self.assertEqual(3, count())

    def test_a_failure_is_counted_by_its_code_and_raised(self):
        name = "valence_conductor_rpc_failures_total"
        with (
            figures.growth(name, method="a.b", code="valence.not_found") as expected,
            figures.growth(name, method="a.b", code="valence.internal") as unexpected,
        ):
            self.assertRaises(errors.NotFound, self.fail_with, errors.NotFound(kind="x", key="1"))
            self.assertRaises(KeyError, self.fail_with, KeyError())
        self.assertEqual((1, 1), (expected(), unexpected()))

    def fail_with(self, error):
        with metrics.rpc("a.b"):
            raise error


class SynchronizationTest(base.TestCase):
    def test_it_is_timed_by_its_result(self):
        results = {
            "succeeded": 0,
            "partial": 2,
            "failed": errors.PodManagerUnreachable(url="http://x", reason="no"),
            "interrupted": errors.LeaseLost(name="x"),
        }
        for result, outcome in results.items():
            with figures.growth("valence_conductor_sync_seconds_count", result=result) as count:
                try:
                    synchronize(outcome)
                except errors.ValenceError as error:
                    self.assertIs(outcome, error)
            self.assertEqual(1, count(), result)
