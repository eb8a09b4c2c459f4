# SPDX-License-Identifier: Apache-2.0
"""Run tests and summarize the run: ``python -m tests.run [--concurrency NUMBER] [REGULAR EXPRESSION OF IDS ...]``.

At the end of the log stand the slowest tests, modules and classes, then the output of each failed test again, then the
counts. No test gets a second try: a test that fails once fails the run. ``stestr last`` shows the run again.
"""

import argparse
import collections
import sys
from collections.abc import Iterable
from collections.abc import Iterator
from typing import BinaryIO

import subunit
import testtools
from stestr.commands import load
from stestr.repository import util

from tests import workers

#: characters of a failure's output that are repeated: its end has the traceback
SHOWN = 2000
#: lines of each list of what is slowest
SLOWEST = 30


def main(arguments: list[str]) -> int:
    """Return the exit code: 0 when at least one test ran and all passed or were skipped."""
    parser = argparse.ArgumentParser(prog="python -m tests.run", description=__doc__)
    parser.add_argument("--concurrency", type=int, default=1, help="number of processes that run tests")
    parser.add_argument(
        "patterns", nargs="*", metavar="REGEX", help="run only tests whose ids match one of these"
    )
    options = parser.parse_args(arguments)
    try:
        groups = workers.load(options.patterns)
    except workers.LoadError as error:
        print(error, flush=True)
        return 1
    if not groups:
        print("\nNo test ran.", flush=True)
        return 1
    processes = workers.Workers(groups, options.concurrency)
    problems = run(processes)
    summed, seconds = read(util.get_repo_open().get_latest_run().get_subunit_stream())
    wanted = sum(each.countTestCases() for group in groups for each in group)
    if summed.testsRun < wanted:
        problems.append(f"{wanted} tests were to run, and {summed.testsRun} did.")
    print_slowest(seconds, processes.usage())
    print_failures((*summed.errors, *summed.failures))
    print("".join(f"{problem}\n" for problem in problems), end="", flush=True)
    return print_counts(summed) or bool(problems)


def run(processes: workers.Workers) -> list[str]:
    """Print and record the results of processes, and return what was wrong with the processes."""
    load.load(
        force_init=True,
        in_streams=[("subunit", stream) for stream in processes.streams],
        pretty_out=True,
        stdout=sys.stdout,
    )
    return processes.join()


def read(stream: BinaryIO) -> tuple[testtools.StreamSummary, dict[str, float]]:
    """Return the summary of a subunit stream and the seconds that each test took, by the test's id."""
    summed, tests = testtools.StreamSummary(), []
    results = testtools.CopyStreamResult([summed, testtools.StreamToDict(tests.append)])
    results.startTestRun()
    subunit.ByteStreamToStreamResult(stream, non_subunit_name="stdout").run(results)
    results.stopTestRun()
    return summed, dict(durations(tests))


def durations(tests: Iterable[dict]) -> Iterator[tuple[str, float]]:
    """Yield the id and the seconds of each of testtools' test dictionaries that has both timestamps."""
    for test in tests:
        began, ended = test["timestamps"]
        if began and ended:
            yield test["id"], (ended - began).total_seconds()


def print_slowest(seconds: dict[str, float], used: collections.Counter[str]) -> None:
    """Print the slowest tests, the slowest modules, and the classes that used most CPU time."""
    modules: collections.Counter[str] = collections.Counter()
    for test, duration in seconds.items():
        modules[module_of(test)] += duration
    for title, counter in (
        ("Slowest tests, in seconds", collections.Counter(seconds)),
        ("Slowest modules, in seconds", modules),
        (f"Classes that used most CPU time, in seconds of {used.total():.0f}", used),
    ):
        print(f"{title}:")
        for name, duration in counter.most_common(SLOWEST):
            print(f"{duration:8.2f}  {name}", flush=True)


def module_of(test: str) -> str:
    """Return the module of a test's id, which ends with class, method and perhaps a scenario in parentheses."""
    return test.partition("(")[0].rsplit(".", 2)[0]


def print_failures(failures: Iterable[tuple]) -> None:
    """Print the id of each failed test with the end of its output, then all ids together."""
    failed = list(failures)
    for test, details in failed:
        print(f"FAILED {test.id()}\n{details[-SHOWN:]}", flush=True)
    print("".join(f"FAILED {test.id()}\n" for test, _ in failed), end="", flush=True)


def print_counts(summed: testtools.StreamSummary) -> int:
    """Print the counts of a run and return its exit code."""
    skipped = len(summed.skipped)
    failed = len(summed.errors) + len(summed.failures) + len(summed.unexpectedSuccesses)
    passed = summed.testsRun - failed - skipped
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
