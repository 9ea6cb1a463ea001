"""Discrete exponential families on the integers from x_min on, normalised by accurate sums.

With features phi(x), shape (D,), parameters theta and an optional offset o(x),

    ln P(X = x) = theta . phi(x) + o(x) - ln Z,   Z = sum over x >= xmin of exp(theta . phi + o)

The gradient of the mean log-likelihood is observed minus expected features, its Hessian minus their
covariance. The power law is phi(x) = -ln x, theta = alpha, Z = zeta(alpha, xmin).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lmkit.types import FloatArray

Features = Callable[[FloatArray], FloatArray]  # from ln x, shape (J,), to phi, shape (D, J)
Offset = Callable[[FloatArray], FloatArray]  # from ln x to o, both (J,)

_DIRECT = 512  # integers summed one by one
_MAX_LOG_X = 690.0  # ln x of the last node, below the overflow of exp
_NODES = 20  # Gauss-Legendre nodes in each panel
_MAX_STEPS, _MIN_SCALE = 200, 1e-10  # of Newton's method, and of a damped step
_CONVERGED, _ACCEPTABLE = 1e-11, 1e-6  # expected gain in log-likelihood of the next step, in nats


def expand(log_x: FloatArray) -> FloatArray:
    """Return x from ln x, without overflow."""
    return np.exp(np.minimum(log_x, _MAX_LOG_X))


@dataclass(frozen=True)
class SumRule:
    """Nodes and weights, both (J,): sum over x >= xmin of g(x) = sum over j of weights[j] g(x_j).

    The first 512 integers are nodes of weight 1. The rest of the sum, from a + 1/2 on, is the
    integral from a, by Gauss-Legendre panels in ln x, plus the correction g'(a) / 24 of the
    midpoint rule. For g as smooth as the tails of distributions the relative error is below 1e-9.
    """

    log_x: FloatArray
    weights: FloatArray

    @classmethod
    def starting_at(cls, xmin: int) -> SumRule:
        """Return the rule for the integers from ``xmin`` on."""
        direct = np.log(xmin + np.arange(_DIRECT, dtype=np.float64))
        a = xmin + _DIRECT - 0.5
        # Panel widths in ln x: from that of the direct sum they double up to 4, stay there for
        # eight panels, and double again where only slowly decaying power laws have any mass.
        widths = [np.log1p(_DIRECT / a)]
        while widths[-1] < 4.0:
            widths.append(2 * widths[-1])
        widths += [4.0] * 8 + [8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0]
        edges = np.log(a) + np.concatenate([[0.0], np.cumsum(widths)])
        edges = np.append(edges[edges < _MAX_LOG_X], _MAX_LOG_X)
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        half = np.diff(edges)[:, None] / 2
        panels = (edges[:-1, None] + half * (nodes + 1)).ravel()
        panel_weights = (half * weights).ravel() * np.exp(panels)  # dx = x d ln x
        slope = np.log([a + 0.5, a - 0.5])
        return cls(
            np.concatenate([direct, panels, slope]),
            np.concatenate([np.ones(_DIRECT), panel_weights, [1 / 24, -1 / 24]]),
        )

    def means(self, features: Features, theta: FloatArray) -> FloatArray:
        """Return the expected features under ``theta``, shape (D,)."""
        _, p, phi = self._evaluate(features, theta, None)
        return phi @ p

    def log_probabilities(
        self,
        features: Features,
        theta: FloatArray,
        log_x: FloatArray,
        *,
        offset: Offset | None = None,
    ) -> FloatArray:
        """Return ln P(X = x) under ``theta`` for each x, given by its logarithm."""
        log_z, _, _ = self._evaluate(features, theta, offset)
        h = theta @ features(log_x)
        return np.asarray((h if offset is None else h + offset(log_x)) - log_z)

    def maximise(
        self,
        features: Features,
        start: FloatArray,
        log_x: FloatArray,
        types: FloatArray,
        *,
        offset: Offset | None = None,
    ) -> FloatArray | None:
        """Return the maximum-likelihood ``theta``, whose last element stays positive.

        ``types`` is the number of observations at each of the values exp(``log_x``). Newton's
        method with backtracking, on a concave function; None where it does not converge.
        """
        n = float(types.sum())
        observed = features(log_x) @ types / n
        theta = start.astype(np.float64)
        log_z, p, phi = self._evaluate(features, theta, offset)
        value = theta @ observed - log_z
        for _ in range(_MAX_STEPS):
            mean = phi @ p
            gradient = observed - mean
            centred = phi - mean[:, None]
            hessian = (centred * p) @ centred.T
            try:
                step = np.linalg.solve(hessian, gradient)
            except np.linalg.LinAlgError:
                return None
            gain = float(gradient @ step)
            if not np.isfinite(gain) or gain < 0:
                return None
            if gain * n < _CONVERGED:
                return theta
            scale = 1.0
            if step[-1] < 0:
                scale = min(1.0, -0.9 * theta[-1] / step[-1])
            while True:
                new = theta + scale * step
                log_z, p, phi = self._evaluate(features, new, offset)
                moved = new @ observed - log_z
                if moved >= value + 1e-4 * scale * gain:
                    break
                scale *= 0.5
                if scale < _MIN_SCALE:
                    return theta if gain * n < _ACCEPTABLE else None
            theta, value = new, moved
        return None

    def _evaluate(
        self, features: Features, theta: FloatArray, offset: Offset | None
    ) -> tuple[float, FloatArray, FloatArray]:
        """Return ln Z, and the probability mass (J,) and the features (D, J) of the nodes."""
        phi = features(self.log_x)
        h = theta @ phi
        if offset is not None:
            h = h + offset(self.log_x)
        top = float(h.max())
        mass = self.weights * np.exp(h - top)
        total = float(mass.sum())
        return top + float(np.log(total)), mass / total, phi
