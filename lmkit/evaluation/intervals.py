"""Confidence intervals of totals divided by totals, such as bits by bytes.

The interval is Student's: value ± t s, with the standard error s and the degrees of freedom that
:mod:`lmkit.evaluation.dependence` finds from the blocks of the text.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import ParameterError
from lmkit.evaluation.blocks import FEWEST_BLOCKS
from lmkit.evaluation.dependence import Dependence, find_dependence, residuals, total_error
from lmkit.evaluation.student import quantile

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A confidence interval, and what it rests on.

    ``value`` is the estimate, ``low`` and ``high`` the ends of the interval, ``standard_error``
    that of the value, all in the unit of the value; NaN where there is none (a model that gave an
    event probability 0, a text of fewer than five blocks). ``blocks`` is the number of blocks,
    ``degrees`` the degrees of freedom of Student's t.
    """

    value: float
    low: float
    high: float
    standard_error: float
    blocks: int
    degrees: float
    level: float = LEVEL


def ratio_interval(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    *,
    dependence: Dependence | None = None,
    level: float = LEVEL,
) -> Interval:
    """Return the interval of sum(x) / sum(y), both float64 (B,): one entry for each block.

    `dependence` is what the blocks are taken for; by default it is found from x and y, as blocks
    that are neighbours. Raises ParameterError for a `level` that is no share.

    Ten independent blocks of one size, x = 1 ... 10, y = 1: the mean is 5.5, its standard error
    sqrt(110 / 12 / 10) = 0.957, and t with nine degrees of freedom 2.262.

    >>> from lmkit.evaluation.dependence import INDEPENDENT
    >>> found = ratio_interval(np.arange(1.0, 11), np.ones(10), dependence=INDEPENDENT)
    >>> round(found.standard_error, 3), round(found.low, 3), round(found.high, 3)
    (0.957, 3.334, 7.666)
    """
    if not 0 < level < 1:
        raise ParameterError(f"level={level}: give a share between 0 and 1, such as 0.95")
    total = float(y.sum())
    value = float(x.sum()) / total if total else math.nan
    if len(x) < FEWEST_BLOCKS or not math.isfinite(value):
        return Interval(value, math.nan, math.nan, math.nan, len(x), math.nan, level)
    residual = residuals(x, y)
    if dependence is None:
        dependence = find_dependence(residual[None])
    error, degrees = total_error(residual, y, dependence)
    error /= total
    reach = quantile(level, degrees) * error
    return Interval(value, value - reach, value + reach, error, len(x), degrees, level)
