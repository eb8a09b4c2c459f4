# SPDX-License-Identifier: Apache-2.0
"""The program that runs the tests: no second try, processes that share the tests, and a summary at the end."""

import os
import pathlib
import subprocess
import sys

import psutil

from tests import base
from tests import run

ROOT = pathlib.Path(__file__).parents[2]
COMMAND, ENVIRONMENT = [sys.executable, "-m", "tests.run"], {**os.environ, "PYTHONPATH": str(ROOT)}
#: fails only the first time that it runs in a folder
TESTS = """\
import pathlib
import unittest


class UnsteadyTest(unittest.TestCase):
    def test_passes(self):
        pass

    def test_fails_once(self):
        marker = pathlib.Path("marker")
        is_first = not marker.exists()
        marker.touch()
        self.assertFalse(is_first, "the first try fails")
"""
#: ends the process that runs it
DEADLY = """\
import os
import unittest


class DeadlyTest(unittest.TestCase):
    def test_ends_the_process(self):
        os._exit(7)


class OtherTest(unittest.TestCase):
    def test_passes(self):
        pass
"""
#: ends its process as if all had gone well, before one of its tests
QUIET = """\
import unittest


class FirstTest(unittest.TestCase):
    def test_passes(self):
        pass


class QuietTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise SystemExit(0)

    def test_is_never_run(self):
        pass
"""
#: what a test used is gone when the next ones run
LARGE = """\
import gc
import unittest
import weakref


class Large:
    pass


KEPT = []


class FirstTest(unittest.TestCase):
    def test_uses_much(self):
        self.large = Large()
        KEPT.append(weakref.ref(self.large))


class SecondTest(unittest.TestCase):
    def test_finds_nothing(self):
        gc.collect()
        self.assertEqual([None], [each() for each in KEPT])
"""
#: says which process runs it, and waits
WAITING = """\
import os
import pathlib
import time
import unittest


class WaitingTest(unittest.TestCase):
    def test_waits(self):
        pathlib.Path("new").write_text(str(os.getpid()))
        pathlib.Path("new").rename("pid")
        time.sleep(60)
"""
#: each of two tests ends only when the other runs, too
MEETING = """\
import pathlib
import time
import unittest


class Case(unittest.TestCase):
    def meet(self, mine, other):
        pathlib.Path(mine).touch()
        deadline = time.monotonic() + 30
        while not pathlib.Path(other).exists():
            self.assertLess(time.monotonic(), deadline, "the other test does not run")
            time.sleep(0.01)


class FirstTest(Case):
    def test_meets(self):
        self.meet("first", "second")


class SecondTest(Case):
    def test_meets(self):
        self.meet("second", "first")
"""


class RunTest(base.TestCase):
    def run_tests(self, *arguments, tests=TESTS, concurrency=1):
        """Run sample tests in a folder of their own and return the exit code and the lines of the log."""
        folder = self.sample(tests)
        command = [*COMMAND, "--concurrency", str(concurrency), *arguments]
        done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, text=True, capture_output=True)
        return done.returncode, done.stdout.splitlines()

    def sample(self, tests):
        """Return a new folder with sample tests."""
        folder = self.make_folder()
        (folder / "samples").mkdir()
        (folder / "samples" / "__init__.py").touch()
        (folder / "samples" / "test_unsteady.py").write_text(tests)
        (folder / ".stestr.conf").write_text("[DEFAULT]\ntest_path=./samples\ntop_dir=./\n")
        return folder

    def test_processes_end_with_a_run_that_is_killed(self):
        folder = self.sample(WAITING)
        killed = subprocess.Popen(COMMAND, cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
        self.addCleanup(killed.__exit__, None, None, None)
        self.addCleanup(killed.kill)
        self.wait_for((folder / "pid").exists, 30)
        process = psutil.Process(int((folder / "pid").read_text()))
        killed.kill()
        self.assertEqual([], psutil.wait_procs([process], timeout=10)[1])

    def test_a_test_that_fails_once_fails_the_run(self):
        status, lines = self.run_tests()
        self.assertEqual((1, "1 passed, 1 failed"), (status, lines[-1]))
        failed = lines.index("FAILED samples.test_unsteady.UnsteadyTest.test_fails_once")
        self.assertIn("the first try fails", "\n".join(lines[failed:]))
        slowest = lines[lines.index("Slowest tests, in seconds:") : failed]
        named = sorted(line.split()[1] for line in slowest if line.startswith(" "))
        tests = [f"samples.test_unsteady.UnsteadyTest.test_{each}" for each in ("fails_once", "passes")]
        self.assertEqual(["samples.test_unsteady", "samples.test_unsteady.UnsteadyTest", *tests], named)

    def test_a_run_without_a_test_fails(self):
        status, lines = self.run_tests("nothing-has-this-name")
        self.assertEqual((1, "No test ran."), (status, lines[-1]))

    def test_tests_that_cannot_be_loaded_fail_the_run(self):
        status, lines = self.run_tests("nothing-has-this-name", tests="import nothing_has_this_name")
        self.assertEqual(1, status)
        self.assertIn("nothing_has_this_name", "\n".join(lines))

    def test_a_process_that_dies_fails_the_run_and_the_others_run_the_rest(self):
        status, lines = self.run_tests(tests=DEADLY, concurrency=2)
        self.assertEqual((1, "1 passed, 1 failed"), (status, lines[-1]))
        self.assertIn("A process of the run ended with 7.", lines)

    def test_tests_that_a_process_left_out_fail_the_run(self):
        status, lines = self.run_tests(tests=QUIET)
        self.assertEqual(1, status)
        self.assertIn("2 tests were to run, and 1 did.", lines)

    def test_tests_that_nobody_runs_any_more_fail_the_run(self):
        status, lines = self.run_tests(tests=DEADLY, concurrency=1)
        self.assertEqual(1, status)
        self.assertIn("Not all tests ran.", lines)

    def test_processes_run_at_the_same_time(self):
        status, lines = self.run_tests(tests=MEETING, concurrency=2)
        self.assertEqual((0, "2 passed, 0 failed"), (status, lines[-1]))

    def test_nothing_of_a_test_is_kept_after_it(self):
        status, lines = self.run_tests(tests=LARGE)
        self.assertEqual((0, "2 passed, 0 failed"), (status, lines[-1]))

    def test_module_of_a_scenario(self):
        self.assertEqual(
            "tests.contract.test_full", run.module_of("tests.contract.test_full.FullTest.test_a(x.y)")
        )
