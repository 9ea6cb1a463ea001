"""Recurrent language models: ``char-rnn`` and ``word-rnn``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from lmkit.errors import FormatError, ParameterError
from lmkit.models.base import Ids, LanguageModel, LogProbs, Progress
from lmkit.models.rnn.batches import Batches, SentenceBatches, StreamBatches
from lmkit.models.rnn.cells import State
from lmkit.models.rnn.network import Network, Shape, parameter_count
from lmkit.models.rnn.scoring import (
    Measure,
    Values,
    distribution,
    entropy,
    first_state,
    log_prob,
    next_state,
    read_hidden,
    read_sentences,
    read_stream,
)
from lmkit.models.rnn.threads import ThreadChooser, torch_threads
from lmkit.models.rnn.training import Training, train

LITTLE_WORK = 1e8
"""Floating-point operations of a training step below which one thread is always enough."""
LEAST: Mapping[str, int] = MappingProxyType(
    {"layers": 1, "hidden": 1, "embedding": 0, "lanes": 1, "length": 1, "epochs": 1}
    | {"patience": 1, "seed": 0, "threads": 1}
)
SHARES = ("dropout", "unk_rate", "warmup")
POSITIVE = ("learning_rate", "clip")


class RecurrentModel(LanguageModel):
    """A recurrent network, trained on the text in order and scored on every token.

    Hyper-parameters, beside those of every model:

    ``cell, layers, hidden, embedding, tied``
        The network: ``rnn``, ``gru`` or ``lstm``; how many layers of how many units; width of the
        embedding, 0 for one-hot inputs; whether embedding and output share one matrix.
    ``lanes, length``
        The text is read in so many parallel lanes, gradients reach back so many tokens.
    ``epochs, learning_rate, warmup, weight_decay, clip, patience``
        AdamW; the rate rises over the fraction `warmup` of the training and falls to zero by a
        cosine; the norm of gradients is clipped at `clip`; training ends early when the validation
        text has not been predicted better for `patience` epochs. The best epoch's weights stay.
    ``dropout, unk_rate``
        The share of activations dropped in training (embedding, between layers, output); the share
        of once-seen types read as ``<unk>`` in each epoch.
    ``seed, device, threads``
        The seed of all chance; ``auto`` is ``cuda`` where there is one, else ``cpu``; how many
        threads to train with, by default what a short trial finds fastest. On one machine and
        with one number of threads, the same seed gives the same weights to the last bit.

    With context ``stream``, the default, the state runs on across ``</s>`` from the first token of
    a text to the last; with ``sentence`` it begins anew after each ``</s>``, in training too.

    Learned: `network_`, and `history_` with mean nats a token by epoch under ``train`` and
    ``valid`` and the ``best_epoch``.
    """

    needs_validation: ClassVar[bool] = True

    network_: Network
    history_: dict[str, Any]

    def __init__(
        self,
        *,
        cell: Literal["rnn", "gru", "lstm"] = "lstm",
        layers: int = 1,
        hidden: int = 192,
        embedding: int = 32,
        tied: bool = False,
        dropout: float = 0.0,
        unk_rate: float = 0.5,
        lanes: int = 16,
        length: int = 32,
        epochs: int = 3,
        learning_rate: float = 0.012,
        warmup: float = 0.1,
        weight_decay: float = 0.1,
        clip: float = 1.0,
        patience: int = 2,
        seed: int = 1,
        device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
        threads: int | None = None,
        context: str = "stream",
        **common: Any,
    ):
        super().__init__(context=context, **common)
        self.cell = cell
        self.layers = layers
        self.hidden = hidden
        self.embedding = embedding
        self.tied = tied
        self.dropout = dropout
        self.unk_rate = unk_rate
        self.lanes = lanes
        self.length = length
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.warmup = warmup
        self.weight_decay = weight_decay
        self.clip = clip
        self.patience = patience
        self.seed = seed
        self.device = device
        self.threads = threads

    def _check(self) -> None:
        _check_ranges(self)
        if self.tied and not self.embedding:
            raise ParameterError(
                "tied=True shares the embedding, and embedding=0 has none; give both"
            )
        if not _available(self.device):
            raise ParameterError(f"device={self.device!r} is not there; device='auto' finds one")

    # ------------------------------------------------------------------ learning

    def _learn(self, ids: Ids, valid_ids: Ids | None, progress: Progress | None) -> None:
        device = self._device()
        with _seeded(self.seed, device), torch_threads():
            network = Network(self._shape())
            network.start(np.bincount(ids, minlength=len(self.vocabulary_)))
            network.to(device)
            curve = train(
                network,
                self._batches(ids),
                self._training(),
                rng=np.random.default_rng(self.seed),
                validate=self._validation(network, valid_ids),
                threads=self._thread_chooser(network),
                progress=progress or (lambda what, fraction: None),
            )
        self.network_ = network.eval()
        self.history_ = {
            "train": list(curve.train),
            "valid": list(curve.valid),
            "best_epoch": curve.best_epoch,
        }

    def _shape(self) -> Shape:
        return Shape(
            outcomes=len(self.vocabulary_),
            cell=self.cell,
            layers=self.layers,
            hidden=self.hidden,
            embedding=self.embedding,
            tied=self.tied,
        )

    def _batches(self, ids: Ids) -> Batches:
        kind = StreamBatches if self.context == "stream" else SentenceBatches
        return kind(
            ids,
            self.vocabulary_.bos_id,
            lanes=self.lanes,
            length=self.length,
            unk_rate=self.unk_rate,
        )

    def _training(self) -> Training:
        return Training(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            warmup=self.warmup,
            weight_decay=self.weight_decay,
            clip=self.clip,
            dropout=self.dropout,
            patience=self.patience,
        )

    def _validation(self, network: Network, ids: Ids | None) -> Callable[[], float] | None:
        if ids is None or not len(ids):
            return None

        def mean_nats() -> float:
            log_probs, _ = self._read(network, ids, first_state(network), log_prob)
            return -float(log_probs.mean())

        return mean_nats

    def _thread_chooser(self, network: Network) -> ThreadChooser:
        many = torch.get_num_threads()
        work = 6 * parameter_count(network) * self.lanes * self.length
        if self.threads is not None:
            return ThreadChooser([self.threads])
        if network.device.type != "cpu" or work < LITTLE_WORK or many == 1:
            return ThreadChooser([1])
        return ThreadChooser([1, many])

    def _device(self) -> torch.device:
        if self.device != "auto" and _available(self.device):
            return torch.device(self.device)
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    # ------------------------------------------------------------------ scoring

    def _initial_state(self) -> State:
        return first_state(self.network_)

    def _advance(self, state: State, index: int) -> State:
        if self.context == "sentence" and index == self.vocabulary_.eos_id:
            return self._initial_state()
        return next_state(self.network_, index, state)

    def _predict(self, state: State) -> LogProbs:
        return distribution(self.network_, state)

    def _next_log_probs(self, context: Ids) -> LogProbs:
        state = self._initial_state()  # that after <s>, with which every context begins
        return self._predict(self._read(self.network_, context[1:], state, log_prob)[1])

    def _log_probs(self, ids: Ids, state: State) -> tuple[LogProbs, State]:
        return self._read(self.network_, ids, state, log_prob)

    def _explain(self, ids: Ids, state: State) -> dict[str, NDArray[Any]]:
        return {"entropy": self._read(self.network_, ids, state, entropy)[0]}

    def hidden_states(self, ids: Ids, state: State) -> tuple[NDArray[np.float32], State]:
        """Return the top layer's outputs at each of `ids` and behind, and the state after them.

        Float32 (T + 1, H): row t is what token t is predicted from, the last what follows them.
        """
        return read_hidden(self.network_, ids, state, sentences=self.context == "sentence")

    def _read(
        self, network: Network, ids: Ids, state: State, measure: Measure
    ) -> tuple[Values, State]:
        read = read_stream if self.context == "stream" else read_sentences
        return read(network, ids, state, measure)

    @property
    def parameters(self) -> int:
        """The number of weights and biases; a matrix that serves twice counts once."""
        return parameter_count(self.network_)

    @property
    def unk(self) -> str:
        """``trained`` where training met ``<unk>``, in the text or by `unk_rate`."""
        once = self.vocabulary_.counts[self.vocabulary_.eos_id + 1 :] == 1
        return "trained" if self.unk_rate and once.any() else super().unk

    # ------------------------------------------------------------------ files

    def _state_to_save(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        weights = self.network_.state_dict()
        arrays = {name: tensor.cpu().numpy() for name, tensor in weights.items()}
        return arrays, {"history_": self.history_}

    def _described_network(self, arrays: Mapping[str, NDArray[Any]]) -> Network:
        """Return the network that the hyper-parameters describe, without storage for its weights.

        Raises FormatError where `arrays` are not exactly its weights: a file may claim any size.
        """
        try:
            if self.layers > len(arrays):
                raise RuntimeError
            with torch.device("meta"):
                network = Network(self._shape())
        except RuntimeError:  # a size beyond all measure
            raise FormatError("the weights do not fit the network; fit it again") from None
        shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
        for name in shapes.keys() | arrays.keys():
            array = arrays.get(name)
            if array is None or array.shape != shapes.get(name) or array.dtype != np.float32:
                raise FormatError(f"the weights {name!r} do not fit the network; fit it again")
        return network

    def _restore(self, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        network = self._described_network(arrays)
        network.to_empty(device="cpu")
        network.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})
        self.network_ = network.to(self._device()).eval()
        self.history_ = values["history_"]


class CharRnn(RecurrentModel):
    """A recurrent network over characters."""

    name: ClassVar[str] = "char-rnn"

    def __init__(self, *, unit: str = "char", **options: Any):
        super().__init__(unit=unit, **options)


class WordRnn(RecurrentModel):
    """A recurrent network over words."""

    name: ClassVar[str] = "word-rnn"

    def __init__(
        self,
        *,
        hidden: int = 128,
        embedding: int = 64,
        tied: bool = True,
        dropout: float = 0.2,
        epochs: int = 4,
        learning_rate: float = 0.03,
        weight_decay: float = 0.2,
        **options: Any,
    ):
        super().__init__(
            hidden=hidden,
            embedding=embedding,
            tied=tied,
            dropout=dropout,
            epochs=epochs,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            **options,
        )


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Let torch draw from `seed` inside the block, and go on as if nothing was drawn after it."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def _available(device: str) -> bool:
    if device == "cuda":
        return torch.cuda.is_available()
    return device != "mps" or torch.backends.mps.is_available()


def _check_ranges(model: RecurrentModel) -> None:
    for name, least in LEAST.items():
        value = getattr(model, name)
        if value is not None and value < least:
            raise ParameterError(f"{name}={value}; give a whole number, {least} or more")
    for name in SHARES:
        value = getattr(model, name)
        if not 0 <= value < 1:  # so that nan is refused too
            raise ParameterError(f"{name}={value}; give a number from 0 to below 1")
    for name in POSITIVE:
        value = getattr(model, name)
        if not 0 < value < math.inf:
            raise ParameterError(f"{name}={value}; give a number above 0")
    if not 0 <= model.weight_decay < math.inf:
        raise ParameterError(f"weight_decay={model.weight_decay}; give a number, 0 or more")
