"""Speed of the neural models beside plain torch loops of the same shape.

    python -m benchmarks.rnn_speed [--busy]

Training: lmkit's trainer (batches, carried state, schedule, clipping, averaged weights, thread
choice) against a loop of forward, backward and AdamW on one batch, both in float32 with all
threads; and lmkit's trainer in the precision that it chooses. Scoring: a text as one stream, and
the single steps of a decoder. `--busy` trains while another process occupies one core, lmkit
choosing threads and precision, and prints the factor by which it is slower.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, linear

from lmkit.models.rnn.batches import StreamBatches
from lmkit.models.rnn.device import kept_memory, precision_of
from lmkit.models.rnn.network import make_network
from lmkit.models.rnn.options import Settings
from lmkit.models.rnn.progress import Reporter
from lmkit.models.rnn.scoring import first_state, next_state, read_stream
from lmkit.models.rnn.threads import thread_chooser, torch_threads
from lmkit.models.rnn.training import Trainer

REPEATS = 3
SHAPES: dict[str, tuple[int, Settings, int]] = {
    "char-rnn, the default": (
        106, Settings(hidden=192, embedding=32, lanes=16, length=32), 60
    ),
    "word-rnn, the default": (
        4000, Settings(hidden=128, embedding=64, tied=True, lanes=16, length=32), 60
    ),
    "word-rnn of 30 minutes": (
        10_000,
        Settings(layers=2, hidden=640, embedding=384, tied=True, lanes=64, length=32),
        10,
    ),
}  # fmt: skip


def rate(run: Callable[[], int]) -> float:
    """Return the highest rate of some runs in tokens per second; `run` returns its tokens."""
    rates = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        rates.append(run() / (time.perf_counter() - start))
    return max(rates)


def ours(outcomes: int, settings: Settings, steps: int, threads: int | None = None) -> int:
    network = make_network(settings, outcomes)
    network.start(np.ones(outcomes, np.int64))
    tokens = settings.lanes * settings.length * (steps + 1)
    ids = np.random.default_rng(0).integers(2, outcomes, tokens).astype(np.int32)
    batches = StreamBatches(
        ids, outcomes, lanes=settings.lanes, length=settings.length, unk_rate=settings.unk_rate
    )
    with torch_threads(), kept_memory():
        trainer = Trainer(
            network,
            batches,
            settings.changed(steps=steps),
            rng=np.random.default_rng(0),
            validate=None,
            threads=thread_chooser(network, settings, threads),
            reporter=Reporter(),
        )
        trainer.run()
    return trainer.position.tokens


def bare(outcomes: int, settings: Settings, steps: int) -> int:
    embedding = nn.Embedding(outcomes, settings.embedding)
    layers = nn.LSTM(settings.embedding, settings.hidden, settings.layers)
    width = settings.embedding if settings.tied else settings.hidden
    projection = nn.Linear(settings.hidden, width, bias=False) if settings.tied else nn.Identity()
    output = embedding if settings.tied else nn.Linear(width, outcomes, bias=False)
    modules = nn.ModuleList([embedding, layers, projection, output])
    optimizer = torch.optim.AdamW(modules.parameters(), lr=0.001, fused=True)
    ids = torch.randint(outcomes, (settings.length, settings.lanes))
    state = None
    for _ in range(steps):
        outputs, state = layers(embedding(ids), state)
        state = tuple(part.detach() for part in state)
        scores = linear(projection(outputs), output.weight).flatten(0, 1)
        optimizer.zero_grad()
        cross_entropy(scores, ids.flatten()).backward()
        optimizer.step()
    return ids.numel() * steps


def scoring(outcomes: int, settings: Settings) -> None:
    network = make_network(settings, outcomes).eval()
    network.start(np.ones(outcomes, np.int64))
    ids = np.random.default_rng(0).integers(2, outcomes, 3000).astype(np.int32)
    begin = first_state(network)

    def stream() -> int:
        read_stream(network, ids, begin)
        return len(ids)

    def steps() -> int:
        state = begin
        for index in ids[:300].tolist():
            state = next_state(network, index, state)
        return 300

    print(f"  score a stream   {rate(stream):9,.0f} tokens/s")
    print(f"  take one step    {rate(steps):9,.0f} tokens/s", flush=True)


def _spin() -> None:
    while True:
        pass


def as_chosen(settings: Settings, outcomes: int) -> Settings:
    """Return the settings with the precision that lmkit chooses."""
    open_ = settings.changed(precision="auto")
    return open_.changed(precision=precision_of(open_, outcomes, torch.device("cpu")))


def beside_a_busy_core() -> None:
    for name, (outcomes, settings, steps) in SHAPES.items():
        settings = as_chosen(settings, outcomes)
        alone = rate(lambda: ours(outcomes, settings, steps * 3))  # noqa: B023
        other = multiprocessing.Process(target=_spin, daemon=True)
        other.start()
        try:
            beside = rate(lambda: ours(outcomes, settings, steps * 3))  # noqa: B023
        finally:
            other.kill()
        print(
            f"{name}: alone {alone:,.0f} tokens/s, one core busy {beside:,.0f}: "
            f"{alone / beside:.2f} times slower",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--busy", action="store_true")
    print(f"{torch.get_num_threads()} threads")
    if parser.parse_args().busy:
        beside_a_busy_core()
        return
    for name, (outcomes, settings, steps) in SHAPES.items():
        chosen = as_chosen(settings, outcomes)
        print(f"{name}: {settings.layers} x {settings.hidden}, {outcomes:,} outcomes")
        both = torch.get_num_threads()
        mine = rate(lambda: ours(outcomes, settings, steps, both))  # noqa: B023
        theirs = rate(lambda: bare(outcomes, settings, steps))  # noqa: B023
        best = rate(lambda: ours(outcomes, chosen, steps, both))  # noqa: B023
        print(f"  train, float32   {mine:9,.0f} tokens/s, bare loop {theirs:,.0f}: "
              f"{mine / theirs:.0%}")  # fmt: skip
        print(f"  train, {chosen.precision:<9} {best:9,.0f} tokens/s: {best / theirs:.0%}")
        scoring(outcomes, settings)


if __name__ == "__main__":
    main()
