"""The choice of threads, against a machine whose clock the test turns."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lmkit.models.rnn.options import Settings
from lmkit.models.rnn.threads import (
    TRIAL_STEPS,
    WINDOW_STEPS,
    ThreadChooser,
    thread_chooser,
    torch_threads,
)
from tests.models.rnn.samples import network_of


class Machine:
    """Takes `seconds[n]` for a token with n threads; `used` are the numbers in the order asked."""

    def __init__(self, seconds: dict[int, float], again: float = math.inf) -> None:
        self.seconds = seconds
        self.now = 100.0
        self.used: list[int] = []
        self.chooser = ThreadChooser(
            sorted(seconds), use=self.used.append, clock=lambda: self.now, again=again
        )

    def run(self, steps: int, tokens: int = 10) -> float:
        before = self.now
        for _ in range(steps):
            self.now += tokens * self.seconds[self.used[-1]]
            self.chooser.step(tokens)
        return self.now - before


TRIALS = 2 * (TRIAL_STEPS + 1)


def test_two_threads_where_two_are_faster() -> None:
    machine = Machine({1: 1.0, 2: 0.6})
    machine.run(TRIALS + 200)
    assert machine.used == [1, 2, 2]
    assert machine.chooser.count == 2


def test_a_neighbour_that_goes_is_noticed_in_time() -> None:
    machine = Machine({1: 1.0, 2: 100.0}, again=5000.0)
    machine.run(TRIALS + 20)
    assert machine.chooser.count == 1
    machine.seconds[2] = 0.6
    machine.run(1000)
    assert machine.chooser.count == 2


def test_one_thread_where_a_busy_core_makes_two_slow() -> None:
    machine = Machine({1: 1.0, 2: 100.0})
    machine.run(TRIAL_STEPS + 2)
    assert machine.used == [1, 2, 1]  # one step was enough to see it
    machine.run(200)
    assert machine.used == [1, 2, 1]


def test_a_core_that_becomes_busy_is_noticed_and_left() -> None:
    machine = Machine({1: 1.0, 2: 0.5})
    machine.run(TRIALS + 1)
    machine.seconds[2] = 50.0
    machine.run(2 * WINDOW_STEPS + TRIALS)
    assert machine.chooser.count == 1
    assert machine.used[-1] == 1
    assert machine.run(50) == 500.0


def test_a_machine_that_slows_altogether_is_tried_once_not_for_ever() -> None:
    machine = Machine({1: 1.0, 2: 0.5})
    machine.run(TRIALS + 1)
    machine.seconds = {1: 10.0, 2: 5.0}
    machine.run(20 * WINDOW_STEPS)
    assert machine.used == [1, 2, 2, 1, 2, 2]


def test_a_little_slower_is_no_reason() -> None:
    machine = Machine({1: 1.0, 2: 0.5})
    machine.run(TRIALS + 1)
    machine.seconds = {1: 1.8, 2: 0.9}
    machine.run(20 * WINDOW_STEPS)
    assert machine.used == [1, 2, 2]


def test_time_between_runs_of_steps_does_not_count() -> None:
    machine = Machine({1: 1.0, 2: 0.5})
    machine.run(TRIALS + 1)
    for _ in range(10):
        machine.run(WINDOW_STEPS)
        machine.now += 1e6  # the validation text is being scored
        machine.chooser.resume()
    assert machine.used == [1, 2, 2]


def test_one_candidate_is_used_and_never_changed() -> None:
    machine = Machine({3: 1.0})
    machine.run(30)
    machine.seconds[3] = 1000.0
    machine.run(100)
    assert set(machine.used) == {3}
    assert machine.chooser.count == 3


def test_steps_of_any_size_are_compared_by_the_token() -> None:
    machine = Machine({1: 1.0, 2: 0.9})
    machine.run(TRIAL_STEPS + 1, tokens=1)
    machine.run(TRIAL_STEPS + 1, tokens=1000)
    assert machine.chooser.count == 2
    machine.run(WINDOW_STEPS + 1, tokens=1)
    assert machine.used == [1, 2, 2]


def test_torch_has_its_threads_back() -> None:
    before = torch.get_num_threads()
    try:
        with torch_threads(1):
            assert torch.get_num_threads() == 1
            with torch_threads(before + 1):
                assert torch.get_num_threads() == before + 1
            assert torch.get_num_threads() == 1
            with torch_threads():  # whatever happens inside
                torch.set_num_threads(before + 2)
        assert torch.get_num_threads() == before
    finally:
        torch.set_num_threads(before)


def test_little_networks_do_not_try_threads() -> None:
    with torch_threads():
        assert thread_chooser(network_of(), Settings(), None).candidates == (1,)
        assert thread_chooser(network_of(), Settings(), 2).candidates == (2,)


def test_large_networks_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    monkeypatch.setattr("lmkit.models.rnn.threads.LITTLE_WORK", 0)
    assert thread_chooser(network_of(), Settings(), None).candidates == (1, 4)


FORK = """
import multiprocessing
import torch
from tests.models.rnn.samples import CORPUS, fitted

def work(queue):
    parallel = float(torch.ones(1 << 22).add(1).sum())
    again = fitted(threads=2, epochs=1)
    queue.put((model.score(CORPUS).perplexity, parallel, again.is_fitted, torch.get_num_threads()))

torch.set_num_threads(2)
torch.ones(1 << 22).add(1).sum()  # which starts the threads
model = fitted(threads=2, epochs=1)
fork = multiprocessing.get_context("fork")
queue = fork.Queue()
process = fork.Process(target=work, args=(queue,), daemon=True)
process.start()
process.join(60)
assert not process.is_alive(), "the forked process waits for threads that it does not have"
assert queue.get() == (model.score(CORPUS).perplexity, 2.0**23, True, 1)
assert torch.get_num_threads() == 2
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_process_scores_and_learns_with_one_thread() -> None:
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", FORK], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
