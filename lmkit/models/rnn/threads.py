"""The number of threads that torch computes with.

A recurrent network is a long chain of small operations. Two threads halve the time of each if two
cores are idle; but if another process keeps one core busy, every operation waits for the thread
on that core, and training becomes a hundred times slower. So the number is chosen by trials.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch

from lmkit.models.rnn.network import Network, parameter_count
from lmkit.models.rnn.options import Settings

TRIAL_STEPS = 4
WINDOW_STEPS = 16
TOO_SLOW = 3.0
"""A trial ends at once if a step is this many times slower than the best trial's mean."""
RETRY_SECONDS = 180.0
"""Seconds after which all numbers are tried again: another process may have ended."""
SLOWED = 2.0
"""All numbers are tried again if a window is this many times slower than the best trial."""
LITTLE_WORK = 1e8
"""Floating-point operations of a step, about 2 ms on one core, below which one thread is used."""


if hasattr(os, "register_at_fork"):
    # A process that is forked inherits torch's pool of threads without the threads, and waits for
    # them for ever. One thread alone needs no pool.
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


_OWN_PROCESS = os.getpid()  # that which loaded this module: a forked one has another


def use_threads(count: int) -> None:
    """Compute with `count` threads; with one in a forked process."""
    torch.set_num_threads(count if os.getpid() == _OWN_PROCESS else 1)


@contextmanager
def torch_threads(count: int | None = None) -> Iterator[None]:
    """Compute with `count` threads inside the block; after it the number is what it was before."""
    before = torch.get_num_threads()
    try:
        if count is not None:
            use_threads(count)
        yield
    finally:
        use_threads(before)


class ThreadChooser:
    """Tries each number of threads for a few training steps and keeps the fastest.

    Call :meth:`resume` before a run of steps and :meth:`step` after each of them. The first step
    of a trial is not timed. After the trials the speed is monitored in windows of steps, and when
    it falls, because another process uses a core, all numbers are tried again.

    `candidates` are tried in order, `use` is called with a number to compute with it, `clock`
    returns seconds, and after `again` seconds all are tried again.
    """

    def __init__(
        self,
        candidates: Sequence[int],
        *,
        use: Callable[[int], None] = use_threads,
        clock: Callable[[], float] = time.perf_counter,
        again: float = RETRY_SECONDS,
    ) -> None:
        self.candidates = tuple(candidates)
        self.count = self.candidates[0]
        self.use = use
        self._clock = clock
        self._again = again
        self._since = clock()
        self._try_all()

    def resume(self) -> None:
        """Leave out the time since the last step, which was not spent on training."""
        self._since = self._clock()

    def step(self, tokens: int) -> None:
        """Record that a step over `tokens` tokens has ended; change the number where due."""
        now = self._clock()
        pace = (now - self._since) / max(tokens, 1)  # seconds per token
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
        self._best = math.inf  # seconds per token
        self._tried = self._clock()
        self._begin_trial()

    def _begin_trial(self) -> None:
        self.use(self._trying[0])
        self._measure(from_step=-1)

    def _judge_trial(self, pace: float) -> None:
        too_slow = pace > TOO_SLOW * self._best
        if self._steps < TRIAL_STEPS and not too_slow:
            return
        number = self._trying.pop(0)
        if not too_slow and self._mean < self._best:
            self.count, self._best = number, self._mean
        if self._trying:
            self._begin_trial()
        else:
            self.use(self.count)
            self._measure(from_step=-1)


def thread_chooser(network: Network, settings: Settings, threads: int | None) -> ThreadChooser:
    """Return the chooser for a network: of `threads` alone, or if None of one and all."""
    most = torch.get_num_threads()
    work = 6 * parameter_count(network) * settings.lanes * settings.length
    if threads is not None:
        return ThreadChooser([threads])
    if network.device.type != "cpu" or work < LITTLE_WORK or most == 1:
        return ThreadChooser([1])
    return ThreadChooser([1, most])
