"""Corpora: where text comes from, how it becomes canonical, and how it is split.

A :class:`Text` is one run of raw text with the two rules, normaliser and sentence rule, that make
it canonical. A :class:`Corpus` is a named set of up to three of them: train, valid and test.
Neither holds the text itself; both read it again, block by block, whenever it is wanted.
"""

from __future__ import annotations

import glob
import hashlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import CorpusError, ParameterError, did_you_mean
from lmkit.text.normalize import check_normalizer, normalizer
from lmkit.text.source import Source, spooled
from lmkit.text.unspaced import Closing, parts_unspaced

NEWLINE = 10  # the byte that ends a sentence of a canonical text
SENTENCE_RULES = ("line", "paragraph", "none")
DEFAULT_CORPUS = "python-reference"
DEFAULT_NORMALIZER = "words"
DEFAULT_SENTENCES = "line"
DEFAULT_CUT = (0.8, 0.1, 0.1)
_PARTS = {
    "train": "train", "training": "train",
    "valid": "valid", "validation": "valid", "val": "valid", "dev": "valid",
    "test": "test",
}  # fmt: skip


@dataclass(frozen=True)
class TextSummary:
    """What is counted over a canonical text; the divisors of every metric.

    `characters` and `bytes` include one for each sentence end; `words` are those of the unit
    ``word``, sentence ends not counted. `sha256` is that of the canonical text's UTF-8 bytes.
    `raw_bytes` is the size of the source as UTF-8, before anything was done to it: no divisor, but
    what shows how far the canonical text is from its source.
    """

    name: str
    sha256: str
    normalize: str
    sentences: str
    characters: int
    bytes: int
    raw_bytes: int
    words: int
    sentence_ends: int

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, as the JSON output has them."""
        return dict(vars(self))


class Sink(Protocol):
    """What takes numbers piece by piece."""

    def add(self, piece: NDArray[Any], /) -> None:
        """Take some more."""


class Meter:
    """Counts a canonical text while it streams past.

    The bytes of each sentence go to `sizes`, if it is given.
    """

    def __init__(self, *, sizes: Sink | None = None) -> None:
        self.digest = hashlib.sha256()
        self.bytes = self.characters = self.words = self.sentence_ends = 0
        self.raw_bytes = 0  # of the source, which is read before its canonical text goes past
        self._sizes = sizes
        self._open = 0  # bytes of the sentence that has not ended

    def add(self, chunk: NDArray[np.uint8], *, words: int, ends: int, characters: int) -> None:
        """Count a further chunk; the totals are those of the text up to its end."""
        if self._sizes is not None:
            sizes = np.diff(np.flatnonzero(chunk == NEWLINE), prepend=-1)
            whole = int(sizes.sum())
            sizes[:1] += self._open
            self._open = len(chunk) - whole + (0 if len(sizes) else self._open)
            self._sizes.add(sizes)
        self.digest.update(chunk.data)
        self.bytes += len(chunk)
        self.words, self.sentence_ends, self.characters = words, ends, characters

    def summary(self, text: Text) -> TextSummary:
        """Return the counts, for a text that has streamed past whole."""
        return TextSummary(
            name=text.name,
            sha256=self.digest.hexdigest(),
            normalize=text.normalize,
            sentences=text.sentences,
            characters=self.characters,
            bytes=self.bytes,
            raw_bytes=self.raw_bytes,
            words=self.words,
            sentence_ends=self.sentence_ends,
        )


@dataclass(frozen=True)
class Text:
    """One run of raw text and the rules that make it canonical.

    `normalize` is a normaliser's name (lmkit.text.normalize); `sentences` says what ends a
    sentence: ``line`` each line, also a blank one; ``paragraph`` a blank line; ``none`` nothing.
    """

    name: str
    sources: tuple[Source, ...]
    normalize: str = DEFAULT_NORMALIZER
    sentences: str = DEFAULT_SENTENCES

    def __post_init__(self) -> None:
        check_normalizer(self.normalize)
        if self.sentences not in SENTENCE_RULES:
            raise ParameterError(
                f"unknown sentence rule {self.sentences!r}"
                f"{did_you_mean(self.sentences, SENTENCE_RULES)}; choose from "
                f"{', '.join(SENTENCE_RULES)}"
            )

    def under(self, *, normalize: str, sentences: str) -> Text:
        """Return the same raw text under other rules."""
        return replace(self, normalize=normalize, sentences=sentences)

    @property
    def raw_size(self) -> int:
        """About how many bytes the raw text has, as its files hold them; 0 if there are none."""
        return sum(source.raw_size for source in self.sources)

    def chunks(self, meter: Meter | None = None) -> Iterator[NDArray[np.uint8]]:
        """Yield the canonical text as UTF-8 bytes, cut only between tokens.

        Words are parted by single spaces and each sentence ends with a newline; under a normaliser
        that includes ``words`` no space stands beside a Han character or full-width mark
        (lmkit.text.unspaced). `meter` counts what goes past. Raises EncodingError or CorpusError
        for a text that cannot be read.
        """
        from lmkit.text import folding

        rule = SENTENCE_RULES.index(self.sentences)
        state = folding.new_fold_state()
        meter = meter or Meter()
        closing = Closing() if parts_unspaced(self.normalize) else None
        for block in self._normalized_blocks(meter):
            raw = np.frombuffer(block, np.uint8)
            out = np.empty(len(raw) + folding.FOLD_SLACK, np.uint8)
            _, size = folding.fold(raw, out, state, rule, -1)
            chunk = out[:size]
            if closing is not None:
                chunk, words = closing.close(chunk)
                state[folding.WORDS] += words
                state[folding.CHARACTERS] -= size - len(chunk)
            yield self._metered(chunk, state, meter)
        if rule != folding.NONE and not state[folding.AT_START]:
            state[folding.SENTENCE_ENDS] += 1
            yield self._metered(np.array([NEWLINE], np.uint8), state, meter)

    def _metered(
        self, chunk: NDArray[np.uint8], state: NDArray[np.int64], meter: Meter
    ) -> NDArray[np.uint8]:
        from lmkit.text import folding

        ends = int(state[folding.SENTENCE_ENDS])
        characters = int(state[folding.CHARACTERS]) + ends
        meter.add(chunk, words=int(state[folding.WORDS]), ends=ends, characters=characters)
        return chunk

    def _normalized_blocks(self, meter: Meter) -> Iterator[bytes]:
        normalize = normalizer(self.normalize)
        for source in self.sources:
            block = b""
            for block in source.blocks():
                meter.raw_bytes += len(block)
                yield block if normalize is None else normalize(block.decode()).encode()
            if block and not block.endswith(b"\n"):
                yield b"\n"  # a file's end is a line's end
            if self.sentences == "paragraph":
                yield b"\n"  # and a paragraph's

    @cached_property
    def summary(self) -> TextSummary:
        """The counts and the sha256 of the canonical text, read through once."""
        meter = Meter()
        for _ in self.chunks(meter):
            pass
        return meter.summary(self)

    def canonical(self) -> str:
        """Return the whole canonical text."""
        return b"".join(chunk.tobytes() for chunk in self.chunks()).decode()

    def cut(self, fractions: tuple[float, ...]) -> tuple[Text, ...]:
        """Return contiguous parts that hold these fractions of the sentences, in order.

        The parts are places in the raw text, and so the same under every normaliser. A text
        without sentence ends (rule ``none``) is cut by words. Raises CorpusError for a text of
        fewer than ten sentences.
        """
        from lmkit.text.cutting import cut_sources

        if abs(sum(fractions) - 1) > 1e-9 or min(fractions) <= 0:
            raise ParameterError(f"the parts {fractions} must be positive and sum to 1")
        return tuple(
            replace(self, sources=part)
            for part in cut_sources(self.name, self.sources, self.sentences, fractions)
        )


@dataclass(frozen=True)
class Corpus:
    """A named text with its parts: train, and valid and test where there are any.

    A single file is all `train`; :meth:`split` cuts it.

    >>> corpus = Corpus.from_string("One.\\nTwo,\\n\\nthree!", normalize="letters")
    >>> corpus.train.canonical()
    'one\\ntwo\\n\\nthree\\n'
    >>> corpus.train.summary.words, corpus.train.summary.sentence_ends
    (3, 4)
    """

    name: str
    train: Text
    valid: Text | None = None
    test: Text | None = None

    @classmethod
    def open(
        cls,
        where: str | Path = DEFAULT_CORPUS,
        *,
        normalize: str | None = None,
        sentences: str | None = None,
        encoding: str = "utf-8",
        errors: str = "strict",
    ) -> Corpus:
        """Return the corpus at a place: a catalogue name, a file, a folder, a glob or ``-``.

        A folder or a catalogue corpus has the parts that its file names tell (train, valid or dev,
        test); any other folder or glob is one text of all its files, by name. Rules that are left
        out come from the catalogue, else they are ``words`` and ``line``.

        Raises CorpusError when there is nothing at that place, FetchError when a catalogue corpus
        cannot be had.
        """
        from lmkit.corpora import catalogue

        if str(where) == "-":
            source = spooled("stdin", sys.stdin.buffer, encoding=encoding, errors=errors)
            return _from_sources("stdin", [source], normalize, sentences)
        if isinstance(where, str) and where in catalogue.names():
            entry = catalogue.entry(where)
            normalize, sentences = normalize or entry.normalize, sentences or entry.sentences
            sources = {
                part: [Source(str(place.get("path", where)), **place)]
                for part, place in entry.locate().items()
            }
            corpus = _from_parts(where, sources, normalize, sentences)
            return corpus.split(entry.cut) if entry.cut else corpus
        files = _find_files(where)
        if not files:
            raise CorpusError(
                f"{where}: no such file or folder, and no catalogue corpus of that name"
                f"{did_you_mean(str(where), catalogue.names())}; `lmkit corpora` lists them"
            )
        sources = {
            part: [_source_of(file, encoding=encoding, errors=errors) for file in of_part]
            for part, of_part in files.items()
        }
        return _from_parts(Path(where).name or str(where), sources, normalize, sentences)

    @classmethod
    def from_string(
        cls,
        text: str,
        *,
        name: str = "string",
        normalize: str = DEFAULT_NORMALIZER,
        sentences: str = DEFAULT_SENTENCES,
    ) -> Corpus:
        """Return a corpus whose training part is a string."""
        source = Source(name, content=text.encode("utf-8", "surrogatepass"))
        return _from_sources(name, [source], normalize, sentences)

    def split(self, fractions: tuple[float, ...] = DEFAULT_CUT) -> Corpus:
        """Return this corpus with its training part cut contiguously into train, valid and test.

        Raises CorpusError for a text of fewer than ten sentences.
        """
        names = ("train", "valid", "test")
        texts = zip(names, self.train.cut(fractions), strict=True)
        return Corpus(
            self.name, *(replace(text, name=f"{self.name}/{part}") for part, text in texts)
        )

    @property
    def parts(self) -> dict[str, Text]:
        """The parts that there are, by name, in order."""
        named = {"train": self.train, "valid": self.valid, "test": self.test}
        return {name: text for name, text in named.items() if text is not None}

    @property
    def whole(self) -> Text:
        """All parts as one text, in the order train, valid, test; what is in two of them, once."""
        sources = dict.fromkeys(source for text in self.parts.values() for source in text.sources)
        return replace(self.train, name=self.name, sources=tuple(sources))

    @property
    def held_out(self) -> Text:
        """What is evaluated on: the test part, else the valid part, else all there is."""
        return self.test or self.valid or self.train


def as_corpus(where: Corpus | Text | str | Path) -> Corpus:
    """Return a Corpus for whatever names one: itself, one Text, or a place to open."""
    if isinstance(where, Corpus):
        return where
    if isinstance(where, Text):
        return Corpus(where.name, where)
    return Corpus.open(where)


def as_text(where: Corpus | Text | str | Path) -> Text:
    """Return the Text that a value names: itself, or the held-out part of a corpus."""
    return where if isinstance(where, Text) else as_corpus(where).held_out


def _from_sources(
    name: str, sources: list[Source], normalize: str | None, sentences: str | None
) -> Corpus:
    return _from_parts(name, {"train": sources}, normalize, sentences)


def _from_parts(
    name: str, parts: dict[str, list[Source]], normalize: str | None, sentences: str | None
) -> Corpus:
    texts = {
        part: Text(
            name if len(parts) == 1 else f"{name}/{part}",
            tuple(sources),
            normalize or DEFAULT_NORMALIZER,
            sentences or DEFAULT_SENTENCES,
        )
        for part, sources in parts.items()
    }
    return Corpus(name, texts["train"], texts.get("valid"), texts.get("test"))


def _find_files(where: str | Path) -> dict[str, list[Path]]:
    """Return the files at a place by the part that they make; empty where there are none."""
    path = Path(where)
    try:
        if path.is_dir() and str(where):
            files = _text_files(path)
            named = {part: of_part for part, of_part in _by_part(files).items() if of_part}
            return named if "train" in named else {"train": files}
        if path.exists() and str(where):
            return {"train": [path]}
    except OSError as error:
        raise CorpusError(f"{where}: cannot be read ({error.strerror})") from None
    files = [Path(found) for found in sorted(glob.glob(str(where)))]  # noqa: PTH207
    return {"train": files} if files else {}


def _source_of(file: Path, *, encoding: str, errors: str) -> Source:
    if file.exists() and not file.is_file() and not file.is_dir():
        with file.open("rb") as pipe:  # it gives its bytes only once
            return spooled(str(file), pipe, encoding=encoding, errors=errors)
    return Source(str(file), path=file, encoding=encoding, errors=errors)


def _text_files(folder: Path) -> list[Path]:
    files = sorted(
        file for file in folder.iterdir() if file.is_file() and not file.name.startswith(".")
    )
    if not files:
        raise CorpusError(
            f"{folder}: a folder without texts; put one text or train/valid/test there"
        )
    return files


def _by_part(files: list[Path]) -> dict[str, list[Path]]:
    """Sort files by the part of a corpus that a word of their names tells."""
    parts: dict[str, list[Path]] = {"train": [], "valid": [], "test": []}
    for file in files:
        words = re.split(r"[^a-z]+", file.name.lower())
        told = {_PARTS[word] for word in words if word in _PARTS}
        if len(told) == 1:
            parts[told.pop()].append(file)
    return parts
