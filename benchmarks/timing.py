"""Wall time and memory of a piece of work in this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")


def timed(work: Callable[[], Result], *, repeat: int = 1) -> tuple[float, Result]:
    """Return the least wall time of some runs, in seconds, and the last result."""
    best, result = float("inf"), None
    for _ in range(repeat):
        start = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - start)
    return best, result  # type: ignore[return-value]


def warm_time(work: Callable[[], Any], *, repeat: int = 3) -> float:
    """Return the least wall time of some runs after a first one that is not counted."""
    work()
    return timed(work, repeat=repeat)[0]


def peak_memory() -> int:
    """Return the peak resident memory in bytes; `ru_maxrss` would include that of the parent."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])
