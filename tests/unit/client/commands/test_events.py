# SPDX-License-Identifier: Apache-2.0
"""Following events: the command ends as soon as nobody reads what it prints."""

import io
import os
import subprocess
import sys
import tempfile
from unittest import mock

from tests import base
from valence.client.commands import events

#: follows a stream without events
FOLLOW = """
import socket, sys, time
from valence.client.commands import events
events.end_with_reader(sys.stdout)
here, there = socket.socketpair()
there.close()
try:
    here.send(b"x")
except BrokenPipeError:
    print("begun", flush=True)
time.sleep(60)
"""


class EndTest(base.TestCase):
    def test_the_reader_of_a_pipe_ends_and_a_closed_connection_is_an_error_until_then(self):
        with subprocess.Popen([sys.executable, "-c", FOLLOW], stdout=subprocess.PIPE, text=True) as follower:
            self.assertEqual("begun\n", follower.stdout.readline())
            self.assertIsNone(follower.poll())
            follower.stdout.close()
            self.assertEqual(events.READER_GONE, follower.wait(60))

    def test_nothing_else_has_a_reader_who_may_end(self):
        with tempfile.TemporaryFile("w") as file, open(os.devnull, "w") as device:
            for stream in (file, device, io.StringIO(), mock.Mock(spec=[])):
                with mock.patch.object(events.threading, "Thread", autospec=True) as watching:
                    events.end_with_reader(stream)
                watching.assert_not_called()
