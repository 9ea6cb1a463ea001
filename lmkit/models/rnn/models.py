"""The neural models: ``char-rnn``, ``word-rnn`` and ``mlp``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from lmkit.errors import FormatError
from lmkit.models.base import LanguageModel
from lmkit.models.fitting import fit_model
from lmkit.models.rnn.cells import State
from lmkit.models.rnn.checkpoints import EVERY
from lmkit.models.rnn.device import available, find_device
from lmkit.models.rnn.fitting import Run, learn
from lmkit.models.rnn.network import Network, make_network, parameter_count
from lmkit.models.rnn.options import OPTIONS, RUN_OPTIONS, Settings, check, takes_options
from lmkit.models.rnn.planning import Task
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
from lmkit.text.corpus import Readable
from lmkit.text.vocabulary import Vocabulary
from lmkit.types import Ids, LogProbs, Progress


@takes_options("all", context="stream")
class NeuralModel(LanguageModel):
    """A neural network, trained on the text in order and scored on every token.

    With context ``stream``, the default, the state continues across ``</s>`` from the first token
    of a text to the last; with ``sentence`` it is reset after each ``</s>``, in training too.

    Learned: `network_`, `settings_` (every option decided) and `history_`, the learning curve:
    lists ``tokens`` (trained on), ``train`` and ``valid`` (mean nats per token), and ``best``, the
    index of the point whose weights were kept.

    Hyper-parameters, beside those of every model, are listed below (their table is
    :data:`lmkit.models.rnn.options.OPTIONS`). Those that are None are decided when training begins.
    Of `epochs`, `steps` and `budget` one is given; with a budget the size of the network is also
    chosen, by measuring how fast it trains here, and the learning rate falls to zero when the time
    is over. On one machine and with one number of threads, the same seed gives the same weights to
    the last bit, unless a budget ended the training.
    """

    needs_validation: ClassVar[bool] = True
    resumable: ClassVar[bool] = True

    seed: int
    device: str
    threads: int | None

    network_: Network
    settings_: Settings
    history_: dict[str, Any]

    def _check(self) -> None:
        check(self.get_parameters())
        find_device(self.device)

    # ------------------------------------------------------------------ learning

    def fit(
        self,
        corpus: Readable,
        *,
        valid: Readable | None = None,
        vocabulary: Vocabulary | None = None,
        progress: Progress | None = None,
        checkpoint: str | Path | None = None,
        checkpoint_seconds: float = EVERY,
        log: str | Path | None = None,
    ) -> Self:
        """Learn as :meth:`LanguageModel.fit` does, and return the model itself.

        `checkpoint` names a file to which the state of training is written every
        `checkpoint_seconds`; if the file exists and is of the same run, training is resumed from
        it. `log` names a file to which a JSON object per line is appended (see
        :class:`~lmkit.models.rnn.progress.Reporter`).

        Raises LmkitError for a checkpoint of another run, ParameterError where training diverges.
        """
        run = Run(
            None if checkpoint is None else Path(checkpoint),
            checkpoint_seconds,
            None if log is None else Path(log),
        )
        fit_model(self, corpus, valid=valid, vocabulary=vocabulary, progress=progress, run=run)
        assert self.fit_seconds_ is not None
        self.fit_seconds_ += run.seconds_before
        return self

    def _learn(
        self, ids: Ids, valid_ids: Ids | None, progress: Progress | None, run: Run | None = None
    ) -> None:
        options = self.get_parameters()
        task = Task(
            values={k: options[k] for k in options if k in OPTIONS and k not in RUN_OPTIONS},
            unit=self.unit,
            context=self.context,
            outcomes=len(self.vocabulary_),
            ids=ids,
            valid=valid_ids,
            device=find_device(self.device),
            seed=self.seed,
            threads=self.threads,
        )
        self.network_, self.settings_, curve = learn(task, run or Run(), progress)
        self.history_ = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(curve).items()
        }

    # ------------------------------------------------------------------ scoring

    def _initial_state(self) -> State:
        return first_state(self.network_)

    def _is_state(self, given: Any) -> bool:
        own = [part.shape for part in self.network_.initial_state(1)]
        return isinstance(given, tuple) and own == [getattr(x, "shape", None) for x in given]

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
        """Return the top layer's outputs, float32 (T + 1, H), and the state after `ids` (T,).

        Token t is predicted from row t, the token after `ids` from the last row.
        """
        return read_hidden(self.network_, ids, state, sentences=self.context == "sentence")

    def _read(
        self, network: Network, ids: Ids, state: State, measure: Measure
    ) -> tuple[Values, State]:
        read = read_stream if self.context == "stream" else read_sentences
        return read(network, ids, state, measure)

    @property
    def parameters(self) -> int:
        """The number of weights and biases; a tied matrix counts once."""
        return parameter_count(self.network_)

    @property
    def unk(self) -> str:
        """``trained`` if ``<unk>`` was in the training text, or put there by `unk_rate`."""
        once = self.vocabulary_.counts[self.vocabulary_.eos_id + 1 :] == 1
        return "trained" if self.settings_.unk_rate and once.any() else super().unk

    def describe(self) -> dict[str, Any]:
        """Return the decided values of open options, and the ``learning_curve``."""
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
        """Return the network that the settings describe, on the meta device.

        Raises FormatError if `arrays` are not exactly its weights, before memory is allocated.
        """
        try:
            if settings.layers > len(arrays):
                raise RuntimeError
            with torch.device("meta"):
                network = make_network(settings, len(self.vocabulary_))
        except (RuntimeError, KeyError):  # such as sizes beyond any memory
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


@takes_options("recurrent")
class RecurrentModel(NeuralModel):
    """A recurrent network, trained on the text in order and scored on every token.

    Hyper-parameters, beside those of :class:`NeuralModel`:
    """


class CharRnn(RecurrentModel):
    """A recurrent network over characters."""

    name: ClassVar[str] = "char-rnn"

    def __init__(self, *, unit: str = "char", **options: Any):
        super().__init__(unit=unit, **options)


class WordRnn(RecurrentModel):
    """A recurrent network over words."""

    name: ClassVar[str] = "word-rnn"


@takes_options("window", order=5, tied=False, context="sentence")
class Mlp(NeuralModel):
    """A network that predicts from the last `order` - 1 tokens (Bengio et al. 2003).

    Their embeddings are concatenated and pass one layer of `hidden` tanh units. A budget sets the
    time, not the size. With the default context, ``sentence``, the window before a sentence is
    filled with ``<s>``. Hyper-parameters, beside those of :class:`NeuralModel`:
    """

    name: ClassVar[str] = "mlp"
