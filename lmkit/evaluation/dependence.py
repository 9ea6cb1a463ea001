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

    It makes no difference by what differences several models are given, as long as those say the
    same: the likelihood is that of all series jointly, with any covariance among them.
    """
    count = series.shape[1] - 1
    if count < FEWEST_TERMS:
        return INDEPENDENT
    terms = _uncorrelated(cosine_terms(series))
    if not len(terms):
        return INDEPENDENT
    inverse, log_sums, means = _curves(count)
    # Twice the log-likelihood of each curve, the covariance of the series at its best value, less
    # that of the flat curve, whose covariance is the identity over K.
    products = (terms[:, None] * terms[None]).reshape(-1, count)  # (P P, K)
    covariances = (inverse @ products.T).reshape(-1, len(terms), len(terms))
    gains = -count * np.linalg.slogdet(covariances)[1] - len(terms) * log_sums
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
    mean, degrees, weight = _moments(sizes)
    return math.sqrt(float(((residual * weight) ** 2).sum()) / mean), degrees


def _moments(sizes: NDArray[np.float64]) -> tuple[float, float, NDArray[np.float64]]:
    """Return the mean of the weighted squares over the total's variance, and their degrees.

    And the weights w = 1 / (1 - s) of the residuals, s being the shares of the sizes. Blocks of
    variance v, which goes as size^p and sums to 1, have weighted residuals of the covariance

        C_bb = v_b + (w_b s_b)^2 (1 - v_b),    C_bc = w_b w_c (d_b d_c - v_b v_c),    d = s - v.

    Their sum of squares has the mean tr C and the variance 2 tr C^2, and so tr(C)^2 / tr(C^2)
    degrees. What is left when a block is taken out is summed over the others: one that holds nearly
    everything would leave rounding alone.
    """
    share, rest = sizes / sizes.sum(), _others(sizes / sizes.sum())
    power = (sizes / sizes.max()) ** _SIZE_POWER
    v, other = power / power.sum(), _others(power / power.sum())
    weight, d = 1 / rest, other - rest
    diagonal = v + (weight * share) ** 2 * other
    dd, dv, vv = (weight**2 * product for product in (d * d, d * v, v * v))
    pairs = dd * _others(dd) - 2 * dv * _others(dv) + vv * _others(vv)
    mean = float(diagonal.sum())
    return mean, mean * mean / float(diagonal @ diagonal + pairs.sum()), weight


def _others(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of all other values, for each: exact where one is nearly all of the total."""
    before, after = np.cumsum(values), np.cumsum(values[::-1])[::-1]
    others: NDArray[np.float64] = np.append(0.0, before[:-1]) + np.append(after[1:], 0.0)
    return others


def _uncorrelated(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return orthonormal series that make up the given ones, the largest first.

    At most one for every eight terms: as many series as terms can be made to look like anything.
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
