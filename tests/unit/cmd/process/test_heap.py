# SPDX-License-Identifier: Apache-2.0
"""How much memory a process keeps."""

import subprocess
import sys

from tests import base

#: prints how many heaps there are when as many threads allocate memory at the same time
PROGRAM = """
import ctypes, threading
from valence.cmd import process

process.limit()
libc = ctypes.CDLL(None)
libc.fdopen.restype = libc.malloc.restype = ctypes.c_void_p
together = threading.Barrier(8)

def work():
    together.wait()
    for size in range(1000, 5000):
        libc.malloc(size)
    together.wait()

threads = [threading.Thread(target=work) for _ in range(8)]
for each in threads:
    each.start()
for each in threads:
    each.join()
stream = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, stream)
libc.fflush(stream)
"""


class HeapTest(base.TestCase):
    def test_many_threads_share_two_heaps(self):
        done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
        self.assertEqual(2, done.stdout.count("<heap nr="), done.stdout)
