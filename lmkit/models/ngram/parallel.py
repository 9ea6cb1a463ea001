"""Work for each core: compiled kernels without the interpreter lock, on plain threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_all(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return ``work(item)`` for each item in order, with a thread for each core."""
    if len(items) < 2 or cores() == 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(work, items))


def pieces(nodes: slice) -> list[slice]:
    """Return a range of nodes cut for the cores, in slices of some ten thousand at least."""
    size = max(1 << 14, -(-(nodes.stop - nodes.start) // (8 * cores())))
    begins = range(nodes.start, nodes.stop, size)
    return [slice(begin, min(begin + size, nodes.stop)) for begin in begins]
