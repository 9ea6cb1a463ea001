"""Texts of known distributions."""

from __future__ import annotations

import numpy as np


def zipf_mandelbrot_counts(tokens: int, *, s: float, shift: float, types: int, seed: int):
    p = (np.arange(1, types + 1) + shift) ** -s
    return np.random.default_rng(seed).multinomial(tokens, p / p.sum())


def zipfian_text(words: int, *, seed: int = 0) -> str:
    ranks = np.random.default_rng(seed).zipf(1.6, words) % 997
    return "\n".join(
        " ".join(f"w{r}" for r in ranks[start : start + 12]) for start in range(0, words, 12)
    )
