"""Large generated texts of very different kinds.

`technical`: the words of the Python source on this machine, one line a sentence, with the rarest
words replaced by one, so that there are few types. `source`: the same with its punctuation, each
mark a token; the most repetitive. `han`: drawn from a Markov chain over Han characters, with hardly
any repeated trigrams.
"""

from __future__ import annotations

import re
import sysconfig
from collections import Counter
from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray

TECHNICAL_TYPES = 25_000
HAN_TYPES = 12_500
HAN_SUCCESSORS = 100
KINDS = ("technical", "source", "han")


def technical(path: Path, tokens: int) -> Path:
    """Write a technical text of about `tokens` words and return its path."""
    return _python(path, tokens, r"[^\W\d_]+|\d+")


def source(path: Path, tokens: int) -> Path:
    """Write source code of about `tokens` words and marks and return its path."""
    return _python(path, tokens, r"[^\W\d_]+|\d+|[^\w\s]|_")


def _python(path: Path, tokens: int, token: str) -> Path:
    folders = [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib")]
    find = re.compile(token).findall
    lines: list[list[str]] = []
    seen: set[Path] = set()
    left = tokens
    for file in (file for folder in folders for file in sorted(folder.rglob("*.py"))):
        if file in seen or left <= 0:
            continue
        seen.add(file)
        for line in file.read_text(encoding="utf-8", errors="ignore").lower().splitlines():
            words = find(line)
            if words:
                lines.append(words)
                left -= len(words)
    counts = Counter(word for line in lines for word in line)
    kept = {word for word, _ in counts.most_common(TECHNICAL_TYPES)}
    with path.open("w", encoding="utf-8") as out:
        for line in lines:
            out.write(" ".join(word if word in kept else "rareword" for word in line) + "\n")
    return path


def han(path: Path, characters: int, *, spaced: bool = True, seed: int = 1) -> Path:
    """Write a number of Han characters, separated by spaces or not, and return the path."""
    rng = np.random.default_rng(seed)
    ranks = 1.0 / np.arange(1, HAN_TYPES + 1) ** 0.9
    unigram = np.cumsum(ranks / ranks.sum())
    unigram[-1] = 1.0
    successors = np.searchsorted(unigram, rng.random((HAN_TYPES, HAN_SUCCESSORS)))
    codes = _walk(rng.random((characters, 3)), unigram, successors)
    gap = " " if spaced else ""
    with path.open("w", encoding="utf-8") as out:
        for begin in range(0, characters, 1 << 20):
            text = "".join(map(chr, (codes[begin : begin + (1 << 20)] + 0x4E00).tolist()))
            for start in range(0, len(text), 14):
                out.write(gap.join(text[start : start + 14]) + "\n")
    return path


@njit(cache=True)
def _walk(
    draws: NDArray[np.float64], unigram: NDArray[np.float64], successors: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Draw each character from all with probability 0.3, else from the successors of the last.

    ``draws`` (T, 3) are uniform random numbers; returns T characters.
    """
    codes = np.empty(len(draws), np.int64)
    last = 0
    for i in range(len(draws)):
        if draws[i, 0] < 0.3:
            last = np.searchsorted(unigram, draws[i, 1])
        else:
            # Squared, so that the first successors are the most likely.
            last = successors[last, int(draws[i, 2] ** 2 * successors.shape[1])]
        codes[i] = last
    return codes
