# SPDX-License-Identifier: Apache-2.0
"""How calls and synchronizations are timed, and what becomes of those that fail."""

import subprocess
import sys

from tests import base
from tests import figures
from valence.common import errors
from valence.conductor.monitoring import work_metrics

SHOW = """
from valence.common.web import metrics
import valence.conductor.monitoring.work_metrics
print(metrics.text().decode())
"""


@work_metrics.synchronization
def synchronize(outcome):
    if isinstance(outcome, Exception):
        raise outcome
    return {"unread": outcome}


class StartTest(base.TestCase):
    def test_what_is_alerted_on_is_there_before_it_happens(self):
        """A separate process: here other tests have counted already."""
        done = subprocess.run([sys.executable, "-c", SHOW], text=True, capture_output=True, check=True)
        there = figures.parsed(done.stdout)
        for name, labels in (
            ("operations", (("kind", "sync"), ("result", "failed"))),
            ("work_failures", (("kind", "unexpected"),)),
            ("lease_losses", (("noticed_by", "renewal"),)),
            ("hardware_events", (("result", "refused"),)),
            ("events", (("event_type", "valence.introspection.error"),)),
            ("backup_runs", (("result", "fail"),)),
        ):
            self.assertEqual(0, there[f"valence_conductor_{name}_total"][labels])
        self.assertEqual(0, there["valence_conductor_sync_seconds_count"][(("result", "failed"),)])


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
