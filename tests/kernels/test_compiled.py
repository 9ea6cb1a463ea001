"""Compiled functions as they are called: arguments, results, one another, threads."""

from __future__ import annotations

import importlib
import pkgutil
import threading

import numpy as np

import lmkit.kernels
from lmkit.kernels.compiled import Kernel, Primitive, compiled


@compiled
def weighted(first, pair, weight, flag, nothing):  # type: ignore[no-untyped-def]
    rows, (column, scale) = pair
    total = 0.0
    for k in range(len(first)):
        total += first[k] * column[k] * scale
    if flag and nothing is None:
        total += rows[1, 2] * weight
    return total


def test_arrays_numbers_and_tuples_of_them_are_passed() -> None:
    rows = np.arange(12.0).reshape(3, 4)
    first = np.arange(3, dtype=np.int32)
    # A column has gaps: its numbers do not lie side by side.
    found = weighted(first, (rows, (rows[:, 1], 2)), 0.5, True, None)
    assert found == 2 * (0 * 1 + 1 * 5 + 2 * 9) + 0.5 * 6
    assert weighted(first, (rows, (rows[:, 1], np.uint8(2))), 0.5, False, None) == 46


@compiled
def kinds(x):  # type: ignore[no-untyped-def]
    return x > 0, np.uint64(0) - np.uint64(1), -x, 0.5 * x, np.int32(7)


@compiled
def put(out, value):  # type: ignore[no-untyped-def]
    out[0] = value


def test_numbers_and_tuples_of_them_are_returned() -> None:
    assert kinds(4) == (True, (1 << 64) - 1, -4, 2.0, 7)
    assert [type(each) for each in kinds(4)] == [bool, int, int, float, int]
    out = np.zeros(2, np.int8)
    assert put(out, -5) is None
    assert out.tolist() == [-5, 0]


@compiled
def first_of(array):  # type: ignore[no-untyped-def]
    return array[0]


def test_whole_numbers_keep_their_64_bits_and_arrays_may_be_read_only() -> None:
    assert first_of(np.array([1 << 63], np.uint64)) == 1 << 63
    array = np.arange(3)
    array.flags.writeable = False
    assert first_of(array) == 0


@compiled(inline="always")
def twice(number):  # type: ignore[no-untyped-def]
    return 2 * number


@compiled
def four_times(number):  # type: ignore[no-untyped-def]
    return twice(twice(number))


def test_compiled_functions_call_each_other_and_take_options() -> None:
    assert four_times(3) == 12
    assert twice(np.int64(4)) == 8
    assert four_times.callees == {"twice": twice}
    assert four_times.dispatcher.targetoptions["nogil"]
    assert twice.dispatcher.targetoptions["inline"] == "always"
    assert twice.function(5) == 10


def test_threads_may_ask_for_the_same_code_at_once() -> None:
    @compiled
    def thrice(number):  # type: ignore[no-untyped-def]
        return 3 * number

    found: list[int] = []
    threads = [threading.Thread(target=lambda n=n: found.append(thrice(n))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(0, 24, 3))


def test_all_of_lmkit_is_kept() -> None:
    """Whatever has no identity would be compiled in each process anew."""
    seen = 0
    # No other package has compiled functions (test_room.py).
    for found in pkgutil.walk_packages(lmkit.kernels.__path__, "lmkit.kernels."):
        module = importlib.import_module(found.name)
        for name, value in vars(module).items():
            if isinstance(value, Kernel | Primitive):
                seen += 1
                assert value.identity is not None, (module.__name__, name)
    assert seen > 100
