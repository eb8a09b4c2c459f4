# SPDX-License-Identifier: Apache-2.0
"""Programs that stand for those of a virtual environment, and let a zygote fork them: see tests.zygote.

An import takes most of the CPU time of a command: 2 s of ``openstack``. A program runs until the forked process ends,
gives it its standard files, environment, folder and arguments, passes signals on, and ends with its exit code. When
the program is killed, the forked process is, too.
"""

import atexit
import functools
import itertools
import os
import pathlib
import shutil
import sys
import tempfile

from tests import zygote

#: programs that are forked; others of an environment are executed
NAMES = ("openstack", "valence", "valence-*")
#: Has no more imports than it needs. With another path of modules the program is executed.
PROGRAM = """\
#!{python} -ISE
import os, sys
real = "{bin}/" + os.path.basename(sys.argv[0])
command = [real, *sys.argv[1:]]
if "PYTHONPATH" in os.environ:
    os.execv(real, command)
import json, signal, socket, struct
connection = socket.socket(socket.AF_UNIX)
connection.connect({address})
socket.send_fds(connection, [b"-"], [0, 1, 2])
def send(document):
    data = json.dumps(document).encode()
    connection.sendall(struct.pack("=I", len(data)) + data)
send({{"command": command, "environment": dict(os.environ), "folder": os.getcwd()}})
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
    signal.signal(number, lambda number, _: send(number))
status = struct.unpack("=i", connection.recv(4, socket.MSG_WAITALL))[0]
if status < 0:
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
os._exit(status)
"""


@functools.cache
def folder(bin):
    """Return a folder of programs that stand for those of the folder ``bin`` of a virtual environment."""
    made = pathlib.Path(tempfile.mkdtemp(prefix="programs-"))
    atexit.register(shutil.rmtree, made)
    for file in itertools.chain.from_iterable(map(bin.glob, NAMES)):
        own = file.name.startswith("valence")
        address = (zygote.running() if own else zygote.start(file)).address
        text = PROGRAM.format(python=os.path.realpath(sys.executable), bin=bin, address=address)
        (made / file.name).write_text(text)
        (made / file.name).chmod(0o755)
    return made


def find(program):
    """Return the program that stands for one of a virtual environment, the latter where there is none."""
    forked = folder(program.parent) / program.name
    return forked if forked.exists() else program


def folders(bin):
    """Return the folders to search for a program of the folder ``bin``, which may be that of a virtual environment."""
    return [folder(bin), bin] if (bin / "python").exists() else [bin]
