# SPDX-License-Identifier: Apache-2.0
"""A process of Valence: start its parts, wait for a signal, stop the parts in reverse order.

The settings of the memory allocator and of the garbage collector are here too.
"""

import contextlib
import ctypes
import faulthandler
import functools
import gc
import logging
import os
import queue
import signal
import sys
import threading

from oslo_config import cfg
from oslo_log import log

from valence.common import errors
from valence.common.configuration import config

LOG = log.getLogger(__name__)

#: seconds that the parts may take to stop, besides [conductor] drain_seconds; then the process ends all the same
STOP_SECONDS = 10
#: exit codes: of an error that explains itself, of one in the configuration files
FAILED, MISUSED = 1, 2


def command(examples):
    """Make the function of a command explain mistakes of its user in a line each, and return an exit code.

    The help text of the command ends with ``examples``, that of a subcommand with what its own parser adds.
    """

    def decorate(main):
        @functools.wraps(main)
        def explained(argv=None, *args, **kwargs):
            given = sys.argv[1:] if argv is None else argv
            try:
                return main(given, *args, **kwargs)
            except SystemExit as end:
                if not end.code and given[:1] in (["-h"], ["--help"]):
                    print(f"\n{examples}", end="")
                raise
            except errors.ValenceError as error:
                sys.stderr.write(explain(error))
                return MISUSED if isinstance(error, errors.ConfigurationInvalid) else FAILED
            except cfg.Error as error:
                sys.stderr.write(f"{error}\n")
                return FAILED
            except OSError as error:
                LOG.debug("the command failed", exc_info=True)
                sys.stderr.write(f"{error}\n")
                return FAILED

        return explained

    return decorate


def run(conf, build):
    """Build the parts, run them until SIGTERM or SIGINT, and return the exit code.

    ``build`` returns or yields objects with ``start`` and ``stop``; what one of them raises stops the others. A second
    SIGTERM or SIGINT ends the process at once. SIGUSR1 and SIGUSR2 write the stacks of all threads to standard error.
    """
    limit()
    signals = Signals(signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        faulthandler.register(number, all_threads=True)
    started = []
    try:
        for part in build():
            part.start()
            started.append(part)
        settle()
        while signals.get() == signal.SIGHUP:
            reload(conf)
    except BaseException:  # also KeyboardInterrupt: started parts are stopped in any case
        stop(started, conf.conductor.drain_seconds + STOP_SECONDS)
        raise
    stop(started, conf.conductor.drain_seconds + STOP_SECONDS)
    leave(0)
    return 0


def stop(parts, seconds):
    """Stop parts in the reverse order; after ``seconds`` the process ends, whatever they do."""
    stopping = threading.Thread(target=_stop, args=[parts], name="stop", daemon=True)
    stopping.start()
    stopping.join(seconds)
    if stopping.is_alive():
        LOG.warning("the process did not stop within %s s and is ended", seconds)
        _exit(FAILED)


def leave(code):
    """End the process if threads are left that would keep it: they wait for something that does not answer."""
    others = {threading.current_thread(), threading.main_thread()}
    if any(not each.daemon for each in threading.enumerate() if each not in others):
        _exit(code)


def _stop(parts):
    for part in reversed(parts):
        try:
            part.stop()
        except Exception:  # the other parts must stop in any case
            LOG.exception("%s could not be stopped", type(part).__name__)


def _exit(code):
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class Signals:
    """Signals of these ``numbers`` from now on, in the order in which they come; the second that ends, ends at once.

    The kernel may let any thread take a signal. If the main thread waits for a lock or a queue then, it goes on
    waiting: only what Python writes to a pipe wakes the thread here, whoever took the signal.
    """

    def __init__(self, *numbers):
        self._reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, lambda *_: None)
        self._numbers, self._come = numbers, queue.SimpleQueue()
        threading.Thread(target=self._listen, name="signals", daemon=True).start()

    def get(self):
        """Wait for the next one and return its number."""
        return self._come.get()

    def _listen(self):
        is_ending = False
        while True:
            number = os.read(self._reader, 1)[0]
            if number not in self._numbers:
                continue
            if number != signal.SIGHUP and is_ending:
                sys.stderr.write("The process ends at once.\n")
                _exit(FAILED)
            is_ending = is_ending or number != signal.SIGHUP
            self._come.put(number)


def reload(conf):
    """Read the configuration files again; what can be changed while the process runs is so from now on."""
    try:
        warnings = config.check(conf)
        changed = conf.mutate_config_files()
    except errors.ConfigurationInvalid as error:
        LOG.error("the configuration stays as it is: %s", error.detail)
    except (cfg.Error, log.LogConfigError) as error:
        LOG.error("the configuration stays as it is: %s", error)
    else:
        for warning in warnings:
            LOG.warning("%s", warning)
        LOG.info("the configuration was read again, %d options changed", len(changed))


def explain(error):
    """Return the text of an error for whoever started a command."""
    return "".join(f"{problem['detail']} {problem['hint']}\n" for problem in error.problems)


#: parameters of mallopt (malloc.h of glibc) and their values
PARAMETERS = {
    # Two heaps: by default each thread gets one, up to eight a processor, and none gives back what others lack.
    -8: 2,  # M_ARENA_MAX
    # What is free goes back to the system, but not what the next message or document takes again: pages that come and
    # go were a third of the API's time for a document. By default, the largest block that was freed sets these limits.
    -1: 8 * 1024 * 1024,  # M_TRIM_THRESHOLD
    -3: 4 * 1024 * 1024,  # M_MMAP_THRESHOLD
}


def limit():
    """Keep the memory of this process low, where the C library is glibc; call it before threads start."""
    with contextlib.suppress(AttributeError, OSError):  # it is another one
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in PARAMETERS.items():
            mallopt(parameter, value)


def settle():
    """Take what is there now for permanent: the garbage collector need not look at it again and again.

    Of the modules and tables of a process that is just about to serve nothing goes away. A list of 100 rows makes
    enough objects for the collector to run, and took a tenth more time with all of them in its view.
    """
    gc.collect()
    gc.freeze()
