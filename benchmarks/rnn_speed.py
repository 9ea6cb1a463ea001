"""Speed of the recurrent models beside bare torch loops of the same shape, in one run.

    python -m benchmarks.rnn_speed

Training: lmkit's loop (batches, carried state, schedule, clipping, thread choice) against a loop
that does nothing but forward, backward and AdamW on one batch. Scoring: a text as one stream, and a
decoder's single steps, against torch's fused kernel called for one token at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, linear

from lmkit.models.rnn.batches import StreamBatches
from lmkit.models.rnn.network import Network, Shape
from lmkit.models.rnn.scoring import first_state, next_state, read_stream
from lmkit.models.rnn.threads import ThreadChooser
from lmkit.models.rnn.training import Training, train

LANES, LENGTH, STEPS, REPEATS = 16, 32, 60, 3
SHAPES = {
    "char-rnn": Shape(106, "lstm", layers=1, hidden=192, embedding=32, tied=False),
    "word-rnn": Shape(4000, "lstm", layers=1, hidden=128, embedding=64, tied=True),
    "two layers of 512": Shape(106, "lstm", layers=2, hidden=512, embedding=128, tied=False),
}


def rate(run: Callable[[], int]) -> float:
    """Return the best of some runs in tokens a second; `run` returns how many it did."""
    rates = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        rates.append(run() / (time.perf_counter() - start))
    return max(rates)


def ours(shape: Shape) -> int:
    network = Network(shape)
    network.start(np.ones(shape.outcomes, np.int64))
    tokens = LANES * LENGTH * STEPS
    ids = np.random.default_rng(0).integers(2, shape.outcomes, tokens).astype(np.int32)
    train(
        network,
        StreamBatches(ids, shape.outcomes, lanes=LANES, length=LENGTH, unk_rate=0.5),
        Training(1, 0.01, 0.1, 0.1, 1.0, 0.0, 1),
        rng=np.random.default_rng(0),
        validate=None,
        threads=ThreadChooser([torch.get_num_threads()]),
        progress=lambda what, fraction: None,
    )
    return tokens


def bare(shape: Shape) -> int:
    embedding = nn.Embedding(shape.outcomes, shape.embedding)
    layers = nn.LSTM(shape.embedding, shape.hidden, shape.layers)
    width = shape.embedding if shape.tied else shape.hidden
    projection = nn.Linear(shape.hidden, width, bias=False) if shape.tied else nn.Identity()
    output = embedding if shape.tied else nn.Linear(width, shape.outcomes, bias=False)
    modules = nn.ModuleList([embedding, layers, projection, output])
    optimizer = torch.optim.AdamW(modules.parameters(), lr=0.001, fused=True)
    ids = torch.randint(shape.outcomes, (LENGTH, LANES))
    state = None
    for _ in range(STEPS):
        outputs, state = layers(embedding(ids), state)
        state = tuple(part.detach() for part in state)
        scores = linear(projection(outputs), output.weight).flatten(0, 1)
        optimizer.zero_grad()
        cross_entropy(scores, ids.flatten()).backward()
        optimizer.step()
    return LANES * LENGTH * STEPS


def scoring(shape: Shape) -> None:
    network = Network(shape)
    network.start(np.ones(shape.outcomes, np.int64))
    ids = np.random.default_rng(0).integers(2, shape.outcomes, 5000).astype(np.int32)
    begin = first_state(network)

    def stream() -> int:
        read_stream(network, ids, begin)
        return len(ids)

    def steps() -> int:
        state = begin
        for index in ids[:500].tolist():
            state = next_state(network, index, state)
        return 500

    def fused_steps() -> int:
        state = begin
        with torch.no_grad():
            for index in ids[:500].tolist():
                _, state = network(torch.tensor([[index]]), state)
        return 500

    one, many = rate(steps), rate(fused_steps)
    print(f"  score a stream  {rate(stream):9,.0f} tokens/s")
    print(
        f"  take one step   {one:9,.0f} tokens/s, the fused kernel {many:,.0f}: x{one / many:.1f}"
    )


def main() -> None:
    print(f"{torch.get_num_threads()} threads, batches of {LANES} lanes x {LENGTH} tokens")
    for name, shape in SHAPES.items():
        mine, theirs = rate(lambda s=shape: ours(s)), rate(lambda s=shape: bare(s))
        print(f"{name}: {shape}")
        print(
            f"  train           {mine:9,.0f} tokens/s, bare loop {theirs:,.0f}: {mine / theirs:.0%}"
        )
        scoring(shape)


if __name__ == "__main__":
    main()
