"""Memory that is given back to the system after each step is memory paid for at each step.

glibc maps every array of some megabytes anew and unmaps it when it is freed; the kernel must then
clear each page at its first touch. A training step makes the same arrays again and again, and
spends a third of its time so. Inside :func:`kept_memory` freed memory stays with the process.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# The parameters of mallopt(3), and glibc's defaults for them.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_USUAL = {_TRIM_THRESHOLD: 128 * 1024, _TOP_PAD: 128 * 1024, _MMAP_MAX: 65536}
_KEPT = {_TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 64 * 2**20, _MMAP_MAX: 0}


@contextmanager
def kept_memory() -> Iterator[None]:
    """Keep freed memory for the next step inside the block, and give it back after it.

    After the block glibc's usual limits hold, fixed from then on: it no longer raises them by
    itself as it does in a process that never set them. Without glibc nothing is done.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is None or not (hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim")):
        yield
        return
    for parameter, value in _KEPT.items():
        libc.mallopt(parameter, value)
    try:
        yield
    finally:
        for parameter, value in _USUAL.items():
            libc.mallopt(parameter, value)
        libc.malloc_trim(ctypes.c_size_t(0))
