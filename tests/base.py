# SPDX-License-Identifier: Apache-2.0
"""What every test starts from: a captured log, a time limit, a folder of its own and a way to wait."""

import logging
import pathlib
import time

import fixtures
import testtools

from tests import clock

LOG_FORMAT = "%(asctime)s %(levelname)s [%(threadName)s] %(name)s: %(message)s"
#: seconds between two looks at what a test waits for: at first, at most, and meanwhile as a share of the time waited
POLL_SECONDS, MAX_POLL_SECONDS, POLL_SHARE = 0.02, 0.25, 0.1


class TestCase(testtools.TestCase):
    """A test with a captured log that fails instead of hanging."""

    #: Seconds after which a test of this class fails, multiplied by clock.SLOWEST.
    time_limit = 60

    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.Timeout(clock.SLOWEST * self.time_limit, gentle=True))
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.INFO, format=LOG_FORMAT))

    def make_folder(self):
        """Return a new empty folder, a pathlib.Path, that goes away after the test."""
        return pathlib.Path(self.useFixture(fixtures.TempDir()).path)

    def wait_for(self, predicate, timeout=10, message="it did not happen"):
        """Return the first true value of ``predicate()``; fail with ``message`` after SLOWEST × ``timeout`` s.

        ``message`` may be a callable, asked only when the time is over, to say what was there instead.
        """
        began = clock.seconds()
        while not (value := predicate()):
            waited = clock.seconds() - began
            if waited > clock.SLOWEST * timeout:
                text = message() if callable(message) else message
                self.fail(f"waited {waited:.0f} s: {text}")
            # Many predicates are requests to Valence: without a pause they take the CPU time that it needs to get done.
            time.sleep(min(max(POLL_SECONDS, waited * POLL_SHARE), MAX_POLL_SECONDS))
        return value

    def assert_in_time(self, seconds, limit, message=""):
        """Fail unless something took at most SLOWEST × ``limit`` s: it waited for nothing, or gave up as it should.

        A test can only tell that apart from a wait that is a good deal longer, and has to see to that.
        """
        self.assertLess(seconds, clock.SLOWEST * limit, message)
