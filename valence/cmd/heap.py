# SPDX-License-Identifier: Apache-2.0
"""Less memory for the same work, where the C library is glibc."""

import contextlib
import ctypes

#: parameters of mallopt (malloc.h of glibc) and their values
PARAMETERS = {
    # Two heaps: by default each thread gets one, up to eight a processor, and none gives back what others lack.
    -8: 2,  # M_ARENA_MAX
    # What is free goes back to the system, also after a large block was freed, which raises these limits by default.
    -1: 128 * 1024,  # M_TRIM_THRESHOLD
    -3: 128 * 1024,  # M_MMAP_THRESHOLD
}


def limit():
    """Keep the memory of this process low; call it before threads start."""
    with contextlib.suppress(AttributeError, OSError):  # no glibc
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in PARAMETERS.items():
            mallopt(parameter, value)
