"""The standard error of a total over the blocks of a text, where neighbours are correlated.

Let e_1 ... e_B be the residuals of B blocks: x_b - r y_b for the ratio
r = sum(x) / sum(y). Their cosine terms c_1 ... c_(B-1) (the orthonormal discrete cosine transform,
DCT-II) are averages over the text: c_1 weighs its first half against its second, c_2 its middle
against its ends, c_k has k changes of sign. Were the blocks independent, every c_k^2 would have one
mean, the variance of a block. Neighbours that share a topic or a style make the first terms, which
compare long stretches, larger than the rest, and the variance of the total
is estimated from the first ones:

    B (c_1^2 + ... + c_n^2) / n,

and the total divided by the root of that follows Student's t with n degrees of freedom (the equally
weighted cosine estimator: Müller 2007, Journal of Econometrics 141; Lazarus, Lewis, Stock and
Watson 2018, Journal of Business & Economic Statistics 36). It serves the purpose of the t statistic
of n + 1 large groups (Ibragimov and Müller 2010), and loses less where neighbours fall into
different groups.

How many terms are alike is decided by fitting, by Whittle's likelihood, the curve
a (1 + s / (1 + (k/w)^p)) to c_k^2: s is how far the first terms stand out, w where they fall to
half of that, and p is 2, as topics of one length have it, or 1, as topics of many lengths have. A
topic of L blocks has about w = B / L. Where the best s > 0 gains less than
`THRESHOLD` in twice the log-likelihood over s = 0, the blocks are taken as independent, and the
variance is that of independent blocks of unequal sizes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

THRESHOLD = 3.0  # twice the log-likelihood: exceeded by chance in about one independent text of ten
NARROWEST = 4.0  # terms: the width w of a topic that lasts for a quarter of the text
FEWEST_TERMS = 4  # fewer have no useful quantile: t is 2.8 standard errors with 4, 4.3 with 2
BIAS = 0.15  # how far the mean of the terms used may lie below the first one, by the fitted curve
_MOST_CORRECTION = 2.0  # of a variance whose fewest terms are biased by more than that
_STRENGTHS = 2.0 ** np.arange(-2, 13)  # the values of s that are tried
_SIZE_POWER = 1.5  # between 1, words that are independent, and 2, a rate of its own for each block
_ROUNDING = 1e-9  # relative to the largest series: smaller ones are rounding errors


@dataclass(frozen=True)
class Dependence:
    """Whether the blocks of a text are correlated, and how their variance is estimated.

    ``terms`` is the number of cosine terms that the variance is estimated from, None where blocks
    are independent. ``correction`` is what their mean is multiplied by, because the first terms
    are larger than those used.
    """

    terms: int | None = None
    correction: float = 1.0


INDEPENDENT = Dependence()


def residuals(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return x - r y with r = sum(x) / sum(y), over the last axis: float64 (..., B)."""
    ratio: NDArray[np.float64] = x.sum(-1, keepdims=True) / y.sum()
    return x - ratio * y


def cosine_terms(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the orthonormal DCT-II of each row but for its first term: (..., B) to (..., B - 1).

    By a fast Fourier transform of the even-numbered values followed by the others in reverse
    (Makhoul 1980).
    """
    count = values.shape[-1]
    shuffled = np.concatenate([values[..., ::2], values[..., 1::2][..., ::-1]], axis=-1)
    turned = np.fft.fft(shuffled) * np.exp(-0.5j * np.pi * np.arange(count) / count)
    terms: NDArray[np.float64] = turned.real[..., 1:] * math.sqrt(2 / count)
    return terms


def find_dependence(series: NDArray[np.float64]) -> Dependence:
    """Return the dependence of a text's blocks, estimated from P series of residuals, (P, B).

    The series are made uncorrelated first, so that it makes no difference which differences of
    several models are given.
    """
    count = series.shape[1] - 1
    if count < FEWEST_TERMS:
        return INDEPENDENT
    terms = _uncorrelated(cosine_terms(series))
    if not len(terms):
        return INDEPENDENT
    squares = terms**2
    inverse, log_sums, means = _curves(count)
    # Twice the log-likelihood of each curve, the scale a of each series at its best value.
    scales = inverse @ squares.T / count
    gains = count * np.log(squares.mean(1)).sum()
    gains = gains - count * np.log(scales).sum(1) - len(terms) * log_sums
    best = int(gains.argmax())
    if gains[best] < THRESHOLD:
        return INDEPENDENT
    used = max(FEWEST_TERMS, int(np.count_nonzero(means[best] >= 1 - BIAS)))
    return Dependence(used, min(1 / float(means[best, used - 1]), _MOST_CORRECTION))


def total_error(
    residual: NDArray[np.float64], sizes: NDArray[np.float64], dependence: Dependence
) -> tuple[float, float]:
    """Return the standard error of a total of residuals (B,), and its degrees of freedom.

    Of independent blocks: the sum of the squares of the jackknife's residuals e_b / (1 - h_b), h_b
    being the share of a block in the size of all. Where a block's variance goes as a power of its
    size (`_SIZE_POWER`), its mean and its degrees of freedom are known (Satterthwaite 1946; Bell
    and McCaffrey 2002), and the mean is corrected for. Blocks of one size have B - 1 degrees of
    freedom and the variance B / (B - 1) sum(e^2). Three documents, of which one has 90% of the
    text, have 1.0 and not 2.
    """
    if dependence.terms is not None:
        used = cosine_terms(residual)[: dependence.terms]
        variance = len(residual) * float(used @ used) / len(used) * dependence.correction
        return math.sqrt(variance), float(len(used))
    share = sizes / sizes.sum()
    weight = 1 / (1 - share)
    mean, degrees = _moments(share, weight)
    return math.sqrt(float(((residual * weight) ** 2).sum()) / mean), degrees


def _moments(share: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, float]:
    """Return the mean of the sum of squares over the variance of the total, and its degrees.

    With blocks of variance V = diag(share^p), summing to 1, the weighted residuals have the
    covariance C = D - u v' - v u' + u u', D = diag(weight^2 V), u = weight share, v = weight V.
    Their sum of squares has the mean tr C, and 2 tr C^2 is its variance: tr(C)^2 / tr(C^2) degrees.
    """
    variance = share**_SIZE_POWER
    variance /= variance.sum()
    u, v = weight * share, weight * variance
    diagonal = weight**2 * variance
    rank_two = u * u - 2 * u * v  # the diagonal of C - D
    p, q, r = float(u @ u), float(u @ v), float(v @ v)
    mean = float((diagonal + rank_two).sum())
    squared = float(diagonal @ diagonal + 2 * diagonal @ rank_two)
    squared += 2 * q * q + 2 * p * r - 4 * p * q + p * p
    return mean, mean * mean / squared


def _uncorrelated(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return series without correlation that make up the given ones, the largest first.

    At most one for every eight terms: as many series as terms would be made uncorrelated whatever
    they are.
    """
    _, sizes, rows = np.linalg.svd(terms, full_matrices=False)
    most = max(1, terms.shape[1] // 8)
    kept: NDArray[np.float64] = rows[:most][sizes[:most] > _ROUNDING * sizes[0]]
    return kept


@lru_cache(maxsize=2)
def _curves(
    count: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the curves that are tried for `count` terms, C of them, for a = 1.

    Their inverses (C, K), the sums of their logarithms (C,), and the mean of the first k terms over
    the first one that a text without end would have, 1 + s, for each k: (C, K).
    """
    octaves = max(0.0, math.log2(count / 3 / NARROWEST))
    widths = NARROWEST * 2 ** np.arange(0, octaves + 1e-9, 0.5)
    k = np.arange(1, count + 1)
    ratio = k / widths[:, None]
    bumps = np.concatenate([1 / (1 + ratio), 1 / (1 + ratio**2)])  # (2 W, K)
    curves = (1 + _STRENGTHS[None, :, None] * bumps[:, None, :]).reshape(-1, count)
    tops = np.tile(1 + _STRENGTHS, len(bumps))
    return 1 / curves, np.log(curves).sum(1), np.cumsum(curves, 1) / k / tops[:, None]
