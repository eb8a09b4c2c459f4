# SPDX-License-Identifier: Apache-2.0
"""Runs the tests; what failed and the counts come at the end: python -m tests.run [ARGUMENTS OF STESTR RUN].

Some tests measure time, on a machine that others may use too. The few that failed are run once more, one after the
other when nothing else runs, and those that pass then are named as unsteady: somebody has to look at them.
"""

import pathlib
import subprocess
import sys
import tempfile

import subunit
import testtools
from stestr.repository import abstract
from stestr.repository import util

#: Characters of a failure that are shown again at the end: the last ones tell what went wrong.
SHOWN = 2000
#: Most failures that may be bad luck.
FEW = 3


def main(arguments):
    """Return the exit code: 0 when at least one test ran and all passed, the unsteady ones at their second try."""
    before = last_run()
    status = stestr(arguments)
    if last_run() == before:
        print("No test ran.", flush=True)
        return status or 1
    first = summary(util.get_repo_open().get_latest_run().get_subunit_stream())
    failures = dict(tell(first))
    if not failures or len(failures) > FEW or not all(map(has_ended, failures.values())):
        return count(first, failures) or status
    return count(first, run_again(failures))


def stestr(arguments):
    """Run tests and return the exit code."""
    return subprocess.run([sys.executable, "-m", "stestr", "run", *arguments], check=False).returncode


def last_run():
    """Return the number of the last run that is on record, None before the first."""
    try:
        return util.get_repo_open().latest_id()
    except (KeyError, abstract.RepositoryNotFound):
        return None


def summary(stream):
    """Return the testtools.StreamSummary of a subunit stream (a file)."""
    summed = testtools.StreamSummary()
    summed.startTestRun()
    subunit.ByteStreamToStreamResult(stream, non_subunit_name="stdout").run(summed)
    summed.stopTestRun()
    return summed


def tell(summed):
    """Print each failure and yield its test's id with its details."""
    for test, details in (*summed.errors, *summed.failures):
        print(f"FAILED {test.id()}\n{details[-SHOWN:]}", flush=True)
        yield test.id(), details


def has_ended(details):
    """Whether a test failed by itself: where its process died, others did not run either."""
    return "Traceback" in details


def run_again(failures):
    """Run tests once more and return those that failed again, or did not run."""
    print(f"{len(failures)} failed; run again by themselves:", flush=True)
    # A scenario has no name before it runs: all those of a test run again.
    names = {each.partition("(")[0] for each in failures}
    with tempfile.TemporaryDirectory() as folder:
        wanted = pathlib.Path(folder, "tests")
        wanted.write_text("".join(f"{each}\n" for each in names))
        before = last_run()
        stestr(["--concurrency", "1", "--load-list", str(wanted)])
    if last_run() == before:
        return failures
    second = summary(util.get_repo_open().get_latest_run().get_subunit_stream())
    again = dict(tell(second))
    if second.testsRun < len(names):
        return failures
    for each in failures.keys() - again.keys():
        print(f"UNSTEADY {each}", flush=True)
    return again


def count(summed, failures):
    """Print the counts of a run of which these failures are left, and return the exit code that they deserve."""
    skipped, failed = len(summed.skipped), len(failures) + len(summed.unexpectedSuccesses)
    passed = summed.testsRun - failed - skipped
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
