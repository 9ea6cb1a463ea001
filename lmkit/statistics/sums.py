"""Sums over all integers from x_min on, and exponential families normalised by them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lmkit.types import FloatArray

# (D, J) from the (J,) logarithms of x: what an exponential family's parameters multiply
Features = Callable[[FloatArray], FloatArray]
Offset = Callable[[FloatArray], FloatArray]

_DIRECT = 512  # integers summed one by one
_LARGEST = 690.0  # ln x of the last node
_POINTS = 20  # Gauss-Legendre nodes in each panel


def expand(log_x: FloatArray) -> FloatArray:
    """Return x from ln x."""
    return np.exp(np.minimum(log_x, _LARGEST))


@dataclass(frozen=True)
class SumRule:
    """Nodes and weights with sum over x >= xmin of g(x) = sum over j of weights[j] g(x_j).

    Both are (J,). The first 512 integers are summed; beyond, the sum is the integral from half an
    integer before, by Gauss-Legendre in ln x, and the next term of the midpoint rule, g'(a) / 24.
    For g as smooth as the tails of distributions the relative error is below 1e-9.
    """

    log_x: FloatArray
    weights: FloatArray

    @classmethod
    def starting_at(cls, xmin: int) -> SumRule:
        """Return the rule for the integers from ``xmin`` on."""
        direct = np.log(xmin + np.arange(_DIRECT, dtype=np.float64))
        a = xmin + _DIRECT - 0.5
        # Panels begin as wide as what was summed, double, stay at 4 while a sum can still be there,
        # and double again where only a slow power law has any of it.
        widths = [np.log1p(_DIRECT / a)]
        while widths[-1] < 4.0:
            widths.append(2 * widths[-1])
        widths += [4.0] * 8 + [8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0]
        edges = np.log(a) + np.concatenate([[0.0], np.cumsum(widths)])
        edges = np.append(edges[edges < _LARGEST], _LARGEST)
        nodes, weights = np.polynomial.legendre.leggauss(_POINTS)
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
        """Return the maximum-likelihood ``theta``, whose last element stays above 0; None if the
        search does not settle. Damped Newton on a concave function."""
        n = float(types.sum())
        observed = features(log_x) @ types / n
        theta = start.astype(np.float64)
        log_z, p, phi = self._evaluate(features, theta, offset)
        value = theta @ observed - log_z
        for _ in range(200):
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
            if gain * n < 1e-11:
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
                if scale < 1e-10:
                    return theta if gain * n < 1e-6 else None
            theta, value = new, moved
        return None

    def _evaluate(
        self, features: Features, theta: FloatArray, offset: Offset | None
    ) -> tuple[float, FloatArray, FloatArray]:
        """Return (ln Z, the nodes' probabilities, their features)."""
        phi = features(self.log_x)
        h = theta @ phi
        if offset is not None:
            h = h + offset(self.log_x)
        top = float(h.max())
        mass = self.weights * np.exp(h - top)
        total = float(mass.sum())
        return top + float(np.log(total)), mass / total, phi
