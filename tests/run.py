# SPDX-License-Identifier: Apache-2.0
"""Runs the tests; what failed and the counts come at the end: python -m tests.run [ARGUMENTS OF STESTR RUN]."""

import subprocess
import sys

import subunit
import testtools
from stestr.repository import abstract
from stestr.repository import util

#: Characters of a failure that are shown again at the end: the last ones tell what went wrong.
SHOWN = 2000


def main(arguments):
    """Return the exit code: 0 when at least one test ran and all passed."""
    before = last_run()
    status = subprocess.run([sys.executable, "-m", "stestr", "run", *arguments], check=False).returncode
    if last_run() == before:
        print("No test ran.", flush=True)
        return status or 1
    return report(util.get_repo_open().get_latest_run().get_subunit_stream()) or status


def last_run():
    """Return the number of the last run that is on record, None before the first."""
    try:
        return util.get_repo_open().latest_id()
    except (KeyError, abstract.RepositoryNotFound):
        return None


def report(stream):
    """Print the failures and the counts of a subunit stream (a file) and return the exit code that they deserve."""
    summary = testtools.StreamSummary()
    summary.startTestRun()
    subunit.ByteStreamToStreamResult(stream, non_subunit_name="stdout").run(summary)
    summary.stopTestRun()
    failures = [*summary.errors, *summary.failures]
    for test, details in failures:
        print(f"FAILED {test.id()}\n{details[-SHOWN:]}", flush=True)
    failed = len(failures) + len(summary.unexpectedSuccesses)
    skipped = len(summary.skipped)
    passed = summary.testsRun - failed - skipped
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
