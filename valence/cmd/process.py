# SPDX-License-Identifier: Apache-2.0
"""A process of Valence: start its parts, wait for a signal, stop them in the reverse order."""

import os
import signal
import sys

from oslo_config import cfg
from oslo_log import log

from valence.cmd import heap
from valence.common import config
from valence.common import errors

LOG = log.getLogger(__name__)


def run(conf, build):
    """Build the parts, run them until SIGTERM or SIGINT, and return the exit code.

    ``build`` returns or yields objects with ``start`` and ``stop``. An error that explains itself ends the process with
    its explanation and exit code 1; anything else is a bug and ends it with a traceback.
    """
    heap.limit()
    signals = Signals(signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    started = []
    try:
        for part in build():
            part.start()
            started.append(part)
        heap.settle()
        while signals.get() == signal.SIGHUP:
            reload(conf)
    except errors.ValenceError as error:
        sys.stderr.write(explain(error))
        return 1
    finally:
        for part in reversed(started):
            part.stop()
    return 0


class Signals:
    """Signals of these ``numbers`` from now on, in the order in which they come.

    The kernel may let any thread take a signal. If the main thread waits for a lock or a queue then, it goes on
    waiting: only what Python writes to this pipe wakes it whoever took the signal, whatever it was about to do.
    """

    def __init__(self, *numbers):
        self._reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer)
        for number in numbers:
            signal.signal(number, lambda *_: None)

    def get(self):
        """Wait for the next one and return its number."""
        return os.read(self._reader, 1)[0]


def reload(conf):
    """Read the configuration files again; what can be changed while the process runs is so from now on."""
    try:
        config.check(conf)
        changed = conf.mutate_config_files()
    except (cfg.Error, log.LogConfigError) as error:
        LOG.error("the configuration stays as it is: %s", error)
    else:
        LOG.info("the configuration was read again, %d options changed", len(changed))


def explain(error):
    """Return the text of an error for whoever started a command."""
    return "".join(f"{problem['detail']} {problem['hint']}\n" for problem in error.problems)
