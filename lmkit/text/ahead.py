"""Reading ahead: a text is read and folded on one core while another makes ids of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import TypeVar

Item = TypeVar("Item")

_DEPTH = 4  # items that may wait for their reader


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
    room = Semaphore(_DEPTH)
    left = False  # whether the reader went away

    def make() -> None:
        error: BaseException | None = None
        try:
            for item in source:
                made.put(([item], None))
                room.acquire()
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
            room.release()
            yield item[0]
    finally:
        left = True
        room.release()
        thread.join()
