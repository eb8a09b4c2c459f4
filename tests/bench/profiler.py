# SPDX-License-Identifier: Apache-2.0
"""Where processes spend their time: py-spy beside them, summed up as the functions that cost most."""

import collections
import contextlib
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

TOP = 25


def program():
    """Return the path of py-spy, None where it is not installed."""
    return shutil.which("py-spy", path=str(pathlib.Path(sys.executable).parent)) or shutil.which("py-spy")


@contextlib.contextmanager
def watch(title, **pids):
    """Print, when the ``with`` block ends, the functions of each process that cost most inside of it."""
    with tempfile.TemporaryDirectory() as folder:
        files = {name: pathlib.Path(folder, name) for name in pids}
        spies = [record(pids[name], file) for name, file in files.items()]
        yield
        for spy in spies:
            spy.send_signal(signal.SIGINT)
            spy.wait(30)
        for name, file in files.items():
            print(f"\n{title}: {name}\n{summary(file.read_text())}", flush=True)


def record(pid, file):
    """Start to record the stacks of a process that hold Python's lock, 200 times a second."""
    command = [
        program(),
        "record",
        "--gil",
        "--pid",
        str(pid),
        "--rate",
        "200",
        "--format",
        "raw",
        "--output",
        str(file),
    ]
    spy = subprocess.Popen(
        [*command, "--duration", "600"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    for line in spy.stdout:  # it says so when it has begun
        if "Sampling" in line:
            break
    return spy


def summary(stacks):
    """Return the functions that cost most, alone and with what they call, of stacks in collapsed form."""
    alone, whole, all_counts = collections.Counter(), collections.Counter(), 0
    for line in stacks.splitlines():
        frames, _, count = line.rpartition(" ")
        names = [shortened(frame) for frame in frames.split(";")]
        all_counts += int(count)
        alone[names[-1]] += int(count)
        whole.update(dict.fromkeys(names, int(count)))
    parts = [
        "  alone:",
        *lines(alone, TOP, all_counts),
        "  with what it calls:",
        *lines(whole, 2 * TOP, all_counts),
    ]
    return "\n".join(parts)


def lines(counts, number, all_counts):
    return [f"  {count / all_counts:6.1%}  {name}" for name, count in counts.most_common(number)]


def shortened(frame):
    """Return ``function (package/file.py)`` of a frame, without line number and long paths."""
    name, _, place = frame.partition(" (")
    return f"{name} ({'/'.join(place.rstrip(')').partition(':')[0].split('/')[-2:])})"
