"""The vocabulary: the tokens that a model can predict, and their ids.

The outcomes of a model are the ids ``0 .. V-1``, where ``V = len(vocabulary)``:

========  ===========================================================================
id        token
========  ===========================================================================
0         ``<unk>``, every token that is not in the vocabulary
1         ``</s>``, the end of a sentence
2 ...     the types, by falling count in the training text, ties by first appearance
========  ===========================================================================

``<s>`` occurs only in contexts: it is never predicted and is not an outcome. In contexts it has the
id ``V`` (``vocabulary.bos_id``), one past the last outcome.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import FormatError, VocabularyError
from lmkit.storage import write_atomically

UNK, EOS, BOS = "<unk>", "</s>", "<s>"
UNK_ID, EOS_ID = 0, 1
SPECIALS = (UNK, EOS)
SPACES = "\0\t\n\r "
"""The white space between words in canonical texts, word lists and ARPA files."""


class Vocabulary:
    """An immutable map between tokens and ids, with the training count of each.

    ``types`` are the tokens other than the specials, in id order from 2 on. ``counts`` has one
    count for each id, specials included, shape (V,); by default all counts are zero.

    The tokens are stored as one array of bytes: id i is ``blob[offsets[i] : offsets[i + 1]]``.

    Raises VocabularyError for a type given twice, an empty type, a type that is a special token,
    or counts of another length.

    >>> v = Vocabulary(["the", "cat"], counts=[1, 2, 5, 3])
    >>> len(v), v["cat"], v.id("dog"), v.token(2), "dog" in v, v.bos_id
    (4, 3, 0, 'the', False, 4)
    """

    unk_id = UNK_ID
    eos_id = EOS_ID

    def __init__(self, types: Iterable[str], counts: Sequence[int] | NDArray[Any] | None = None):
        names = list(types)
        _check_types(names)
        encoded = [name.encode("utf-8", "surrogatepass") for name in (*SPECIALS, *names)]
        ends = np.cumsum([len(name) for name in encoded], dtype=np.int64)
        self._set(
            np.frombuffer(b"".join(encoded), dtype=np.uint8),
            np.concatenate([np.zeros(1, np.int64), ends]),
            np.zeros(len(encoded), np.int64) if counts is None else np.array(counts, np.int64),
        )

    def _set(
        self, blob: NDArray[np.uint8], offsets: NDArray[np.int64], counts: NDArray[np.int64]
    ) -> None:
        if len(counts) != len(offsets) - 1:
            raise VocabularyError(
                f"{len(counts)} counts for {len(offsets) - 1} ids; give one count for each id, "
                "<unk> and </s> first"
            )
        for array in (blob, offsets, counts):
            array.flags.writeable = False
        self.blob, self.offsets, self.counts = blob, offsets, counts

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Vocabulary:
        """Return the vocabulary with these arrays: the inverse of :meth:`to_arrays`.

        Raises FormatError where the arrays are not those of a vocabulary.
        """
        try:
            blob, offsets, counts = (arrays[name] for name in ("blob", "offsets", "counts"))
        except KeyError as error:
            raise FormatError(
                f"the vocabulary lacks its array {error}; the file is damaged"
            ) from None
        well_formed = (
            blob.dtype == np.uint8
            and offsets.dtype == np.int64
            and counts.dtype == np.int64
            and blob.ndim == offsets.ndim == counts.ndim == 1
            and len(offsets) == len(counts) + 1 >= len(SPECIALS) + 1
            and offsets[0] == 0
            and offsets[-1] == len(blob)
            and bool((np.diff(offsets) > 0).all())
            and bool((counts >= 0).all())
            and _are_tokens(blob, offsets)
        )
        if not well_formed:
            raise FormatError("the vocabulary's arrays do not fit together; the file is damaged")
        self = cls.__new__(cls)
        self._set(np.asarray(blob), np.asarray(offsets), np.asarray(counts))
        return self

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the token bytes (uint8), their offsets (int64, V+1) and the counts (int64, V)."""
        return {"blob": self.blob, "offsets": self.offsets, "counts": self.counts}

    # ------------------------------------------------------------------ lookup

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def bos_id(self) -> int:
        """The id of ``<s>`` in contexts: V, one past the last outcome."""
        return len(self)

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """The token of each id, length V."""
        raw, ends = self.blob.tobytes(), self.offsets.tolist()
        return tuple(
            raw[start:stop].decode("utf-8", "surrogatepass") for start, stop in pairwise(ends)
        )

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {token: index for index, token in enumerate(self.tokens)}

    def id(self, token: str) -> int:
        """Return the id of a token; that of ``<unk>`` (0) for one that is not in the vocabulary."""
        return self._ids.get(token, UNK_ID)

    def __getitem__(self, token: str) -> int:
        try:
            return self._ids[token]
        except KeyError:
            raise VocabularyError(
                f"{token!r} is not in the vocabulary; .id() returns the id of <unk> for it"
            ) from None

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def token(self, index: int) -> str:
        """Return the token of an id; ``<s>`` for ``bos_id``. VocabularyError for any other."""
        if index == self.bos_id:
            return BOS
        if not 0 <= index < len(self):
            raise VocabularyError(
                f"id {index} is outside 0..{self.bos_id}, the ids of this vocabulary"
            )
        return self.tokens[index]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        return all(
            np.array_equal(a, b)
            for a, b in zip(self.to_arrays().values(), other.to_arrays().values(), strict=True)
        )

    def __hash__(self) -> int:
        return hash((len(self), self.blob.tobytes()))

    def __repr__(self) -> str:
        shown = ", ".join(repr(token) for token in self.tokens[2:7])
        more = ", ..." if len(self) > 7 else ""
        return f"Vocabulary({len(self) - 2:,} types + <unk> + </s>: {shown}{more})"

    # ------------------------------------------------------------------ files

    def save(self, path: str | Path) -> None:
        """Write the vocabulary as JSON: ``{"schema": 1, "tokens": [...], "counts": [...]}``."""
        content = {"schema": 1, "tokens": self.tokens, "counts": self.counts.tolist()}
        text = json.dumps(content, ensure_ascii=False, indent=0)
        write_atomically(path, text.encode("utf-8", "surrogatepass"))

    @classmethod
    def load(cls, path: str | Path) -> Vocabulary:
        """Return the vocabulary in a file written by :meth:`save`.

        Raises FormatError for any other file.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8-sig"))
            schema, tokens, counts = content["schema"], content["tokens"], content["counts"]
        except OSError as error:
            raise FormatError(f"{path}: cannot be read ({error.strerror})") from None
        except (ValueError, KeyError, TypeError, RecursionError):
            raise FormatError(
                f"{path}: not a vocabulary file; `lmkit vocab -o FILE` writes one"
            ) from None
        if schema != 1:
            raise FormatError(f"{path}: a vocabulary of schema {schema!r}; this lmkit reads 1")
        if not _all_of(tokens, str) or tuple(tokens[:2]) != SPECIALS:
            raise FormatError(f"{path}: its tokens must be strings, <unk> and </s> the first")
        if not _all_of(counts, int) or not all(0 <= count < 1 << 63 for count in counts):
            raise FormatError(f"{path}: its counts must be whole numbers from 0 on")
        try:
            return cls(tokens[2:], counts)
        except VocabularyError as error:
            raise FormatError(f"{path}: {error}") from None


def split_words(text: str) -> list[str]:
    """Return the words of a text, parted where the canonical text is: `SPACES`."""
    return [word for word in re.split(f"[{SPACES}]+", text) if word]


def read_vocabulary(path: str | Path) -> Vocabulary:
    """Return the vocabulary in a file: JSON if its name ends in ``.json``, else a list of words.

    The words of a list are separated by white space (`SPACES`). A byte order mark at its start is
    skipped, and so are ``<unk>``, ``<s>`` and ``</s>``, which other programs write among them.
    Raises FormatError for a file that is neither.
    """
    if Path(path).suffix == ".json":
        return Vocabulary.load(path)
    try:
        words = split_words(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path}: byte offset {error.start:,} is not valid utf-8; a word list is UTF-8 text"
        ) from None
    return Vocabulary(dict.fromkeys(word for word in words if word not in (UNK, EOS, BOS)))


def _all_of(values: Any, kind: type) -> bool:
    return isinstance(values, list) and all(type(value) is kind for value in values)


def _are_tokens(blob: NDArray[np.uint8], offsets: NDArray[np.int64]) -> bool:
    """Return whether the bytes are UTF-8 cut between characters, the specials first."""
    try:
        blob.tobytes().decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    whole = bool(((blob[offsets[:-1]] & 0xC0) != 0x80).all())  # no token begins within a character
    specials = [len(token) for token in SPECIALS]
    ends = offsets[1:3].tolist() == [specials[0], sum(specials)]
    return whole and ends and blob[: offsets[2]].tobytes() == "".join(SPECIALS).encode()


def _check_types(names: list[str]) -> None:
    if len(set(names)) != len(names):
        seen: set[str] = set()
        twice = next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise VocabularyError(f"the type {twice!r} is given twice; a vocabulary holds each once")
    for name in (UNK, EOS, BOS, ""):
        if name in names:
            raise VocabularyError(f"{name!r} cannot be a type: it is reserved; leave it out")
