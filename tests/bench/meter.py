# SPDX-License-Identifier: Apache-2.0
"""How much CPU a group of processes used, net of what they use when idle."""

import contextlib
import time

import psutil


class Meter:
    """Reads the CPU time, user and system, of processes and their children; ``pids`` are given by name."""

    def __init__(self, **pids):
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self._idle = dict.fromkeys(pids, 0.0)

    def watch_idle(self, seconds=4.0):
        """Learn what the processes use in a while in which nothing is asked of them."""
        self._idle = dict.fromkeys(self._processes, 0.0)
        with self.measure() as used:
            time.sleep(seconds)
        self._idle = {name: each / used.wall for name, each in used.cpu.items()}

    @contextlib.contextmanager
    def measure(self):
        """Fill the Usage that it yields when the ``with`` block ends."""
        used, began, before = Usage(), time.monotonic(), self._read()
        yield used
        after, used.wall = self._read(), time.monotonic() - began
        used.cpu = {
            name: max(0.0, after[name] - before[name] - self._idle[name] * used.wall) for name in before
        }

    def resident(self, name):
        """Return the resident memory of a process in MB of 10^6 bytes."""
        return self._processes[name].memory_info().rss / 1e6

    @property
    def idle(self):
        """CPU seconds a second that each process uses when idle."""
        return self._idle

    def _read(self):
        return {name: sum(map(cpu_seconds, family(each))) for name, each in self._processes.items()}


class Usage:
    """What was used: ``cpu`` seconds by name of the process, ``wall`` seconds that went by."""

    def __init__(self):
        self.cpu, self.wall = {}, 0.0


def family(process):
    return [process, *process.children(recursive=True)]


def cpu_seconds(process):
    times = process.cpu_times()
    return times.user + times.system
