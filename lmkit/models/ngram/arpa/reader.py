r"""Reading ARPA files, as SRILM, KenLM, IRSTLM, pocolm and others write them.

An ARPA file is text: a header with the number of n-grams of each order, then for each order the
lines ``log10-probability words... log10-backoff``, then ``\end\``.

All variants that programs write are accepted: text before ``\data\``, blank lines, tabs or blanks,
lines in any order, missing backoffs, ``inf``, compression. Some cases need a rule:

- A probability of 10^-99 or less is 0; SRILM writes that for ``<s>``, which is never predicted.
- Without ``<unk>`` unknown words have probability 0. ``<UNK>`` is read as ``<unk>`` without it.
- The context of an n-gram, its words without the last, must be an n-gram of the file; its suffix,
  the words without the first, may be missing, as is common in pruned models.
- N-grams with ``<s>`` after another word can never apply, and are left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import FormatError
from lmkit.kernels import arpa as kernels
from lmkit.kernels.trie import link_suffixes
from lmkit.models.ngram.arpa.lines import ArpaLines, cut, shown
from lmkit.models.ngram.tables import BackoffTables
from lmkit.models.ngram.trie import Trie, read_only
from lmkit.parallel import pieces, run_all
from lmkit.text.source import Source
from lmkit.text.vocabulary import BOS, EOS, EOS_ID, SPECIALS, UNK, UNK_ID, Vocabulary
from lmkit.types import Bytes, Progress

LN10 = float(np.log(10.0))
_OTHER_UNK = "<UNK>"
_IS_BOS = -1
_BLANKS = rb"[ \t\r\n\0]"
_COUNT = re.compile(rb"ngram\s*(\d+)\s*=\s*(\d+)")
_SECTION = re.compile(rb"\\(\d+)-grams:")
_INTERMEDIATE = (b"iARPA", b"qARPA")
_REASONS = {
    kernels.NO_NUMBER: "begins with no log-probability",
    kernels.POSITIVE: "has a log-probability above 0",
    kernels.TOO_FEW_WORDS: "has fewer than {order} words",
    kernels.NO_BACKOFF: "has something else than a backoff weight behind its {order} words",
    kernels.TOO_MANY_WORDS: "has more than {order} words and a backoff weight",
    kernels.UNKNOWN_WORD: "holds {word}, which is not among the 1-grams",
    kernels.NO_CONTEXT: "has no context: its first {prefix} words are no n-gram of this file",
}


@dataclass(frozen=True)
class ArpaFile:
    """The content of an ARPA file: backoff tables, words in the file's order, and a sha256.

    The sha256 is that of the text, whether it was compressed or not.
    """

    tables: BackoffTables
    vocabulary: Vocabulary
    sha256: str


class _Part(NamedTuple):
    """Some of the n-grams of one order, as they are in the file.

    Attributes:
        line: the number of the first line.
        text: (bytes,) uint8, the lines; kept of 1-grams only.
        spans: (N, 2) int64, the first byte of the words of each n-gram, and the byte after them.
        log_probs: (N,) float64, log10.
        backoffs: (N,) float64, log10.
        contexts: (N,) int32, nodes; DROPPED for n-grams that can never apply; empty for 1-grams.
        words: (N,) int32, the id of the last word of each; empty for 1-grams.
    """

    line: int
    text: Bytes
    spans: NDArray[np.int64]
    log_probs: NDArray[np.float64]
    backoffs: NDArray[np.float64]
    contexts: NDArray[np.int32]
    words: NDArray[np.int32]


def read_arpa(
    path: str | Path,
    *,
    name: str | None = None,
    encoding: str = "utf-8",
    progress: Progress | None = None,
) -> ArpaFile:
    """Return the content of an ARPA file; compressed ones are decompressed.

    Probabilities become natural logarithms; ids are given in the order of the file's 1-grams.
    Raises FormatError, with the line and what is wrong, for a file that is damaged, truncated or
    no ARPA file; EncodingError for bytes that are not valid in the encoding, CorpusError for a file
    that is missing or cannot be decompressed.
    """
    return _Reader(
        ArpaLines(Source(name or str(path), path=Path(path), encoding=encoding)), progress
    ).read()


class _Reader:
    """The sections of an ARPA file, read one after the other."""

    def __init__(self, lines: ArpaLines, progress: Progress | None):
        self.lines = lines
        self.progress = progress
        self.counts: list[int] = []

    def read(self) -> ArpaFile:
        self._header()
        words = _Words(self._section(1, None, None), self.lines)
        model = _Model(words, self.lines)
        for order in range(2, len(self.counts) + 1):
            model.add(self._section(order, words, model))
        head = self.lines.next()
        if head != b"\\end\\":
            self.lines.fail(f"\\end\\ is missing: {_instead(head)}; the file is cut off or damaged")
        self.lines.rest()
        return ArpaFile(model.tables(), words.vocabulary, self.lines.sha256)

    def _header(self) -> None:
        first = head = self.lines.next()
        if first in _INTERMEDIATE:
            raise FormatError(
                f"{self.lines.name}: an intermediate file of IRSTLM; make an ARPA file of it with "
                "compile-lm --text=yes"
            )
        while head is not None and head != b"\\data\\":
            head = self.lines.next()
        if head is None:
            raise FormatError(f"{self.lines.name}: no ARPA file: it has no line \\data\\")
        while not self.lines.at_section():
            self._count(self.lines.next() or b"")
        if not self.counts:
            self.lines.fail("\\data\\ is followed by no `ngram 1=COUNT`")
        if sum(self.counts) + 4 > np.iinfo(np.int32).max:
            self.lines.fail(f"{sum(self.counts):,} n-grams are more than a model holds (2^31 - 1)")

    def _count(self, line: bytes) -> None:
        match = _COUNT.fullmatch(line)
        if match is None:
            self.lines.fail(f"{shown(line)} is no `ngram N=COUNT`")
        if int(match[1]) != len(self.counts) + 1:
            self.lines.fail(f"{shown(line)}: the orders do not count up 1, 2, ...")
        self.counts.append(int(match[2]))

    def _section(self, order: int, words: _Words | None, model: _Model | None) -> list[_Part]:
        """Return the n-grams of one order, in parts that were read concurrently."""
        head = self.lines.next()
        match = _SECTION.fullmatch(head or b"")
        if match is None or int(match[1]) != order:
            self.lines.fail(f"the section \\{order}-grams: is missing: {_instead(head)}")
        parts: list[_Part] = []
        size, line = 0, self.lines.number
        while raw := self.lines.run():
            new = run_all(lambda run: self._parse(*run, order, words, model), list(cut(raw, line)))
            parts += new
            size += sum(len(part.log_probs) for part in new)
            line = self.lines.number
            if self.progress is not None:
                share = (sum(self.counts[: order - 1]) + size) / max(sum(self.counts), 1)
                self.progress("reading", min(share, 1.0))
        if size != self.counts[order - 1]:
            self.lines.fail(
                f"\\data\\ announces {self.counts[order - 1]:,} {order}-grams and there are "
                f"{size:,}; the file is cut off or damaged"
            )
        return parts

    def _parse(
        self, text: Bytes, line: int, order: int, words: _Words | None, model: _Model | None
    ) -> _Part:
        read = kernels.read_lines(text, order)
        if read.status != kernels.OK:
            self._refuse(text, read.failed_at, line, read.status, order)
        log_probs, backoffs, spans = read.log_probs, read.backoffs, read.spans
        if words is None or model is None:
            nothing = np.empty(0, np.int32)
            return _Part(line, text, spans, log_probs, backoffs, nothing, nothing)
        status, at, contexts, last = kernels.find_nodes(
            text, spans, order, (words.index, words.ids), (model.first, model.words), words.bos
        )
        if status != kernels.OK:
            self._refuse(text, at, line, status, order)
        return _Part(line, text[:0], spans[:0], log_probs, backoffs, contexts, last)

    def _refuse(self, text: Bytes, at: int, line: int, status: int, order: int) -> NoReturn:
        """Raise FormatError about the line of the text that contains byte `at`."""
        raw = text.tobytes()
        begin, end = raw.rfind(b"\n", 0, at) + 1, raw.find(b"\n", at)
        word = shown(re.split(_BLANKS, raw[at : at + 200], maxsplit=1)[0])
        reason = _REASONS[status].format(order=order, prefix=order - 1, word=word)
        ngram = shown(raw[begin : end if end >= 0 else None].strip())
        self.lines.fail(
            f"the {order}-gram {ngram} {reason}", line=line + raw.count(b"\n", 0, begin)
        )


class _Words:
    """The 1-grams of a file: its words, an id for each, and a hash table from bytes to ids."""

    def __init__(self, parts: list[_Part], lines: ArpaLines):
        self.log_probs = _joined([part.log_probs for part in parts], np.float64)
        self.backoffs = _joined([part.backoffs for part in parts], np.float64)
        sizes = [part.spans[:, 1] - part.spans[:, 0] for part in parts]
        offsets = np.concatenate([np.zeros(1, np.int64), *sizes]).cumsum()
        blob = _joined([kernels.copy_words(part.text, part.spans) for part in parts], np.uint8)
        self.index, repeated = kernels.index_words(blob, offsets)
        if repeated >= 0:
            word = blob[offsets[repeated] : offsets[repeated + 1]].tobytes()
            line = _line_of(parts, repeated)
            lines.fail(f"the word {shown(word)} stands twice among the 1-grams", line=line)
        special = self._specials(self.index)
        ordinary = np.ones(len(offsets) - 1, np.bool_)
        ordinary[list(special)] = False
        ids = ordinary.cumsum(dtype=np.int32) + len(SPECIALS) - 1
        self.bos = int(ordinary.sum()) + len(SPECIALS)
        for word_in_file, index in special.items():
            ids[word_in_file] = self.bos if index == _IS_BOS else index
        self.ids = ids
        self.vocabulary = _vocabulary(blob, np.stack([offsets[:-1], offsets[1:]], 1)[ordinary])

    @staticmethod
    def _specials(index_of_words: kernels.WordIndex) -> dict[int, int]:
        """Return the ids of the words of the file that are specials, by number of the word."""
        ids: dict[int, int] = {}
        for name, index in ((UNK, UNK_ID), (EOS, EOS_ID), (BOS, _IS_BOS), (_OTHER_UNK, UNK_ID)):
            raw = np.frombuffer(name.encode(), np.uint8)
            number = kernels.find_word(raw, index_of_words)
            if number >= 0 and (name != _OTHER_UNK or UNK_ID not in ids.values()):
                ids[number] = index
        return ids


class _Model:
    """The trie, log-probabilities and backoffs (log10) of the orders read so far."""

    def __init__(self, words: _Words, lines: ArpaLines):
        size = words.bos + 1
        self.lines = lines
        self.vocabulary = words.vocabulary
        self.starts = [0, 1, size + 1]
        self.words = np.arange(-1, size, dtype=np.int32)
        self.first = np.array([1, size + 1], np.int32)
        self.suffix = np.zeros(size + 1, np.int32)
        self.suffix[0] = -1
        self.log_probs, self.backoffs = [np.full(size + 1, -np.inf)], [np.zeros(size + 1)]
        self.log_probs[0][words.ids + 1] = words.log_probs
        self.log_probs[0][size] = -np.inf  # <s> is never predicted
        self.backoffs[0][words.ids + 1] = words.backoffs

    def add(self, parts: list[_Part]) -> None:
        """Add the n-grams of the next order."""
        contexts = _joined([part.contexts for part in parts], np.int32)
        words = _joined([part.words for part in parts], np.int32)
        keys = contexts.astype(np.int64) << 32 | words
        order = np.flatnonzero(contexts != kernels.DROPPED)
        keys = keys[order]
        if not (keys[1:] > keys[:-1]).all():
            by_key = np.argsort(keys)
            keys, order = keys[by_key], order[by_key]
            repeated = np.flatnonzero(keys[1:] == keys[:-1])
            if len(repeated):
                second = int(order[repeated[0] : repeated[0] + 2].max())
                self._refuse_repeated(parts, second)
        contexts, begin = contexts[order], self.starts[-1]
        children = np.bincount(contexts - self.starts[-2], minlength=begin - self.starts[-2])
        ends = begin + np.cumsum(children)
        self.first = np.concatenate([self.first, ends.astype(np.int32)])
        self.words = np.concatenate([self.words, words[order]])
        self.suffix = np.concatenate([self.suffix, np.empty(len(order), np.int32)])
        self.starts.append(len(self.words))

        def link(nodes: slice) -> None:
            parents = contexts[nodes.start - begin : nodes.stop - begin]
            link_suffixes(nodes.start, nodes.stop, parents, self.first, self.words, self.suffix)

        run_all(link, pieces(slice(begin, self.starts[-1])))
        self.log_probs.append(_joined([part.log_probs for part in parts], np.float64)[order])
        self.backoffs.append(_joined([part.backoffs for part in parts], np.float64)[order])

    def _refuse_repeated(self, parts: list[_Part], index: int) -> NoReturn:
        order = len(self.starts) - 1
        context = int(_joined([part.contexts for part in parts], np.int32)[index])
        word = int(_joined([part.words for part in parts], np.int32)[index])
        starts = np.array(self.starts, np.int64)
        trie = Trie(starts, self.words, self.first, self.suffix)
        ids = [*trie.ngrams(order - 1)[context - self.starts[-2]].tolist(), word]
        ngram = " ".join(map(self.vocabulary.token, ids))
        self.lines.fail(f"the {order}-gram {ngram!r} stands twice", line=_line_of(parts, index))

    def tables(self) -> BackoffTables:
        """Return the whole model, in natural logarithms."""
        trie = Trie(np.array(self.starts, np.int64), self.words, self.first, self.suffix)
        weights = self.backoffs[:-1] if trie.order > 1 else [np.zeros(1)]
        log_probs, backoffs = np.concatenate(self.log_probs), np.concatenate(weights)
        log_probs *= LN10
        backoffs *= LN10
        return BackoffTables.build(trie, log_probs, backoffs).without_empty_orders()


def _vocabulary(blob: Bytes, spans: NDArray[np.int64]) -> Vocabulary:
    """Return the vocabulary of the words of these spans, (N, 2), specials first, of count 0."""
    specials = "".join(SPECIALS).encode()
    sizes = np.concatenate([[len(name) for name in SPECIALS], spans[:, 1] - spans[:, 0]])
    words = kernels.copy_words(read_only(blob), spans)
    names = np.concatenate([np.frombuffer(specials, np.uint8), words])
    ends = np.concatenate([[0], sizes.cumsum()]).astype(np.int64)
    counts = np.zeros(len(sizes), np.int64)
    return Vocabulary.from_arrays({"blob": names, "offsets": ends, "counts": counts})


def _joined(arrays: Sequence[NDArray[Any]], dtype: Any) -> NDArray[Any]:
    return np.concatenate(arrays) if arrays else np.empty(0, dtype)


def _instead(head: bytes | None) -> str:
    """Return what is in a file in place of an expected line."""
    return "the file ends" if head is None else f"{shown(head)} stands here"


def _line_of(parts: list[_Part], index: int) -> int:
    """Return the line of the n-gram at an index of a section, if it has no blank lines."""
    for part in parts:
        if index < len(part.log_probs):
            return part.line + index
        index -= len(part.log_probs)
    raise IndexError(index)
