"""Discounts of (modified) Kneser-Ney in closed form, and fallbacks where there is none.

All are functions of the counts of counts t, (5,) int64: ``t[k]`` n-grams of one order have the
count k, 0 to 4.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from lmkit.errors import ParameterError
from lmkit.types import FloatArray, LongArray

FIXED = (0.5, 1.0, 1.5)  # lmplz --discount_fallback
FALLBACKS = ("fixed", "single", "witten-bell", "none")


class DiscountWarning(UserWarning):
    """Discounts could not be estimated from the counts of counts, and a fallback is used."""


class _OneOrder(DiscountWarning):
    """What (`numbers`) could not be estimated of which order, the cause, and what is used."""

    def __init__(self, numbers: str, order: int, cause: str, instead: str):
        super().__init__(
            f"the {numbers} of order {order} cannot be estimated: {cause}; {instead} for this order"
        )
        self.numbers, self.order, self.cause, self.instead = numbers, order, cause, instead


def modified_discounts(t: LongArray, *, single_precision: bool = False) -> FloatArray:
    """Return the three discounts of modified Kneser-Ney as D(0), D(1), D(2), D(3+): (4,) float64.

    ``Y = t1 / (t1 + 2 t2)``, ``D(k) = k - (k + 1) Y t_{k+1} / t_k`` (Chen & Goodman 1998, section
    3.5, eq. 26). With `single_precision` the arithmetic is in float32, as in lmplz: whether a
    discount near 0 or k is out of range depends on it.

    Raises ValueError, with the cause, where t1, t2 or t3 is 0 or a discount leaves [0, k].

    Of 10, 4, 2 and 1 n-grams of count 1 to 4, Y = 10/18, and D(1) = 1 - 2 * 10/18 * 4/10 = 0.556:

    >>> modified_discounts(np.array([0, 10, 4, 2, 1])).round(3)
    array([0.   , 0.556, 1.167, 1.889])
    """
    for k in (1, 2, 3):
        if t[k] == 0:
            raise ValueError(f"no n-gram has the count {k}")
    real = np.float32 if single_precision else np.float64
    y = real(t[1] / (t[1] + 2 * t[2]))
    n = t.astype(real)
    discounts = np.zeros(4)
    discounts[1:] = [real(k) - real(k + 1) * y * n[k + 1] / n[k] for k in (1, 2, 3)]
    for k in (1, 2, 3):
        if not 0 <= discounts[k] <= k:
            raise ValueError(f"the discount of the count {k} would be {discounts[k]:.4g}")
    return discounts


def single_discount(t: LongArray) -> FloatArray:
    """Return the one discount ``D = t1 / (t1 + 2 t2)`` for all counts: (4,) float64, D(0) = 0.

    Ney, Essen & Kneser (1994), eq. for absolute discounting: an upper bound of the best D.
    Raises ValueError, with the cause, where t1 or t2 is 0: D would be 0 or 1.
    """
    for k in (1, 2):
        if t[k] == 0:
            raise ValueError(f"no n-gram has the count {k}")
    constant = float(t[1] / (t[1] + 2 * t[2]))
    return np.array([0.0, constant, constant, constant])


def find_discounts(
    t: LongArray,
    *,
    order: int,
    modified: bool,
    fallback: str,
    single_precision: bool = False,
) -> FloatArray | None:
    """Return the discounts of one order (4,), or None where Witten-Bell is to be used instead.

    Where the closed form fails, `fallback` decides, and a DiscountWarning names the cause:
    ``fixed`` takes 0.5, 1, 1.5, ``single`` takes the one discount if that exists and 0.5, 1, 1.5
    if not, ``witten-bell`` leaves the order to Witten-Bell smoothing. ``none`` raises
    ParameterError, as lmplz does without ``--discount_fallback``.
    """
    try:
        if modified:
            return modified_discounts(t, single_precision=single_precision)
        return single_discount(t)
    except ValueError as error:
        cause = str(error)
    if fallback == "none":
        raise ParameterError(
            f"the discounts of order {order} cannot be estimated: {cause}; give more text, a lower "
            "order, or fallback=fixed"
        )
    if fallback == "witten-bell":
        warn("discounts", order, cause, "Witten-Bell smoothing stands in")
        return None
    if fallback == "single":
        try:
            single = single_discount(t)
        except ValueError:
            pass
        else:
            warn("discounts", order, cause, "one discount stands in")
            return single
    warn("discounts", order, cause, "0.5, 1 and 1.5 stand in")
    return np.array([0.0, *FIXED])


def warn(numbers: str, order: int, cause: str, instead: str) -> None:
    """Warn that some numbers of an order could not be estimated: why, and what is used instead."""
    warnings.warn(_OneOrder(numbers, order, cause, instead), stacklevel=2)


@contextmanager
def one_warning() -> Iterator[None]:
    """Join the DiscountWarnings of a block that name the same fallback, of many orders, into one.

    The cause shown is that of the lowest order.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DiscountWarning)
        yield
    first: dict[str, _OneOrder] = {}
    orders: dict[str, list[int]] = {}
    for each in caught:
        if isinstance(each.message, _OneOrder):
            warning = first.setdefault(each.message.instead, each.message)
            orders.setdefault(warning.instead, []).append(each.message.order)
        else:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    for instead, warning in first.items():
        own = sorted(orders[instead])
        if len(own) == 1:
            warnings.warn(warning, stacklevel=3)
            continue
        message = (
            f"the {warning.numbers} of {_listed(own)} cannot be estimated (order {warning.order}: "
            f"{warning.cause}); {instead} for these orders"
        )
        warnings.warn(DiscountWarning(message), stacklevel=3)


def _listed(orders: list[int]) -> str:
    """Return rising orders in words: ``orders 2, 3 and 7``, ``orders 2 to 99``."""
    if len(orders) > 2 and orders[-1] - orders[0] == len(orders) - 1:
        return f"orders {orders[0]} to {orders[-1]}"
    if len(orders) > 6:
        return f"{len(orders)} orders from {orders[0]} to {orders[-1]}"
    return f"orders {', '.join(map(str, orders[:-1]))} and {orders[-1]}"
