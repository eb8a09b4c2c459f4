# SPDX-License-Identifier: Apache-2.0
"""Less memory, and less time to look after it, for the same work."""

import contextlib
import ctypes
import gc

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
