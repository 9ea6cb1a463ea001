"""Threads: work for each core, work in the background, and items made before they are asked for.

This is the one module that starts threads. They help where compiled loops, files and packed texts
are at work, which do not hold the interpreter lock. An error in a thread is raised in the calling
one.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from itertools import islice
from queue import SimpleQueue
from threading import Semaphore, Thread
from types import TracebackType
from typing import Generic, Self, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_DEPTH = 4  # items made by `ahead` that may wait for their reader
_SMALLEST = 1 << 14  # length of a slice that is worth a thread


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pieces(whole: slice) -> list[slice]:
    """Return a range of indices cut for the cores, into slices of some ten thousand at least."""
    size = max(_SMALLEST, -(-(whole.stop - whole.start) // (8 * cores())))
    begins = range(whole.start, whole.stop, size)
    return [slice(begin, min(begin + size, whole.stop)) for begin in begins]


# ---------------------------------------------------------------------- all cores


def run_all(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return ``work(item)`` for each item in order, with a thread for each core.

    The calling thread is one of them, and does all of it where the others are busy.
    """
    if len(items) < 2:
        return [work(item) for item in items]
    results: dict[int, Result] = {}
    left = iter(enumerate(items))  # whose next item one thread alone gets

    def take() -> None:
        try:
            for index, item in left:
                results[index] = work(item)
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
    return [results[index] for index in range(len(items))]


@cache  # to start threads takes as long as to score some thousand tokens
def _helpers(process: int) -> ThreadPoolExecutor:
    """Return the threads that help those of a process; what is forked from it needs its own."""
    return ThreadPoolExecutor(max(1, cores() - 1))


def each_result(
    work: Callable[[Item], Result], items: Sequence[Item], *, threads: int | None = None
) -> Iterator[Result]:
    """Yield ``work(item)`` for each item in order, as they are done.

    `threads` threads work, by default one for each core; the calling one only waits.
    """
    with ThreadPoolExecutor(threads or cores()) as pool:
        yield from pool.map(work, items)


# ---------------------------------------------------------------------- one thread besides


class Background(Generic[Item, Result]):
    """A thread that calls `work` with one item after another while its owner goes on.

    At the end of its ``with`` block it has ended, and an error of the last call is raised.

    >>> with Background(sum) as background:
    ...     background.start([1, 2, 3])
    ...     background.result()
    6
    """

    def __init__(self, work: Callable[[Item], Result]):
        self._work = work
        self._pool = ThreadPoolExecutor(1)
        self._last: Future[Result] | None = None

    def start(self, item: Item) -> None:
        """Begin ``work(item)`` when the call before has ended; raises the error of that."""
        if self._last is not None:
            self._last.result()
        self._last = self._pool.submit(self._work, item)

    def result(self) -> Result:
        """Wait for the call that was started last, and return its result or raise its error."""
        assert self._last is not None, "nothing was started"
        return self._last.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=True)
        if error is None and self._last is not None:
            self._last.result()


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Yield the items in their order; a thread makes them, a few before they are asked for.

    One or two items, a small text, are made on the spot. An error among the items is raised here,
    in its turn.
    """
    source = iter(items)
    first = list(islice(source, 2))
    yield from first
    if len(first) == 2:
        yield from _threaded(source)


def _threaded(source: Iterator[Item]) -> Iterator[Item]:
    made: SimpleQueue[tuple[list[Item], BaseException | None]] = SimpleQueue()
    space = Semaphore(_DEPTH)
    left = False  # whether the reader went away

    def make() -> None:
        error: BaseException | None = None
        try:
            for item in source:
                made.put(([item], None))
                space.acquire()
                if left:
                    break
        except BaseException as raised:
            error = raised  # for the reader to raise
        made.put(([], error))

    thread = Thread(target=make, daemon=True)
    thread.start()
    try:
        while True:
            item, error = made.get()
            if error is not None:
                raise error
            if not item:
                return
            space.release()
            yield item[0]
    finally:
        left = True
        space.release()
        thread.join()
