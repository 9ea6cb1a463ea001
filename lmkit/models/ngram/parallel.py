"""Work for each core: compiled kernels without the interpreter lock, on plain threads."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_all(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return ``work(item)`` for each item in order, with a thread for each core.

    The calling thread is one of them, and does all of it where the others are busy.
    """
    if len(items) < 2:
        return [work(item) for item in items]
    found: dict[int, Result] = {}
    left = iter(enumerate(items))  # whose next item one thread alone gets

    def take() -> None:
        try:
            for place, item in left:
                found[place] = work(item)
        finally:
            deque(left, maxlen=0)  # whatever ended this thread's work ends that of the others

    helpers = [_helpers(os.getpid()).submit(take) for _ in range(min(cores(), len(items)) - 1)]
    try:
        take()
    finally:
        begun = [helper for helper in helpers if not helper.cancel()]
        wait(begun)
    for helper in begun:
        helper.result()
    return [found[place] for place in range(len(items))]


@cache  # to start threads takes as long as to score some thousand tokens
def _helpers(process: int) -> ThreadPoolExecutor:
    """Return the threads that help those of a process; what is forked from it needs its own."""
    return ThreadPoolExecutor(max(1, cores() - 1))


def pieces(nodes: slice) -> list[slice]:
    """Return a range of nodes cut for the cores, in slices of some ten thousand at least."""
    size = max(1 << 14, -(-(nodes.stop - nodes.start) // (8 * cores())))
    begins = range(nodes.start, nodes.stop, size)
    return [slice(begin, min(begin + size, nodes.stop)) for begin in begins]
