"""Writing ARPA files, byte for byte as lmplz does.

Within an order, n-grams are sorted by their last word, then by the one before it and so on, words
in the order ``<unk> <s> </s>`` and then that of the vocabulary. Numbers are the shortest decimals
that give their float32 back, columns are separated by tabs, and ``<s>`` has log10 probability 0. In
models that lmplz cannot make, a probability of 0 is written as -99, and ``<unk>`` or ``</s>`` is
left out where it has probability 0 and is in no n-gram, as in models made without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import FormatError
from lmkit.kernels.arpa import line_bytes, write_lines
from lmkit.kernels.trie import sort_children_by_word
from lmkit.models.ngram.tables import BackoffTables
from lmkit.models.ngram.trie import Trie, read_only
from lmkit.parallel import cores, run_all
from lmkit.storage import atomic_file
from lmkit.text.vocabulary import BOS, EOS_ID, SPECIALS, UNK_ID, Vocabulary
from lmkit.types import IntArray, Progress

if TYPE_CHECKING:
    from lmkit.models.ngram.backoff import BackoffModel

SPACE = "<space>"
"""How the token " " of models of characters or bytes is written."""

_LINES = 1 << 15  # n-grams that a core writes at a time, of words up to 256 bytes
_BLANKS = np.frombuffer(b" \t\r\n\0", np.uint8)


def save_arpa(model: BackoffModel, path: str | Path, *, progress: Progress | None = None) -> None:
    """Write a fitted backoff model as an ARPA file, compressed as its name says."""
    model._require_fit()
    vocabulary = model.vocabulary_
    if model.unit != "word" and " " in vocabulary:
        types = [SPACE if token == " " else token for token in vocabulary.tokens[len(SPECIALS) :]]
        vocabulary = Vocabulary(types)
    write_arpa(path, model.tables_, vocabulary, progress=progress)


def write_arpa(
    path: str | Path,
    tables: BackoffTables,
    vocabulary: Vocabulary,
    *,
    progress: Progress | None = None,
) -> None:
    """Write a backoff model as an ARPA file, atomically, compressed as its name says.

    Raises FormatError for a token that an ARPA file cannot hold: one with white space.
    """
    names = _names(vocabulary)
    trie = tables.trie
    log_probs = (tables.log_probs / np.log(10)).astype(np.float32)
    log_probs[trie.vocabulary_size + 1] = 0  # <s>
    values = (log_probs, (tables.backoffs / np.log(10)).astype(np.float32))
    unigrams = _unigrams_to_write(tables)
    sizes = [len(unigrams), *(trie.size(k) for k in range(2, trie.order + 1))]
    of_orders = [trie.parents(k) for k in range(2, trie.order + 1)]
    parents = np.concatenate([np.empty(0, np.int32), *of_orders])
    done = 0
    with atomic_file(path) as handle, compressed(handle, path) as out:
        head = [b"ngram %d=%d\n" % entry for entry in enumerate(sizes, start=1)]
        out.write(b"\\data\\\n" + b"".join(head))
        for order, nodes in enumerate(_in_suffix_order(trie, unigrams), start=1):
            out.write(b"\n\\%d-grams:\n" % order)
            for lines in _lines(nodes, order, trie, parents, names, values):
                out.write(lines)
            done += len(nodes)
            if progress is not None:
                progress("writing", done / sum(sizes))
        out.write(b"\n\\end\\\n")


def _names(vocabulary: Vocabulary) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the bytes of all tokens, ``<s>`` the last, and their offsets, (V + 2,)."""
    wrong = np.flatnonzero(np.isin(vocabulary.blob, _BLANKS))
    if len(wrong):
        token = vocabulary.token(int(np.searchsorted(vocabulary.offsets, wrong[0], "right")) - 1)
        raise FormatError(
            f"the token {token!r} holds white space, which parts the words of an ARPA file; "
            "save the model as .lmkit"
        )
    bos = np.frombuffer(BOS.encode(), np.uint8)
    blob = np.concatenate([vocabulary.blob, bos])
    return read_only(blob), read_only(np.append(vocabulary.offsets, len(blob)))


def _unigrams_to_write(tables: BackoffTables) -> IntArray:
    """Return the nodes of the unigrams to write, in lmplz's order."""
    trie = tables.trie
    special = np.array([UNK_ID, trie.vocabulary_size, EOS_ID], np.int32) + 1
    ordinary = np.arange(3, trie.vocabulary_size + 1, dtype=np.int32)
    for index in (UNK_ID, EOS_ID):
        first = trie.first[index + 1 : index + 3] if trie.order > 1 else np.zeros(2)
        used = first[0] < first[-1] or index in trie.words[trie.starts[2] :]
        if np.isneginf(tables.log_probs[index + 1]) and not used:
            special = special[special != index + 1]
    return np.concatenate([special, ordinary])


def _in_suffix_order(trie: Trie, unigrams: IntArray) -> Iterator[IntArray]:
    """Yield the nodes of each order, sorted by their last word, then the one before, and so on.

    N-grams of equal last words have the order of their contexts, which were sorted before.
    """
    yield unigrams
    rank_of_word = np.empty(trie.vocabulary_size + 1, np.int32)
    rank_of_word[trie.words[unigrams]] = np.arange(len(unigrams), dtype=np.int32)
    contexts = unigrams
    for k in range(2, trie.order + 1):
        contexts = sort_children_by_word(
            contexts, trie.span(k), rank_of_word, trie.first, trie.words
        )
        yield contexts


def _lines(
    nodes: IntArray,
    order: int,
    trie: Trie,
    parents: IntArray,
    names: tuple[NDArray[np.uint8], NDArray[np.int64]],
    values: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> Iterator[bytes]:
    """Yield the lines of one order's n-grams, in blocks that all cores write concurrently."""
    longest = line_bytes(order, int(np.diff(names[1]).max()))
    contexts = (int(trie.starts[2]), parents)

    def write(part: IntArray) -> bytes:
        return write_lines(
            part, order, contexts, trie.words, names, values,
            backed_off=order < trie.order, capacity=len(part) * longest,
        )  # fmt: skip

    step = max(1, _LINES * 256 // longest)
    for begin in range(0, len(nodes), step * cores()):
        block = nodes[begin : begin + step * cores()]
        yield from run_all(write, [block[at : at + step] for at in range(0, len(block), step)])


def compressed(handle: IO[bytes], path: str | Path) -> AbstractContextManager[Any]:
    """Return a writer that compresses as the suffix says: .gz, .xz, .zst, .bz2 or none."""
    suffix = Path(path).suffix
    if suffix == ".gz":
        import gzip

        # Without a name and a time, so that one model always gives the same bytes.
        return gzip.GzipFile("", "wb", 6, handle, mtime=0)
    if suffix == ".xz":
        import lzma

        return lzma.LZMAFile(handle, "wb")
    if suffix == ".bz2":
        import bz2

        return bz2.BZ2File(handle, "wb")
    if suffix == ".zst":
        import zstandard

        return zstandard.ZstdCompressor().stream_writer(handle, closefd=False)
    return nullcontext(handle)
