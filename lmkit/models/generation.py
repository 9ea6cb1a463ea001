"""Drawing text from a model's next-token distributions."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import ParameterError, shown
from lmkit.models.beam import beam_search
from lmkit.models.core import Core
from lmkit.text.corpus import Corpus
from lmkit.text.encoding import encode_text
from lmkit.text.units import join_tokens, symbol_code
from lmkit.text.unspaced import SpaceRemover, space_between, splits_unspaced
from lmkit.text.vocabulary import UNK
from lmkit.types import Ids, LogProbs, State

STOPS = ("length", "sentence")
_SPACES = tuple(" \t\n\r\0")  # what the canonical text folds


def generate(
    model: Core,
    prompt: str = "",
    *,
    tokens: int = 50,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    greedy: bool = False,
    seed: int | None = None,
    stop: str = "length",
    allow_unk: bool = False,
    beam: int | None = None,
) -> Iterator[str]:
    """Yield the prompt and then up to `tokens` drawn tokens, as pieces of text.

    The model first reads the prompt. Each distribution is sharpened by `temperature` (p to the
    power 1/temperature), cut to the `top_k` most probable tokens, cut to the smallest set that
    holds `top_p` of the mass, and drawn from with numpy's PCG64 of `seed`; `greedy` takes the most
    probable token. ``stop="sentence"`` ends at the first sentence end. ``<unk>``, which spells
    nothing, is drawn only with `allow_unk`.

    With `beam` nothing is drawn: the most probable continuation that
    :func:`~lmkit.models.beam.beam_search` finds is yielded when it is found.

    Raises ParameterError for an option outside its range.
    """
    model._require_fit()
    _check(tokens, temperature, top_k, top_p, seed, stop)
    if beam is None:
        how: _Drawing | _Search = _Drawing(
            tokens, stop, allow_unk, temperature, top_k, top_p, greedy, seed
        )
    else:
        drawing = {"temperature": temperature != 1, "top_k": top_k, "top_p": top_p}
        _check_beam(beam, {**drawing, "greedy": greedy, "seed": seed})
        how = _Search(tokens, stop, allow_unk, beam)
    return _pieces(model, prompt, how)


def _pieces(model: Core, prompt: str, how: _Drawing | _Search) -> Iterator[str]:
    vocabulary = model.vocabulary_
    speller = _Speller(model.unit, model.normalize_)
    ids = encode_prompt(model, prompt)
    state = model.initial_state()
    for index in ids.tolist():
        state = model._advance(state, index)
    if prompt:
        yield speller.start(_spelled_prompt(model, ids, prompt))
    for index in how.ids(model, state):
        yield speller.piece(vocabulary.tokens[index], index == vocabulary.eos_id)
    yield speller.end()


@dataclass(frozen=True)
class _Drawing:
    """Tokens drawn one by one."""

    tokens: int
    stop: str
    allow_unk: bool
    temperature: float
    top_k: int | None
    top_p: float | None
    greedy: bool
    seed: int | None

    def ids(self, model: Core, state: State) -> Iterator[int]:
        rng = np.random.default_rng(self.seed)
        cuts: dict[str, Any] = {
            "temperature": self.temperature,
            "top_k": self.top_k,
            "top_p": self.top_p,
        }
        for _ in range(self.tokens):
            log_probs = np.array(model._predict(state), np.float64)
            if not self.allow_unk:
                log_probs[model.vocabulary_.unk_id] = -np.inf
            if not np.isfinite(log_probs.max()):
                return  # only <unk> has any probability: nothing can be spelled
            index = int(log_probs.argmax()) if self.greedy else draw(log_probs, rng, **cuts)
            yield index
            if self.stop == "sentence" and index == model.vocabulary_.eos_id:
                return
            state = model._advance(state, index)


@dataclass(frozen=True)
class _Search:
    """The most probable tokens together."""

    tokens: int
    stop: str
    allow_unk: bool
    beam: int

    def ids(self, model: Core, state: State) -> Iterator[int]:
        found = beam_search(
            model,
            state,
            tokens=self.tokens,
            beam=self.beam,
            to_sentence_end=self.stop == "sentence",
            allow_unk=self.allow_unk,
        )
        yield from found.ids


def draw(
    log_probs: LogProbs,
    rng: np.random.Generator,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> int:
    """Return one id drawn from log-probabilities (V,), which need not be normalised."""
    candidates: NDArray[np.int64] = np.arange(len(log_probs))
    if top_k is not None and top_k < len(log_probs):
        candidates = np.argpartition(-log_probs, top_k - 1)[:top_k]
    scores = log_probs[candidates]
    with np.errstate(over="ignore"):  # a low temperature makes all but the likeliest impossible
        weights = np.exp((scores - scores.max()) / temperature)
    weights /= weights.sum()
    if top_p is not None and top_p < 1:
        order = np.argsort(-weights, kind="stable")
        # The smallest set whose mass reaches top_p: the token that crosses the line is in it.
        size = int(np.searchsorted(np.cumsum(weights[order]), top_p - 1e-12)) + 1
        candidates, weights = candidates[order[:size]], weights[order[:size]]
        weights /= weights.sum()
    return int(rng.choice(candidates, p=weights))


def encode_prompt(model: Core, text: str) -> Ids:
    """Return the ids of a piece of text that is open behind (see :meth:`LanguageModel.encode`)."""
    model._require_fit()
    if not isinstance(text, str):
        raise ParameterError(f"{shown(text)} is no text; give a string")
    rules = {"name": "text", "normalize": model.normalize_, "sentences": model.sentences_}
    ids = encode_text(Corpus.from_string(text, **rules).train, model.unit, model.vocabulary_)
    # Text behind it shows which sentence ends are the piece's own.
    ends = Corpus.from_string(text + "a", **rules).train.summary.sentence_ends
    eos = model.vocabulary_.eos_id
    own = ends - (model.sentences_ != "none")
    if np.count_nonzero(ids == eos) > own:
        ids = ids[:-1]
    if model.unit != "word" and text.endswith(_SPACES) and len(ids) and ids[-1] != eos:
        # No space stands behind a Han character.
        behind = Corpus.from_string(text + "a", **rules).train.canonical().rstrip("\n")
        if behind.endswith(" a"):
            ids = np.append(ids, np.int32(model.vocabulary_.id(" ")))
    return ids


class _Speller:
    """Puts tokens together as text: spaces between words, bytes to characters."""

    def __init__(self, unit: str, normalize: str):
        self.unit, self.normalize = unit, normalize
        self.before = ""  # the word that a space may part from the next
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def start(self, text: str) -> str:
        self.before = "" if text.endswith(_SPACES) else text
        return text

    def piece(self, token: str, is_end: bool) -> str:
        if is_end:
            self.before = ""
            return self.end() + "\n"
        if self.unit == "word":
            gap = space_between(self.before, token, self.normalize) if self.before else ""
            self.before = token
            return gap + token
        if self.unit == "byte" and token != UNK:
            return self.decoder.decode(bytes([symbol_code(token, "byte")]))
        return self.end() + token

    def end(self) -> str:
        return self.decoder.decode(b"", final=True)


def _spelled_prompt(model: Core, ids: Ids, prompt: str) -> str:
    """Return the prompt as the model read it, or as given where it holds unknown tokens.

    Spaces that the normaliser takes away beside Han characters go in either case.
    """
    if (ids == model.vocabulary_.unk_id).any():
        raw = np.frombuffer(bytearray(prompt.encode()), np.uint8)
        closed = SpaceRemover().remove(raw)[0] if splits_unspaced(model.normalize_) else raw
        return closed.tobytes().decode()
    tokens = (model.vocabulary_.tokens[index] for index in ids.tolist())
    return join_tokens(tokens, model.unit, model.normalize_)


def _check(
    tokens: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    seed: int | None,
    stop: str,
) -> None:
    numbers = {"tokens": tokens, "temperature": temperature, "top_k": top_k, "top_p": top_p}
    for name, value in {**numbers, "seed": seed}.items():
        optional = name not in ("tokens", "temperature")
        if not (isinstance(value, Real) or (value is None and optional)):
            raise ParameterError(f"{name}={value!r}: give a number")
    if tokens < 0:
        raise ParameterError(f"tokens={tokens}: give 0 or more")
    if not 0 < temperature < np.inf:
        raise ParameterError(
            f"temperature={temperature}: give a finite number above 0; greedy takes the likeliest "
            "token"
        )
    if top_k is not None and top_k < 1:
        raise ParameterError(f"top_k={top_k}: give 1 or more")
    if top_p is not None and not 0 < top_p <= 1:
        raise ParameterError(f"top_p={top_p}: give a share above 0 and up to 1")
    if seed is not None and seed < 0:
        raise ParameterError(f"seed={seed}: give 0 or more")
    if stop not in STOPS:
        raise ParameterError(f"stop={stop!r}; choose from {', '.join(STOPS)}")


def _check_beam(beam: int, drawing: Mapping[str, object]) -> None:
    if beam < 1:
        raise ParameterError(f"beam={beam}: give 1 or more")
    for name, given in drawing.items():
        if given is not None and given is not False:
            raise ParameterError(
                f"{name} says how to draw, and beam={beam} draws nothing; leave one of them out"
            )
