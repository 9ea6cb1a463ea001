"""Reading ahead changes when items are made, and neither which nor in which order."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from lmkit.text.ahead import ahead


@pytest.mark.parametrize("size", [0, 1, 2, 3, 100])
def test_items_come_whole_and_in_order(size: int) -> None:
    assert list(ahead(iter(range(size)))) == list(range(size))


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise ValueError("the sixth")

    reader = ahead(items())
    assert [next(reader) for _ in range(5)] == list(range(5))
    with pytest.raises(ValueError, match="the sixth"):
        next(reader)


def test_a_reader_that_leaves_stops_the_thread() -> None:
    before = threading.active_count()
    made = []

    def items() -> Iterator[int]:
        for item in range(10_000):
            made.append(item)
            yield item

    reader = ahead(items())
    assert [next(reader) for _ in range(10)] == list(range(10))
    reader.close()
    assert threading.active_count() == before
    assert len(made) < 20
