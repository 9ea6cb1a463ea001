"""What all neural models share: training options, learning, scoring and files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray

from lmkit.errors import FormatError
from lmkit.models.base import Ids, LanguageModel, LogProbs, Progress
from lmkit.models.rnn.cells import State
from lmkit.models.rnn.checkpoints import EVERY
from lmkit.models.rnn.learning import Run, Task, available, find_device, learn, make_network
from lmkit.models.rnn.network import Network, parameter_count
from lmkit.models.rnn.scoring import (
    Measure,
    Values,
    distribution,
    entropy,
    first_state,
    log_prob,
    next_state,
    read_apart,
    read_hidden,
    read_sentences,
    read_stream,
)
from lmkit.models.rnn.settings import Settings, check_ranges
from lmkit.text.corpus import Corpus, Text
from lmkit.text.vocabulary import Vocabulary

_BASE = ("unit", "min_count", "max_size", "context", "seed", "device", "threads")


class NeuralModel(LanguageModel):
    """A neural network, trained on the text in order and scored on every token.

    Hyper-parameters, beside those of every model. Where None is the default, the choice is made
    when training begins: a minute's training of a small text, or what fits into `budget`.

    ``hidden, embedding``
        Units of a layer; width of the embedding.
    ``epochs, steps, budget``
        How long to train, one of them: readings of the text, batches, or time (``90s``, ``10m``,
        ``1.5h``). With a budget the size of the network, too, is chosen, by trying how fast it
        trains here; and the learning rate falls to zero when the time is over.
    ``lanes, length, sampling, random_length``
        Text is read in so many parallel lanes, gradients reach back `length` tokens. Sampling is
        ``sequential``, lanes running on from stretch to stretch, or ``random``: stretches in
        random order, each from the initial state. A random length varies the stretches.
    ``optimizer, learning_rate, schedule, warmup, weight_decay, clip, average``
        ``adamw``, ``sgd``, or ``nt-asgd``; ``cosine`` or ``one-cycle`` to zero, ``constant``, or
        ``plateau``, which halves; the rate rises over the fraction `warmup` of the training (a
        tenth by default, with a budget half a reading at most; three tenths with ``one-cycle``);
        gradients are clipped by their norm; the decay of a moving average of the weights, 0 for
        none.
    ``patience``
        Training ends when so many validations in a row brought nothing better (not with a budget);
        the best weights stay. For ``nt-asgd``: when averaging begins.
    ``dropout, input_dropout, output_dropout, embedding_dropout, locked``
        Shares dropped in training: `dropout` of all features that have no share of their own, of
        the embedding's features, of the output, of whole types; `locked` drops the same features
        all through a stretch. Where `dropout` is given, a budget plans no other part.
    ``activation_penalty, change_penalty, unk_rate``
        AR and TAR; the share of once-seen types read as ``<unk>`` in each epoch.
    ``samples``
        0, or how many outcomes the softmax of training is estimated from. Scores are always exact.
    ``precision``
        Of the matrix products in training; ``auto`` is ``bfloat16`` where the processor has it and
        the network is large. Scores are always computed in float32.
    ``seed, device, threads``
        The seed of all chance; ``auto`` is ``cuda`` where there is one, else ``cpu``; how many
        threads to train with, by default what a short trial finds fastest. On one machine and with
        one number of threads, the same seed gives the same weights to the last bit, unless a
        budget ended the training.

    With context ``stream``, the default, the state runs on across ``</s>`` from the first token of
    a text to the last; with ``sentence`` it begins anew after each ``</s>``, in training too.

    Learned: `network_`, `settings_` (what was decided) and `history_`: the learning curve, lists
    ``tokens`` (trained on), ``train`` and ``valid`` (mean nats a token), and ``best``, the index of
    the point whose weights were kept.
    """

    needs_validation: ClassVar[bool] = True
    resumable: ClassVar[bool] = True

    _run: Run = Run()  # of the fit that goes on
    _seconds_before: float = 0.0  # in the runs that it goes on from

    network_: Network
    settings_: Settings
    history_: dict[str, Any]

    def __init__(
        self,
        *,
        hidden: int | None = None,
        embedding: int | None = None,
        dropout: float | None = None,
        input_dropout: float | None = None,
        output_dropout: float | None = None,
        embedding_dropout: float | None = None,
        locked: bool | None = None,
        activation_penalty: float = 0.0,
        change_penalty: float = 0.0,
        unk_rate: float | None = None,
        sampling: Literal["sequential", "random"] = "sequential",
        lanes: int | None = None,
        length: int | None = None,
        random_length: bool = False,
        optimizer: Literal["adamw", "sgd", "nt-asgd"] = "adamw",
        learning_rate: float | None = None,
        schedule: Literal["cosine", "one-cycle", "constant", "plateau"] = "cosine",
        warmup: float | None = None,
        weight_decay: float | None = None,
        clip: float | None = None,
        average: float | None = None,
        samples: int = 0,
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        epochs: int | None = None,
        steps: int | None = None,
        budget: str | None = None,
        patience: int = 2,
        seed: int = 1,
        device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
        threads: int | None = None,
        context: str = "stream",
        **common: Any,
    ):
        super().__init__(context=context, **common)
        self.hidden = hidden
        self.embedding = embedding
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.output_dropout = output_dropout
        self.embedding_dropout = embedding_dropout
        self.locked = locked
        self.activation_penalty = activation_penalty
        self.change_penalty = change_penalty
        self.unk_rate = unk_rate
        self.sampling = sampling
        self.lanes = lanes
        self.length = length
        self.random_length = random_length
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.warmup = warmup
        self.weight_decay = weight_decay
        self.clip = clip
        self.average = average
        self.samples = samples
        self.precision = precision
        self.epochs = epochs
        self.steps = steps
        self.budget = budget
        self.patience = patience
        self.seed = seed
        self.device = device
        self.threads = threads

    def _check(self) -> None:
        check_ranges(self.get_parameters())
        find_device(self.device)

    # ------------------------------------------------------------------ learning

    def fit(
        self,
        corpus: Corpus | Text | str | Path,
        *,
        valid: Corpus | Text | str | Path | None = None,
        vocabulary: Vocabulary | None = None,
        progress: Progress | None = None,
        checkpoint: str | Path | None = None,
        checkpoint_seconds: float = EVERY,
        log: str | Path | None = None,
    ) -> Self:
        """Learn as :meth:`LanguageModel.fit` says, and return the model itself.

        `checkpoint` names a file that takes all of the training run every `checkpoint_seconds`;
        where it is there already, and of this very run, training goes on from it. `log` names a
        file that gets a JSON object a line (see :class:`~lmkit.models.rnn.reports.Reporter`).

        Raises LmkitError for a checkpoint of another run, ParameterError where training diverges.
        """
        path = None if checkpoint is None else Path(checkpoint)
        self._run = Run(None, path, checkpoint_seconds, None if log is None else Path(log))
        try:
            super().fit(corpus, valid=valid, vocabulary=vocabulary, progress=progress)
            assert self.fit_seconds_ is not None
            self.fit_seconds_ += self._seconds_before
            return self
        finally:
            del self._run
            vars(self).pop("_seconds_before", None)

    def _learn(self, ids: Ids, valid_ids: Ids | None, progress: Progress | None) -> None:
        values = {k: v for k, v in self.get_parameters().items() if k not in _BASE}
        task = Task(
            values=values,
            unit=self.unit,
            context=self.context,
            outcomes=len(self.vocabulary_),
            ids=ids,
            valid=valid_ids,
            device=find_device(self.device),
            seed=self.seed,
            threads=self.threads,
        )
        run = self._run
        learned = learn(task, Run(progress, run.checkpoint, run.every, run.log))
        self.network_, self.settings_ = learned.network, learned.settings
        if learned.seconds_before:
            self._seconds_before = learned.seconds_before
        self.history_ = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(learned.curve).items()
        }

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

    def _log_probs_apart(
        self, ids: Ids, starts: NDArray[np.int64], state: State
    ) -> tuple[LogProbs, State]:
        return read_apart(self.network_, ids, starts, state, log_prob)

    def _explain_apart(
        self, ids: Ids, starts: NDArray[np.int64], state: State
    ) -> dict[str, NDArray[Any]]:
        return {"entropy": read_apart(self.network_, ids, starts, state, entropy)[0]}

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
        return "trained" if self.settings_.unk_rate and once.any() else super().unk

    def describe(self) -> dict[str, Any]:
        """Return what was decided where an option left it open, and the ``learning_curve``."""
        self._require_fit()
        given = self.get_parameters()
        decided = {
            name: value
            for name, value in self.settings_.to_json().items()
            if value is not None and name in given and given[name] is None
        }
        return {**decided, "learning_curve": self.history_}

    # ------------------------------------------------------------------ files

    def _state_to_save(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        weights = self.network_.state_dict()
        arrays = {name: tensor.cpu().numpy() for name, tensor in weights.items()}
        return arrays, {"history_": self.history_, "settings_": self.settings_.to_json()}

    def _described_network(self, settings: Settings, arrays: Mapping[str, NDArray[Any]]) -> Network:
        """Return the network that the settings describe, without storage for its weights.

        Raises FormatError where `arrays` are not exactly its weights: a file may claim any size.
        """
        try:
            if settings.layers > len(arrays):
                raise RuntimeError
            with torch.device("meta"):
                network = make_network(settings, len(self.vocabulary_))
        except (RuntimeError, KeyError):  # a size beyond all measure, a cell that does not exist
            raise FormatError("the weights do not fit the network; fit it again") from None
        shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
        for name in shapes.keys() | arrays.keys():
            array = arrays.get(name)
            if array is None or array.shape != shapes.get(name) or array.dtype != np.float32:
                raise FormatError(f"the weights {name!r} do not fit the network; fit it again")
        return network

    def _restore(self, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        settings = Settings.from_json(values["settings_"])
        network = self._described_network(settings, arrays)
        network.to_empty(device="cpu")
        network.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})
        device = find_device(self.device if available(self.device) else "auto")
        self.network_ = network.to(device).eval()
        self.settings_ = settings
        self.history_ = values["history_"]
