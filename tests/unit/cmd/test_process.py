# SPDX-License-Identifier: Apache-2.0
"""A process ends when it is told to, whatever it is doing at that moment."""

import signal
import subprocess
import sys

from tests import base

#: a process with a part that says what happens to it; HUPs come faster than they are dealt with
PROGRAM = """
import sys
from oslo_config import cfg
from valence.cmd import process
from valence.common import config

class Part:
    def start(self):
        print("started", flush=True)

    def stop(self):
        print("stopped", flush=True)

conf = config.load([], "test", config_files=[])
sys.exit(process.run(conf, lambda: [Part()]))
"""


#: the same, with a thread that takes the signal before it ends the process
TAKEN = PROGRAM.replace(
    'print("started", flush=True)',
    """
        import signal
        import threading
        import time

        def take():
            time.sleep(0.5)  # by then the main thread waits, or the test is easier than it could be
            signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

        threading.Thread(target=take).start()
        print("started", flush=True)
""".strip(),
)


class SignalTest(base.TestCase):
    def start(self, program=PROGRAM):
        one = subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.addCleanup(one.stdout.close)
        self.addCleanup(one.wait)
        self.addCleanup(one.kill)
        self.assertEqual("started\n", one.stdout.readline())
        return one

    def assert_ends(self, one):
        printed, _ = one.communicate(timeout=20)  # the log of the signals too
        self.assertEqual(("stopped", 0), (printed.splitlines()[-1], one.returncode))

    def test_it_ends_in_good_order(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            one = self.start()
            one.send_signal(number)
            self.assert_ends(one)

    def test_it_ends_whichever_thread_takes_the_signal(self):
        self.assert_ends(self.start(TAKEN))

    def test_it_ends_in_the_middle_of_other_signals(self):
        one = self.start()
        for _ in range(300):
            one.send_signal(signal.SIGHUP)
        one.send_signal(signal.SIGTERM)
        for _ in range(30):
            one.send_signal(signal.SIGHUP)
        self.assert_ends(one)
