"""Threads: results in order and whole, errors raised by the caller, none left running."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from lmkit import parallel
from lmkit.parallel import Background, ahead, each_result, pieces, run_all


@pytest.fixture(params=[1, 2, 4])
def cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(parallel, "cores", lambda: request.param)
    parallel._helpers.cache_clear()
    return int(request.param)


@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_results_are_in_order(cores: int, count: int) -> None:
    assert run_all(lambda item: item * item, range(count)) == [item * item for item in range(count)]


def test_work_may_ask_for_more_work(cores: int) -> None:
    def inner(item: int) -> int:
        return sum(run_all(lambda other: item * other, range(5)))

    assert run_all(inner, range(9)) == [10 * item for item in range(9)]


@pytest.mark.parametrize("bad", [0, 1, 7])
def test_an_error_ends_all_work_before_it_is_raised(cores: int, bad: int) -> None:
    running, begun = set(), []

    def work(item: int) -> None:
        begun.append(item)
        running.add(threading.get_ident())
        time.sleep(0.002)
        running.discard(threading.get_ident())
        if item == bad:
            raise ValueError(f"item {item}")

    with pytest.raises(ValueError, match=f"item {bad}"):
        run_all(work, range(100))
    assert not running
    assert len(begun) <= bad + 1 + 2 * cores


def test_pieces_cover_the_nodes() -> None:
    found = pieces(slice(5, 200_000))
    assert [piece.start for piece in found[1:]] == [piece.stop for piece in found[:-1]]
    assert (found[0].start, found[-1].stop) == (5, 200_000)


@pytest.mark.parametrize("threads", [None, 1, 3])
def test_each_result_comes_in_order_and_an_error_in_its_turn(threads: int | None) -> None:
    def work(item: int) -> int:
        time.sleep(0.002 * (item % 3))
        if item == 7:
            raise ValueError("the eighth")
        return item * item

    assert list(each_result(work, range(7), threads=threads)) == [0, 1, 4, 9, 16, 25, 36]
    results = each_result(work, range(9), threads=threads)
    assert [next(results) for _ in range(7)] == [0, 1, 4, 9, 16, 25, 36]
    with pytest.raises(ValueError, match="the eighth"):
        next(results)


# ---------------------------------------------------------------------- in the background


def test_background_calls_come_one_after_another_in_another_thread() -> None:
    before, done = threading.active_count(), []

    def work(item: int) -> int:
        assert threading.current_thread() is not threading.main_thread()
        time.sleep(0.003 if item == 0 else 0)
        done.append(item)
        return 10 * item

    with Background(work) as background:
        for item in range(5):
            background.start(item)
        assert background.result() == 40
    assert done == [0, 1, 2, 3, 4]
    assert threading.active_count() == before


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_the_error_of_a_background_call_is_raised_by_the_next_or_at_the_end(bad: int) -> None:
    begun = []

    def work(item: int) -> None:
        begun.append(item)
        if item == bad:
            raise ValueError(f"item {item}")

    def call() -> None:
        with Background(work) as background:
            for item in range(3):
                background.start(item)

    with pytest.raises(ValueError, match=f"item {bad}"):
        call()
    assert begun == list(range(bad + 1))


def test_an_error_of_the_caller_waits_for_the_background_and_wins() -> None:
    done = []

    def work(item: int) -> None:
        time.sleep(0.003)
        done.append(item)
        raise ValueError("of the thread")

    def call() -> None:
        with Background(work) as background:
            background.start(1)
            raise KeyError("of the caller")

    with pytest.raises(KeyError, match="of the caller"):
        call()
    assert done == [1]


# ---------------------------------------------------------------------- ahead of the reader


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
