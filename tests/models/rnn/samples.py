"""Small networks, trainers and texts that the tests of neural models share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from lmkit.models.rnn.batches import Batches, StreamBatches
from lmkit.models.rnn.models import RecurrentModel, WordRnn
from lmkit.models.rnn.network import Network, RecurrentNetwork, Shape
from lmkit.models.rnn.options import Settings
from lmkit.models.rnn.progress import Reporter
from lmkit.models.rnn.threads import ThreadChooser
from lmkit.models.rnn.training import Trainer
from lmkit.text.corpus import Corpus

V = 11
IDS = np.random.default_rng(0).integers(0, V, 103).astype(np.int32)
TEXT = "the cat sat on the mat\nthe dog sat on the log\na cat saw the dog\n\n" * 12
RARE = "".join(f"the w{n} sat on x{n}\n" for n in range(60))  # 120 words seen once
SMALL = {"hidden": 12, "embedding": 6, "epochs": 3, "lanes": 4, "length": 16, "tied": False}


def corpus(text: str) -> Corpus:
    return Corpus.from_string(text, normalize="none")


CORPUS = corpus(TEXT * 5)
VALID = corpus(TEXT[:400])


def fitted(
    kind: type[RecurrentModel] = WordRnn,
    text: Corpus = CORPUS,
    valid: Corpus = VALID,
    run: dict[str, Any] | None = None,
    **options: Any,
) -> Any:
    """Fit a small model; `run` are arguments of `fit`, such as a checkpoint."""
    return kind(**{**SMALL, **options}).fit(text, valid=valid, **(run or {}))


def network_of(outcomes: int = V, seed: int = 0, **options: Any) -> Any:
    """Return an initialised recurrent network, by default of two LSTM layers."""
    shape = {"cell": "lstm", "layers": 2, "hidden": 8, "embedding": 6, "tied": False, **options}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = RecurrentNetwork(Shape(outcomes, **shape))
        network.start(np.ones(outcomes, np.int64))
    return network


def trainer_of(
    network: Network,
    ids: np.ndarray,
    *,
    kind: type[Batches] = StreamBatches,
    validate: Callable[[], float] | None = None,
    progress: Callable[[str, float], None] | None = None,
    checkpoint: Callable[[Trainer], None] | None = None,
    clock: dict[str, Any] | None = None,
    **options: Any,
) -> Trainer:
    """Return a trainer of a text in 4 lanes and stretches of 8 tokens."""
    return Trainer(
        network,
        kind(ids, network.shape.outcomes, lanes=4, length=8),
        Settings(**{"learning_rate": 0.02, "weight_decay": 0.0, "patience": 9, **options}),
        rng=np.random.default_rng(0),
        validate=validate,
        threads=ThreadChooser([1], use=lambda count: None),
        reporter=Reporter(progress),
        checkpoint=checkpoint,
        **(clock or {}),
    )
