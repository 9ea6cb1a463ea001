"""``LanguageModel``, the one interface: ids to log-probabilities.

Everything outside ``lmkit.models`` knows only what stands here. A new model implements one hook,
``_next_log_probs``; it then fits, scores, ranks, generates and saves like every other. The further
hooks make a model that learns (``_learn``), or make it fast.

Log-probabilities are natural, float64, and never positive where a model is proper. Ids are those
of a :class:`~lmkit.text.vocabulary.Vocabulary`: outcomes 0 .. V-1, and V for ``<s>`` in contexts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import NotFittedError, ParameterError
from lmkit.models.contexts import CONTEXTS, Contextual
from lmkit.models.files import RULES, learned_of, set_learned, write_model
from lmkit.models.fitting import fit_model
from lmkit.models.hyperparameters import check_types, defaults_of, spelled
from lmkit.models.scoring import score_text, tally_text
from lmkit.results.ledger import SurprisalLedger
from lmkit.results.tally import Tally
from lmkit.text.corpus import Corpus, Text, as_text
from lmkit.text.encoding import array_of_ids
from lmkit.text.passages import Passages
from lmkit.text.units import check_unit
from lmkit.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from lmkit.models.spelling import Speller

Ids: TypeAlias = NDArray[np.int32]
LogProbs: TypeAlias = NDArray[np.float64]
State: TypeAlias = Any
Progress: TypeAlias = Callable[[str, float], None]


class LanguageModel(Contextual, ABC):
    """A probability for every next token, given the tokens before it.

    Hyper-parameters that every model has:

    ``unit``
        ``word``, ``char`` or ``byte``.
    ``min_count``, ``max_size``
        Types seen less often in training, or beyond this many, become ``<unk>``.
    ``context``
        ``sentence``: the context is empty after each ``</s>``; ``stream``: it runs on.

    ``__init__`` only stores hyper-parameters; ``fit`` checks them and learns; learned names end in
    an underscore. Fitting again forgets; scoring changes nothing.
    """

    name: ClassVar[str] = ""
    """The name in the registry, and in model files."""
    proper: ClassVar[bool] = True
    """Whether the probabilities sum to one over the outcomes (:mod:`lmkit.results.proper`)."""
    needs_validation: ClassVar[bool] = False
    """Whether fitting wants a validation text; the tail of the training text serves if none is."""
    resumable: ClassVar[bool] = False
    """Whether ``fit`` takes a `checkpoint` to go on from and a `log`."""

    vocabulary_: Vocabulary
    dropped_: Vocabulary | None = None
    """The types of the training text that the vocabulary leaves out; None if they are unknown."""
    normalize_: str
    sentences_: str
    train_sha256_: str | None
    train_passages_: Passages | None = None
    """The hashes of the training text's long sentences; None if they are unknown."""
    valid_passages_: Passages | None = None
    """Those of the text that the model was tuned on (early stopping, weights); None for none."""
    fit_seconds_: float | None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "name" not in vars(cls):
            cls.name = ""  # a name is one class's own: what a subclass changes is another model

    def __init__(
        self,
        *,
        unit: str = "word",
        min_count: int = 1,
        max_size: int | None = None,
        context: str = "sentence",
    ):
        self.unit = unit
        self.min_count = min_count
        self.max_size = max_size
        self.context = context

    # ------------------------------------------------------------------ hyper-parameters

    @classmethod
    def parameter_defaults(cls) -> dict[str, Any]:
        """Return the hyper-parameters and their defaults, the model's own before the common."""
        return defaults_of(cls)

    def get_parameters(self) -> dict[str, Any]:
        """Return the hyper-parameters by name."""
        return {name: getattr(self, name) for name in self.parameter_defaults()}

    @property
    def spec(self) -> str:
        """The spec that makes this model again: its name and what is not the default."""
        defaults = self.parameter_defaults()
        changed = [
            spelled(name, value)
            for name, value in self.get_parameters().items()
            if value != defaults[name]
        ]
        name = self.name or type(self).__name__
        return name + (":" + ",".join(changed) if changed else "")

    def __repr__(self) -> str:
        changed = self.spec.partition(":")[2].replace(",", ", ")
        fitted = f", fitted, V={len(self.vocabulary_):,}" if self.is_fitted else ""
        return f"<{type(self).__name__}({changed}){fitted}>"

    # ------------------------------------------------------------------ fitting

    @property
    def is_fitted(self) -> bool:
        """Whether ``fit`` has been called, or the model was loaded."""
        return "vocabulary_" in vars(self)

    def fit(
        self,
        corpus: Corpus | Text | str | Path,
        *,
        valid: Corpus | Text | str | Path | None = None,
        vocabulary: Vocabulary | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from a corpus's training part and return the model itself.

        `corpus` is a Corpus, a Text, or what ``Corpus.open`` takes. `valid` replaces the corpus's
        own validation part; a model that needs one and has none learns from the first nine tenths
        of the training sentences and validates on the last. `vocabulary` says which types are
        known, in place of `min_count` and `max_size`; its counts are those of the training text.
        `progress(what, fraction)` is called now and then.

        Raises ParameterError for a hyper-parameter outside its range, CorpusError for a text that
        cannot be read or holds no token.
        """
        fit_model(self, corpus, valid=valid, vocabulary=vocabulary, progress=progress)
        return self

    def _check_common(self) -> None:
        check_types(type(self), self.get_parameters())
        check_unit(self.unit)
        if self.context not in CONTEXTS:
            raise ParameterError(f"context={self.context!r}; choose 'sentence' or 'stream'")

    def _forget(self) -> None:
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)

    def _share_with(self, part: LanguageModel) -> None:
        """Let a model that is part of this one have its vocabulary and rules for its own."""
        for name in RULES:
            setattr(part, name, getattr(self, name))
        part.fit_seconds_ = None  # the time of the whole holds it

    def _require_fit(self) -> None:
        if not self.is_fitted:
            raise NotFittedError(f"this {self.spec} has not learned yet; call fit(corpus) first")

    # ------------------------------------------------------------------ hooks for models

    def _check(self) -> None:
        """Raise ParameterError where a hyper-parameter is outside its range."""

    def _learn(self, ids: Ids, valid_ids: Ids | None, progress: Progress | None) -> None:
        """Set what is learned, under names that end in an underscore, from a text's ids."""

    @abstractmethod
    def _next_log_probs(self, context: Ids) -> LogProbs:
        """Return log P(next | context) for every outcome, float64 (V,).

        `context` begins with ``<s>`` (id V); with context="sentence" it holds only the ids of the
        sentence that has begun.
        """

    def _initial_state(self) -> State:
        """Return the state before the first token. States are values: never changed in place."""
        return (self.vocabulary_.bos_id,)

    def _advance(self, state: State, index: int) -> State:
        """Return the state after one more token."""
        if self.context == "sentence" and index == self.vocabulary_.eos_id:
            return self._initial_state()
        return (*state, index)

    def _predict(self, state: State) -> LogProbs:
        """Return log P(next | state) for every outcome, float64 (V,)."""
        return self._next_log_probs(np.array(state, np.int32))

    def _log_probs(self, ids: Ids, state: State) -> tuple[LogProbs, State]:
        """Return log P of each id given those before, float64 (T,), and the state after the last.

        A text scored in pieces, each from the state after the piece before, scores as a whole.
        """
        result = np.empty(len(ids))
        for place, index in enumerate(ids.tolist()):
            result[place] = self._predict(state)[index]
            state = self._advance(state, index)
        return result, state

    def _expect(self, tokens: int) -> None:
        """Prepare for a text of about so many tokens, in pieces; a model need not do anything."""

    def _explain(self, ids: Ids, state: State) -> dict[str, NDArray[Any]]:
        """Return further ledger columns for these ids, each of shape (T,)."""
        return {}

    @property
    def parameters(self) -> int:
        """The number of learned numbers that the predictions are made of."""
        arrays, _ = self._state_to_save()
        return sum(array.size for array in arrays.values())

    @property
    def adapts(self) -> str:
        """How the model learns from the very text that it scores; empty where it does not.

        It stands in the signature, and in every table beside the score.
        """
        return ""

    @property
    def unk(self) -> str:
        """What the probability of an unknown token is: part of the signature."""
        return "trained" if self.vocabulary_.counts[0] else "model"

    def describe(self) -> dict[str, Any]:
        """Return further facts of the fitted model by name, JSON-able: what `lmkit info` shows.

        One under a hyper-parameter's name is what was decided where that was left open.
        ``learning_curve`` is the ``history_`` of a model that is trained in steps.
        """
        self._require_fit()
        return {}

    # ------------------------------------------------------------------ probabilities

    def log_probs(self, ids: Any, *, state: State | None = None) -> LogProbs:
        """Return the log-probability of each id given those before it, float64 (T,), in nats.

        `ids` are a text's events, whole numbers 0 .. V-1, sentence ends (id 1) included. `state` is
        what stands before them, by default the start of a text.
        """
        self._require_fit()
        checked = self._check_ids(ids)
        return self._log_probs(checked, self._initial_state() if state is None else state)[0]

    def next_log_probs(self, context: Any = (), *, state: State | None = None) -> LogProbs:
        """Return the log-probability of every outcome after a context, float64 (V,), in nats.

        `context` are ids from the start of a text on; ``exp`` of the result sums to one.
        """
        self._require_fit()
        state = self._initial_state() if state is None else state
        for index in self._check_ids(context).tolist():
            state = self._advance(state, index)
        return np.array(self._predict(state), np.float64)  # the caller's own

    def initial_state(self) -> State:
        """Return the state before the first token of a text; an opaque value."""
        self._require_fit()
        return self._initial_state()

    def advance(self, ids: Any, *, state: State | None = None) -> State:
        """Return the state after some ids, by default from the start of a text."""
        self._require_fit()
        checked = self._check_ids(ids)
        return self._log_probs(checked, self._initial_state() if state is None else state)[1]

    def step(self, state: State, index: int) -> tuple[float, State]:
        """Return the log-probability of one more token, in nats, and the state after it."""
        self._require_fit()
        return self._score_one(int(self._check_ids([index])[0]), state)

    def _score_one(self, index: int, state: State) -> tuple[float, State]:
        """Return what `step` does, of an index that was checked."""
        log_probs, after = self._log_probs(np.array([index], np.int32), state)
        return float(log_probs[0]), after

    def _check_ids(self, ids: Any) -> Ids:
        return array_of_ids(ids, len(self.vocabulary_))

    # ------------------------------------------------------------------ scoring

    def score(
        self,
        text: Corpus | Text | str | Path,
        *,
        context: str | None = None,
        explain: bool = False,
        progress: Progress | None = None,
    ) -> SurprisalLedger:
        """Return the ledger of a text: every token scored once, the first and the last included.

        `text` is a Text, or a corpus whose test part is meant (the whole where it has no parts).
        It goes through the model's own normaliser, sentence rule and unit. `context` is the model's
        own, or ``sentence``, ``document`` or ``stream``: where its state begins anew, after each
        ``</s>``, with each document or never (see :func:`lmkit.models.contexts.scoring`). `explain`
        adds the columns that the model knows, such as the n-gram order that matched.
        """
        self._require_fit()
        return score_text(self, as_text(text), context=context, explain=explain, progress=progress)

    def tally(
        self,
        text: Corpus | Text | str | Path,
        *,
        context: str | None = None,
        progress: Progress | None = None,
    ) -> Tally:
        """Return the totals of a text alone: the numbers of `score`, without a row for each event.

        It takes less time, and memory that grows with the unknown words of the text alone, and with
        its documents, where they are known.
        """
        self._require_fit()
        return tally_text(self, as_text(text), context=context, progress=progress)

    def speller(self) -> Speller:
        """Return the distribution over the tokens that the vocabulary lacks.

        Raises NotComparableError for a model that does not say what it was trained on, as that of
        an ARPA file; :func:`lmkit.models.spelling.speller_of_text` takes the training text.
        """
        from lmkit.models.spelling import learn_speller

        self._require_fit()
        dropped = Vocabulary([]) if self.dropped_ is None else self.dropped_
        return learn_speller(self.unit, self.vocabulary_, dropped)

    # ------------------------------------------------------------------ generating

    def encode(self, text: str) -> Ids:
        """Return the ids of a piece of text put through the model's own rules, int32 (T,).

        What follows the piece is open: no sentence end is added behind it, and white space at
        its end is a space where characters or bytes are counted. Unknown tokens are id 0.
        """
        from lmkit.models.generation import encode_prompt

        self._require_fit()
        return encode_prompt(self, text)

    def generate(self, prompt: str = "", **options: Any) -> str:
        """Return text drawn from the model, the prompt included.

        Options are those of :func:`lmkit.models.generation.generate`: `tokens`, `temperature`,
        `top_k`, `top_p`, `greedy`, `seed`, `stop`, `allow_unk`, `beam`.
        """
        return "".join(self.generate_pieces(prompt, **options))

    def generate_pieces(self, prompt: str = "", **options: Any) -> Iterator[str]:
        """Yield the pieces of text that :meth:`generate` joins, as they are drawn."""
        from lmkit.models.generation import generate

        self._require_fit()
        return generate(self, prompt, **options)

    # ------------------------------------------------------------------ files

    def save(self, path: str | Path) -> None:
        """Write the model as one file, atomically; :func:`lmkit.load` reads it.

        A name that ends in ``.arpa``, or ``.arpa.gz``, ``.xz`` or ``.zst``, makes an ARPA file:
        words, probabilities and backoff weights alone, of n-gram models that have such a form.
        Raises ParameterError for one that has none.
        """
        self._require_fit()
        write_model(self, path)

    def _state_to_save(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return what was learned, as arrays and as JSON-able values.

        By default: every attribute whose name ends in an underscore.
        """
        return learned_of(self)

    def _restore(self, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        """Set what :meth:`_state_to_save` gave. Raises FormatError where it does not fit."""
        set_learned(self, arrays, values)
