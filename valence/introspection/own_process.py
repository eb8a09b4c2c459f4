# SPDX-License-Identifier: Apache-2.0
"""Processing in a process of its own: python -m valence.introspection.own_process FILE-DESCRIPTOR [OPTIONS].

A large document keeps an interpreter busy for a tenth of a second, and every other request that this interpreter
serves would wait for that.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from multiprocessing import connection

from oslo_log import log

from valence.common import errors
from valence.common import introspection_errors
from valence.common.configuration import config
from valence.introspection import processing

LOG = log.getLogger(__name__)

#: seconds that one document may take, and after which a process without work ends
LONGEST = 20
IDLE = 60
#: others go first
NICENESS = 5


class OwnProcess:
    """What ``Processing`` offers, of one document at a time; the process is started when it is needed.

    It knows what the configuration files of ``conf`` say.
    """

    def __init__(self, conf):
        files, folders = conf.config_file or (), conf.config_dir or ()
        self._options = [f"--config-file={each}" for each in files] + [
            f"--config-dir={each}" for each in folders
        ]
        self._lock = threading.Lock()
        self._process = self._connection = None

    def prepare(self, data, **about):
        """As ``Processing.prepare``; raise ProcessingUnavailable if its process dies, ProcessingFailed if it hangs."""
        return self._ask("prepare", data, **about)

    def complete(self, data, known_rules, machine):
        """As ``Processing.complete``; raise ProcessingUnavailable if its process dies, ProcessingFailed if it hangs."""
        return self._ask("complete", data, known_rules, machine)

    def stop(self):
        """End the process."""
        with self._lock:
            self._end()

    def _ask(self, method, *arguments, **options):
        with self._lock:
            for _ in range(2):  # it may just have ended because nobody needed it
                try:
                    return self._answer((method, arguments, options))
                except (EOFError, OSError):
                    self._end()
        raise introspection_errors.ProcessingUnavailable

    def _answer(self, request):
        if self._process is None:
            self._start()
        self._connection.send(request)
        if not self._connection.poll(LONGEST):
            self._end()
            raise introspection_errors.ProcessingFailed(seconds=LONGEST)
        answer = self._connection.recv()
        if isinstance(answer, errors.ValenceError):
            raise answer
        return answer

    def _start(self):
        mine, its = socket.socketpair()
        command = [sys.executable, "-P", "-m", __name__, str(its.fileno()), *self._options]
        with its:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[its.fileno()])
        self._connection = connection.Connection(mine.detach())

    def _end(self):
        if self._process is None:
            return
        self._connection.close()
        self._process.kill()
        self._process.wait()
        self._process = None


def main(arguments):
    """Do what is asked over the file descriptor until nobody asks any more."""
    number, *options = arguments
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # are meant for whoever asks
        signal.signal(each, signal.SIG_IGN)
    os.nice(NICENESS)
    does = processing.Processing(config.load(options, "valence-conductor"))
    serve(connection.Connection(int(number)), does)


def serve(asked, does):
    """Answer with the results of the methods of ``does`` that are asked for, until the other end is closed, or idle."""
    while asked.poll(IDLE):
        try:
            method, arguments, options = asked.recv()
        except EOFError:
            return
        asked.send(_result(getattr(does, method), arguments, options))


def _result(method, arguments, options):
    try:
        return method(*arguments, **options)
    except errors.ValenceError as error:
        return error
    except Exception:  # this is an edge: hooks come from anywhere, and the next document may be a good one
        LOG.exception("an introspection document could not be processed")
        return errors.Internal(host="the conductor")


if __name__ == "__main__":
    main(sys.argv[1:])
