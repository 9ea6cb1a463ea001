"""The Hurwitz zeta function and power sums, to full double precision.

Everything is scaled by the first term, so that neither a large exponent nor a large start of the
sum underflows::

    Z(s, q) = q^s · zeta(s, q) = sum over k >= 0 of (1 + k/q)^(-s)

The first terms are summed; the rest is the Euler-Maclaurin formula.
"""

from __future__ import annotations

import numpy as np

from lmkit.kernels.compiled import compiled

# B_2j / (2j)! for j = 1..8, of the Euler-Maclaurin formula.
_BERNOULLI = np.array(
    [
        1 / 12,
        -1 / 720,
        1 / 30240,
        -1 / 1209600,
        1 / 47900160,
        -691 / 1307674368000,
        1 / 74724249600,
        -3617 / 10670622842880000,
    ]
)


def scaled_zeta(s: float, q: float) -> float:
    """Return Z(s, q) for s > 1 and q > 0.

    >>> round(scaled_zeta(2.0, 1.0), 12)  # pi^2 / 6
    1.644934066848
    """
    return float(_scaled_zeta(s, q))


def scaled_zeta_derivatives(s: float, q: float) -> tuple[float, float, float]:
    """Return Z(s, q), dZ/ds and d²Z/ds² for s > 1 and q > 0."""
    values: tuple[float, float, float] = _scaled_zeta_derivatives(s, q)
    return values


def power_sum(s: float, first: float, terms: int) -> float:
    """Return the sum of (first + k)^(-s) for k = 0 .. terms-1, for any real s and first > 0.

    >>> power_sum(1.0, 1.0, 4)  # 1 + 1/2 + 1/3 + 1/4
    2.083333333333333
    """
    return float(_power_sum(float(s), float(first), terms))


@compiled
def _scaled_zeta(s: float, q: float) -> float:
    total = 0.0
    r = 1.0
    k = 0
    while q + k < s + 12.0:
        term: float = r**-s
        total += term
        if term < 1e-18 * total:
            return total
        k += 1
        r = (q + k) / q
    a = q + k
    head: float = r**-s
    total += q * r * head / (s - 1.0) + 0.5 * head
    c = s * head / a
    for j in range(8):
        term = _BERNOULLI[j] * c
        total += term
        if abs(term) < 1e-18 * total:
            break
        c *= (s + 2 * j + 1) * (s + 2 * j + 2) / (a * a)
    return total


@compiled
def _scaled_zeta_derivatives(s: float, q: float) -> tuple[float, float, float]:
    z = dz = ddz = 0.0
    r = 1.0
    k = 0
    while q + k < s + 12.0:
        log_r = np.log(r)
        term = np.exp(-s * log_r)
        z += term
        dz -= log_r * term
        ddz += log_r * log_r * term
        if k > 0 and log_r * log_r * term < 1e-18 * ddz:
            return z, dz, ddz
        k += 1
        r = (q + k) / q
    a = q + k
    log_r = np.log(r)
    head = np.exp(-s * log_r)
    # the integral: q r^(1-s) / (s-1)
    inverse = 1.0 / (s - 1.0)
    term = q * r * head * inverse
    slope = -log_r - inverse
    z += term
    dz += term * slope
    ddz += term * (slope * slope + inverse * inverse)
    # half of the first term left out of the sum
    z += 0.5 * head
    dz -= 0.5 * head * log_r
    ddz += 0.5 * head * log_r * log_r
    # the corrections: B_2j/(2j)! · s (s+1) ... (s+2j-2) · head / a^(2j-1)
    c = s * head / a
    h1 = 1.0 / s
    h2 = h1 * h1
    for j in range(8):
        term = _BERNOULLI[j] * c
        slope = h1 - log_r
        z += term
        dz += term * slope
        ddz += term * (slope * slope - h2)
        u = s + 2 * j + 1
        v = u + 1.0
        c *= u * v / (a * a)
        h1 += 1.0 / u + 1.0 / v
        h2 += 1.0 / (u * u) + 1.0 / (v * v)
    return z, dz, ddz


@compiled
def _power_sum(s: float, first: float, terms: int) -> float:
    total = 0.0
    direct = min(terms, max(0, int(np.ceil(16.0 + abs(s) - first))))
    for k in range(direct):
        term: float = (first + k) ** -s
        total += term
    left = terms - direct
    if left == 0:
        return total
    a = first + direct
    b = first + terms - 1
    f_a: float = a**-s
    f_b: float = b**-s
    # the integral from a to b of x^(-s), safe at s = 1
    span = np.log(b / a)
    e = (1.0 - s) * span
    total += a * f_a * (span if abs(e) < 1e-300 else span * np.expm1(e) / e)
    total += 0.5 * (f_a + f_b)
    c_a: float = s * f_a / a
    c_b: float = s * f_b / b
    for j in range(8):
        correction: float = _BERNOULLI[j] * (c_a - c_b)
        total += correction
        factor = (s + 2 * j + 1) * (s + 2 * j + 2)
        c_a *= factor / (a * a)
        c_b *= factor / (b * b)
    return float(total)
