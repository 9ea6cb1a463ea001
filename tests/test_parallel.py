"""Work for all cores: in order, whole, and over when it is said to be."""

from __future__ import annotations

import threading
import time

import pytest

from lmkit.models.ngram import parallel
from lmkit.models.ngram.parallel import pieces, run_all


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
