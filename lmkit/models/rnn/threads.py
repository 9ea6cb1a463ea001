"""How many threads torch computes with.

A recurrent network is a long chain of small operations. Two threads halve the time of each where
two cores are idle; but where another process keeps one core busy, every operation waits for the
thread on it, and training becomes a hundred times slower. So the number is found by trying.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch

TRIAL_STEPS = 4
WINDOW_STEPS = 16
HOPELESS = 3.0
"""A trial ends at once when a step is this many times slower than the best trial's mean."""
AGAIN = 180.0
"""Seconds after which the numbers are tried again anyway: a neighbour may have gone."""
SLOWED = 2.0
"""The numbers are tried again when a window is this many times slower than the best trial."""


@contextmanager
def torch_threads(count: int | None = None) -> Iterator[None]:
    """Compute with `count` threads inside the block, and with as many as before after it."""
    before = torch.get_num_threads()
    try:
        if count is not None:
            torch.set_num_threads(count)
        yield
    finally:
        torch.set_num_threads(before)


class ThreadChooser:
    """Tries each number of threads for a few training steps and stays with the fastest.

    Call :meth:`resume` before a run of steps and :meth:`step` after each of them. The first step
    with a number warms up and is not timed. After the trials the pace is watched: where another
    process has come to use a core, all numbers are tried again.

    `candidates` are tried in their order, `use` is called with a number to compute with it,
    `clock` returns seconds, and after `again` of them all are tried anew.
    """

    def __init__(
        self,
        candidates: Sequence[int],
        *,
        use: Callable[[int], None] = torch.set_num_threads,
        clock: Callable[[], float] = time.perf_counter,
        again: float = AGAIN,
    ) -> None:
        self.candidates = tuple(candidates)
        self.count = self.candidates[0]
        self.use = use
        self._clock = clock
        self._again = again
        self._since = clock()
        self._try_all()

    def resume(self) -> None:
        """Forget the time since the last step: something else than training took it."""
        self._since = self._clock()

    def step(self, tokens: int) -> None:
        """Take note that a step over `tokens` tokens is done; perhaps change the number."""
        now = self._clock()
        pace = (now - self._since) / max(tokens, 1)  # seconds a token
        self._since = now
        self._steps += 1
        if self._steps > 0:
            self._seconds += pace * max(tokens, 1)
            self._tokens += max(tokens, 1)
        if self._trying:
            self._judge_trial(pace)
        elif self._steps == WINDOW_STEPS:
            slower = self._mean > SLOWED * self._best or now - self._tried > self._again
            if slower and len(self.candidates) > 1:
                self._try_all()
            else:
                self._measure(from_step=0)

    @property
    def _mean(self) -> float:
        return self._seconds / self._tokens if self._tokens else math.inf

    def _measure(self, *, from_step: int) -> None:
        self._steps, self._seconds, self._tokens = from_step, 0.0, 0

    def _try_all(self) -> None:
        self._trying = list(self.candidates)
        self._best = math.inf  # seconds a token
        self._tried = self._clock()
        self._begin_trial()

    def _begin_trial(self) -> None:
        self.use(self._trying[0])
        self._measure(from_step=-1)

    def _judge_trial(self, pace: float) -> None:
        hopeless = pace > HOPELESS * self._best
        if self._steps < TRIAL_STEPS and not hopeless:
            return
        number = self._trying.pop(0)
        if not hopeless and self._mean < self._best:
            self.count, self._best = number, self._mean
        if self._trying:
            self._begin_trial()
        else:
            self.use(self.count)
            self._measure(from_step=-1)
