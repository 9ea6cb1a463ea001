"""Texts and corpora: opening them, making them canonical, and splitting them.

A :class:`Text` is raw text with the two rules, normaliser and sentence rule, that make it
canonical. A :class:`Corpus` is a named set of up to three of them: train, valid and test. Neither
holds the text in memory; both read it block by block each time it is needed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import CorpusError, EncodingError, ParameterError, did_you_mean, shown
from lmkit.kernels import folding
from lmkit.text.corpus_files import find_files, source_of
from lmkit.text.documents import ROW, DocumentFinder, check_documents, line_offsets
from lmkit.text.meter import NEWLINE, Meter, TextSummary
from lmkit.text.normalize import check_normalizer, normalizer
from lmkit.text.sentences import joined
from lmkit.text.source import Source, spooled
from lmkit.text.splitting import split_sources
from lmkit.text.unspaced import SpaceRemover, splits_unspaced

SENTENCE_RULES = ("line", "paragraph", "none")
DEFAULT_CORPUS = "python-reference"
DEFAULT_NORMALIZER = "words"
DEFAULT_SENTENCES = "line"
DEFAULT_CUT = (0.8, 0.1, 0.1)


class _MissingError(CorpusError):
    """There is no text of a name."""

    def __init__(self, where: str, suggestion: str):
        self.problem = f"no such file or folder, and no catalogue corpus of that name{suggestion}"
        super().__init__(f"{where}: {self.problem}; `lmkit corpora` lists them")


@dataclass(frozen=True)
class Text:
    """Raw text and the rules that make it canonical.

    `normalize` is a normaliser's name (lmkit.text.normalize); `sentences` says what ends a
    sentence: ``line`` each line, also a blank one; ``paragraph`` a blank line; ``none`` nothing.

    `documents` says what a document is: ``file`` each source; ``blank`` the lines between blank
    lines; ``line`` each line that is not blank; any other string is a regular expression, and each
    line that it matches begins a document. Every file begins a document, and every row of JSON
    lines, except under ``file``. By default documents are the rows of JSON lines, or else the files
    where there are several; else there are none. The end of a document ends a paragraph, as the end
    of a file does; otherwise the canonical text is the same under every rule.
    """

    name: str
    sources: tuple[Source, ...]
    normalize: str = DEFAULT_NORMALIZER
    sentences: str = DEFAULT_SENTENCES
    documents: str | None = None

    def __post_init__(self) -> None:
        check_normalizer(self.normalize)
        check_documents(self.documents)
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
        """The approximate number of bytes of the raw text, as its files store it."""
        return sum(source.raw_size for source in self.sources)

    def chunks(self, meter: Meter | None = None) -> Iterator[NDArray[np.uint8]]:
        """Yield the canonical text as UTF-8, uint8 arrays cut only between tokens.

        Words are separated by single spaces and each sentence ends with a newline; under a
        normaliser that includes ``words`` there is no space beside a Han character or full-width
        mark (lmkit.text.unspaced). `meter` counts the chunks. Raises EncodingError or CorpusError
        for a text that cannot be read.
        """
        rule = SENTENCE_RULES.index(self.sentences)
        state = folding.new_state()
        meter = meter or Meter()
        if self.document_rule is not None:
            meter.expect_documents(self.raw_size)
        remover = SpaceRemover() if splits_unspaced(self.normalize) else None
        for block, breaks, begins in self._normalized_blocks(meter):
            raw = np.frombuffer(block, np.uint8)
            _, chunk, starts = folding.fold(raw, state, rule, breaks=breaks)
            if remover is not None:
                size = len(chunk)
                chunk, words = remover.remove(chunk, starts)
                state[folding.WORDS] += words
                state[folding.CHARACTERS] -= size - len(chunk)
            if len(breaks):
                meter.begin_documents(starts[begins])
            yield self._metered(chunk, state, meter)
        if rule != folding.NONE and not state[folding.AT_START]:
            state[folding.SENTENCE_ENDS] += 1
            yield self._metered(np.array([NEWLINE], np.uint8), state, meter)

    def _metered(
        self, chunk: NDArray[np.uint8], state: NDArray[np.int64], meter: Meter
    ) -> NDArray[np.uint8]:
        ends = int(state[folding.SENTENCE_ENDS])
        characters = int(state[folding.CHARACTERS]) + ends
        meter.add(chunk, words=int(state[folding.WORDS]), ends=ends, characters=characters)
        return chunk

    def _normalized_blocks(
        self, meter: Meter
    ) -> Iterator[tuple[bytes, NDArray[np.int64], NDArray[np.bool_]]]:
        """Yield normalised blocks with their breaks.

        Breaks are byte offsets at which a document or a row begins, int64 (N,), and for each
        whether it is a document, bool (N,).
        """
        normalize = normalizer(self.normalize)
        finder = DocumentFinder(self.document_rule)
        no_breaks = np.empty(0, np.int64), np.empty(0, np.bool_)
        for source in self.sources:
            raw = b""
            for piece in finder.pieces(source):
                raw = piece.text
                meter.raw_bytes += len(raw)
                lines, begins = finder.find(piece)
                block = raw if normalize is None else normalize(raw.decode()).encode()
                # Line numbers still hold: a normaliser keeps line ends.
                yield block, line_offsets(block, lines), begins
            if raw and not raw.endswith(b"\n"):
                yield b"\n", *no_breaks  # the end of a file ends its last line
            if self.sentences == "paragraph":
                yield b"\n", *no_breaks  # and its last paragraph

    @property
    def document_rule(self) -> str | None:
        """The rule that defines documents: `documents`, or its default; None for no documents."""
        if self.documents is None:
            if any(source.field is not None for source in self.sources):
                return ROW
            return "file" if len(self.sources) > 1 else None
        return self.documents

    @cached_property
    def _meter(self) -> Meter:
        """The meter of the whole canonical text, which is read once for it."""
        meter = Meter()
        for _ in self.chunks(meter):
            pass
        return meter

    @cached_property
    def summary(self) -> TextSummary:
        """The counts and the sha256 of the canonical text, which is read once for them."""
        return self._meter.summary(self)

    @property
    def document_sizes(self) -> NDArray[np.int64] | None:
        """The canonical bytes, characters and sentence ends of each document, int64 (D, 3).

        None where no document rule applies.
        """
        return self._meter.documents

    def canonical(self) -> str:
        """Return the whole canonical text."""
        return b"".join(chunk.tobytes() for chunk in self.chunks()).decode()

    def cut(self, fractions: tuple[float, ...]) -> tuple[Text, ...]:
        """Return contiguous parts that hold these fractions of the sentences, in order.

        The boundaries are byte offsets of the raw text, the same under every normaliser. A text
        without sentence ends (rule ``none``) is split by words. Raises CorpusError for a text of
        fewer than ten sentences.
        """
        if abs(sum(fractions) - 1) > 1e-9 or min(fractions) <= 0:
            raise ParameterError(f"the parts {fractions} must be positive and sum to 1")
        return tuple(
            replace(self, sources=part)
            for part in split_sources(self.name, self.sources, self.sentences, fractions)
        )


@dataclass(frozen=True)
class Corpus:
    """A named text with its parts: train, and optionally valid and test.

    A single file is all `train`; :meth:`split` splits it.

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
        documents: str | None = None,
        field: str | None = None,
        encoding: str = "utf-8",
        errors: str = "strict",
    ) -> Corpus:
        """Return a corpus by its catalogue name, file, folder or glob, or from ``-`` (stdin).

        The files of a folder make the parts that their names contain (train, valid or dev, test);
        any other folder or glob is one text of all its files, sorted by name. Rules that are not
        given come from the catalogue, else they are ``words`` and ``line``; `documents` says what a
        document is (see :class:`Text`). Files of JSON lines (``.jsonl``, ``.ndjson``, compressed
        ones too) are read as rows, their text the string in `field`, ``text`` by default; so is
        standard input where `field` is given.

        Raises CorpusError where nothing is found, FetchError where a catalogue corpus cannot be
        downloaded.
        """
        from lmkit.corpora import catalogue

        if not isinstance(where, (str, Path)):
            raise CorpusError(
                f"{shown(where)} names no corpus; give a file, a folder, a pattern or the name of "
                "a catalogue corpus"
            )
        decoding = {"encoding": encoding, "errors": errors}
        if str(where) == "-":
            source = spooled("stdin", sys.stdin.buffer, **decoding, field=field)
            return _from_parts("stdin", {"train": [source]}, normalize, sentences, documents)
        if isinstance(where, str) and where in catalogue.names():
            entry = catalogue.entry(where)
            normalize, sentences = normalize or entry.normalize, sentences or entry.sentences
            sources = {
                part: [Source(str(fields.get("path", where)), **fields)]
                for part, fields in entry.locate().items()
            }
            corpus = _from_parts(where, sources, normalize, sentences, documents)
            return corpus.split(entry.cut) if entry.cut else corpus
        files = find_files(where)
        if not files:
            raise _MissingError(str(where), did_you_mean(str(where), catalogue.names()))
        sources = {
            part: [source_of(file, field=field, **decoding) for file in of_part]
            for part, of_part in files.items()
        }
        name = Path(where).name or str(where)
        return _from_parts(name, sources, normalize, sentences, documents)

    @classmethod
    def from_string(
        cls,
        text: str,
        *,
        name: str = "string",
        normalize: str = DEFAULT_NORMALIZER,
        sentences: str = DEFAULT_SENTENCES,
        documents: str | None = None,
    ) -> Corpus:
        """Return a corpus whose training part is a string.

        Raises EncodingError for a string that holds half of a surrogate pair, no character.
        """
        if not isinstance(text, str):
            raise CorpusError(
                f"{shown(text)} is no string; decode bytes, and give a list of sentences as it is, "
                "without from_string"
            )
        try:
            source = Source(name, content=text.encode())
        except UnicodeEncodeError as error:
            line = text.count("\n", 0, error.start) + 1
            raise EncodingError(
                f"{name}: line {line:,}, character {error.start:,} is {text[error.start]!r}, half "
                "of a surrogate pair; decode the text with errors='replace'"
            ) from None
        return _from_parts(name, {"train": [source]}, normalize, sentences, documents)

    def split(self, fractions: tuple[float, ...] = DEFAULT_CUT) -> Corpus:
        """Return this corpus with its training part split contiguously into train, valid and test.

        Raises CorpusError for a text of fewer than ten sentences.
        """
        names = ("train", "valid", "test")
        texts = zip(names, self.train.cut(fractions), strict=True)
        return Corpus(
            self.name, *(replace(text, name=f"{self.name}/{part}") for part, text in texts)
        )

    @property
    def parts(self) -> dict[str, Text]:
        """The parts that are not None, by name, in order."""
        named = {"train": self.train, "valid": self.valid, "test": self.test}
        return {name: text for name, text in named.items() if text is not None}

    @property
    def whole(self) -> Text:
        """All parts as one text, in the order train, valid, test; shared sources once."""
        sources = dict.fromkeys(source for text in self.parts.values() for source in text.sources)
        return replace(self.train, name=self.name, sources=tuple(sources))

    @property
    def held_out(self) -> Text:
        """The text to evaluate on: the test part, else the valid part, else the training part."""
        return self.test or self.valid or self.train


Readable: TypeAlias = Corpus | Text | str | Path | Iterable[str] | Iterable[Sequence[str]]
"""What names or holds a text: a string is the name of a place, a list holds sentences."""


def as_corpus(where: Readable) -> Corpus:
    """Return `where` as a Corpus: itself, one Text as its training part, or opened by name.

    Sentences in memory (a list, a pandas Series, an iterator of strings) are a training part, put
    through the normaliser ``words`` as a file would be, each with a sentence end; lists of tokens
    are left as they are (``none``). Raises CorpusError for anything else.
    """
    if isinstance(where, Corpus):
        return where
    if isinstance(where, Text):
        return Corpus(where.name, where)
    if isinstance(where, (str, Path)):
        try:
            return Corpus.open(where)
        except _MissingError as error:
            raise CorpusError(
                f"{shown(str(where))}: {error.problem}; to give a text itself, put its "
                "sentences into a list, or use Corpus.from_string"
            ) from None
    text, tokens = joined(where)
    return Corpus.from_string(
        text, name="sentences", normalize="none" if tokens else DEFAULT_NORMALIZER
    )


def as_text(where: Readable) -> Text:
    """Return `where` as a Text: itself, or the held-out part of the corpus it names."""
    return where if isinstance(where, Text) else as_corpus(where).held_out


def _from_parts(
    name: str,
    parts: dict[str, list[Source]],
    normalize: str | None,
    sentences: str | None,
    documents: str | None,
) -> Corpus:
    texts = {
        part: Text(
            name if len(parts) == 1 else f"{name}/{part}",
            tuple(sources),
            normalize or DEFAULT_NORMALIZER,
            sentences or DEFAULT_SENTENCES,
            documents,
        )
        for part, sources in parts.items()
    }
    return Corpus(name, texts["train"], texts.get("valid"), texts.get("test"))
