# SPDX-License-Identifier: Apache-2.0
"""Processes that run tests side by side, each of which takes the next group of tests when it is done with one.

All tests are loaded once, before the processes are forked. The groups that may take longest come first, so that the
processes end at about the same time. Every second process begins with the tests that start no programs: the others wait
for servers and timers for a part of their time, and fewer of them at a time disturb each other less.
"""

import atexit
import collections
import gc
import multiprocessing
import os
import re
import resource
import struct
import sys
import unittest
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from typing import BinaryIO

import subunit
import testtools
from stestr import config_file
from stestr.subunit_runner import program
from subunit import test_results

from tests import zygote

#: how the number of a group is written to the queue
NUMBER = struct.Struct("=H")
#: first parts of the names of groups that start programs, in the order in which they run
ORDER = ("tests.functional.", "tests.ui.", "tests.contract.")
#: a test has no longer than this where its class does not say otherwise, see tests.base
TIME_LIMIT = 60

Group = list[unittest.TestCase | unittest.TestSuite]


class LoadError(Exception):
    """Tests could not be loaded; the text has the tracebacks."""


def load(patterns: list[str]) -> list[Group]:
    """Return the tests of the folder that .stestr.conf names, in groups that are run by one process, longest first.

    With ``patterns``, regular expressions, only tests whose id matches at least one. Raise LoadError.
    """
    conf = config_file.TestrConf(".stestr.conf")
    loader = unittest.TestLoader()
    suite = loader.discover(conf.test_path, top_level_dir=conf.top_dir)
    if loader.errors:
        raise LoadError("\n".join(map(str, loader.errors)))
    if patterns:
        wanted = re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
        ids = {test.id() for test in program.iterate_tests(suite) if wanted.search(test.id())}
        suite = program.filter_by_ids(suite, ids)
    groups: dict[object, Group] = {}
    for key, test in grouped(suite):
        groups.setdefault(key, []).append(test)
    return sorted(groups.values(), key=place)


def grouped(suite: unittest.TestSuite) -> Iterator[tuple[object, unittest.TestCase | unittest.TestSuite]]:
    """Yield all tests, each with the key of its group: its class, or a suite that has fixtures of its own."""
    for each in suite:
        if type(each) is unittest.TestSuite:
            yield from grouped(each)
        elif isinstance(each, unittest.TestSuite):
            if each.countTestCases():
                yield id(each), each  # such a suite may have no hash
        else:
            yield type(each), each


def place(group: Group) -> tuple[int, float]:
    """Return the key by which groups are sorted: first the folder, then the time that all tests may take at most.

    The number of the folder is that of ``ORDER``, or one more.
    """
    tests = [test for each in group for test in program.iterate_tests(each)]
    name = tests[0].id()
    folder = next((number for number, prefix in enumerate(ORDER) if name.startswith(prefix)), len(ORDER))
    return folder, -sum(getattr(test, "time_limit", TIME_LIMIT) for test in tests)


class Workers:
    """So many processes that run groups of tests; ``streams`` are their results as subunit, one of each process."""

    def __init__(self, groups: list[Group], number: int):
        #: numbers of the groups that start programs, and of the others
        self._queues = tuple(
            queue(each for each, group in enumerate(groups) if (place(group)[0] < len(ORDER)) == begins)
            for begins in (True, False)
        )
        #: a file in memory to which each process adds a line a group: its CPU seconds and its name
        self._usage = os.memfd_create("usage")
        self._main = os.getpid()
        self.streams: list[BinaryIO] = []
        gc.freeze()  # what was loaded stays: no process goes through it, or copies it by that
        self._processes = [self._fork(groups, self._queues[:: (-1) ** each]) for each in range(number)]

    def _fork(self, groups: list[Group], queues: tuple[int, ...]) -> multiprocessing.process.BaseProcess:
        reader, writer = os.pipe()
        sys.stdout.flush()
        process = multiprocessing.get_context("fork").Process(target=self._run, args=(groups, queues, writer))
        process.start()
        os.close(writer)
        self.streams.append(os.fdopen(reader, "rb"))
        return process

    def _run(self, groups: list[Group], queues: tuple[int, ...], writer: int) -> None:
        """Run groups until the queues are empty, one after the other: the body of a process."""
        zygote.end_with(self._main)
        for stream in self.streams:
            stream.close()
        with open(writer, "wb") as stream:
            run(taken(groups, queues), stream, self._note)
        # Python runs these at the end of a main process only.
        atexit._run_exitfuncs()

    def _note(self, name: str, seconds: float) -> None:
        os.write(self._usage, f"{seconds} {name}\n".encode())

    def usage(self) -> collections.Counter[str]:
        """Return the CPU seconds of each group, by name; those of processes that it waited for are included."""
        used: collections.Counter[str] = collections.Counter()
        with open(self._usage, "rb") as file:
            file.seek(0)
            for line in file.read().decode().splitlines():
                seconds, name = line.split(" ", 1)
                used[name] += float(seconds)
        return used

    def join(self) -> list[str]:
        """Wait until all processes have ended, and return what is wrong with them."""
        problems = []
        for process in self._processes:
            process.join()
            if process.exitcode:
                problems.append(f"A process of the run ended with {process.exitcode}.")
        for each in self._queues:
            if os.read(each, NUMBER.size):
                problems.append("Not all tests ran.")
            os.close(each)
        return problems


def queue(numbers: Iterable[int]) -> int:
    """Return the end of a pipe to read numbers from, each by one reader."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)  # a queue that has no capacity for all of them is an error
    for each in numbers:
        os.write(writer, NUMBER.pack(each))
    os.close(writer)
    return reader


def taken(groups: list[Group], queues: Iterable[int]) -> Iterator[Group]:
    """Yield the groups whose numbers are read from queues."""
    for each in queues:
        while number := os.read(each, NUMBER.size):
            yield groups[NUMBER.unpack(number)[0]]


def run(groups: Iterable[Group], stream: BinaryIO, note: Callable[[str, float], None]) -> None:
    """Run groups one after the other, write their results as subunit, and note the name and CPU seconds of each."""
    result = testtools.ExtendedToStreamDecorator(subunit.StreamResultToBytes(stream))
    result = test_results.AutoTimingTestResultDecorator(result)
    result.startTestRun()
    before = cpu_seconds()
    for group in groups:
        name = next(program.iterate_tests(group[0])).id().partition("(")[0].rpartition(".")[0]
        suite = unittest.TestSuite(group)
        group.clear()  # a test that has run would keep all that it used, which each garbage collection goes through
        suite.run(result)
        after = cpu_seconds()
        note(name, after - before)
        before = after
    result.stopTestRun()


def cpu_seconds() -> float:
    """Return the CPU seconds of this process, of those that it has waited for, and of those that its zygote has."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used) + zygote.cpu_seconds()
