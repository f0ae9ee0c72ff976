"""How alike a function is at two points: Matérn 5/2 of all axes together, of each on its own, and of their pairs."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np

from functions.suggestion.algorithms.kernel_layout import Layout
from functions.suggestion.history import Flags, Floats

JITTER = 1e-8
"""Added to the noise, so that equal points leave the matrix positive definite."""

TOGETHER_BOUNDS, APART_BOUNDS = (-7.0, 7.0), (-4.0, 9.0)
AMPLITUDE_BOUNDS, SHARE_BOUNDS, NOISE_BOUNDS = (-4.0, 4.0), (-6.0, 4.0), (-13.0, 1.0)
"""Of the logarithms. Alone an axis may have many bottoms, so its length may be a hundredth of the range."""


BLOCK_SIZE = 16_000
"""Covariances that are computed at a time: larger arrays are given back to the system each time and fetched anew, which
takes five times as long."""


@dataclass(frozen=True, slots=True)
class Prior:
    """What is known of the parameters before any Trial: a normal distribution, bounds, and where to begin a fit."""

    mean: Floats
    deviation: Floats
    bounds: list[tuple[float, float]]
    starts: tuple[Floats, Floats]

    @classmethod
    @lru_cache(64)
    def of(cls, width: int) -> Self:
        """Return it for so many axes: lengths that grow with the root of their number, little noise, little apart."""
        long = np.full(width, -2 * (0.2 + 0.5 * math.log(width)))
        bounds, last = [TOGETHER_BOUNDS] * width, [AMPLITUDE_BOUNDS, NOISE_BOUNDS]
        if not Layout.of(width).is_additive:
            mean, deviation = np.append(long, (0.0, -6.0)), np.append(np.full(width, 2.4), (1.0, 2.0))
            starts = np.append(long, (0.0, -5.0)), np.append(np.full(width, 1.0), (0.0, -4.0))
            return cls(mean, deviation, bounds + last, starts)
        own = np.ones(width)
        mean = np.concatenate([long, 2.0 * own, (-3.0, -3.0, 0.0, -6.0)])
        deviation = np.append(np.full(2 * width, 2.4), (1.5, 1.5, 1.0, 2.0))
        wavy = np.concatenate([0.0 * own, 4.5 * own, (0.0, -2.0, -1.0, -4.0)])
        calm = np.append(mean[:-1], -5.0)
        its_bounds = [*bounds, *[APART_BOUNDS] * width, SHARE_BOUNDS, SHARE_BOUNDS, *last]
        return cls(mean, deviation, its_bounds, (calm, wavy))


@dataclass(frozen=True, slots=True)
class Kernel:
    """Weights (an inverse squared length an axis), amplitudes and noise, all as logarithms in one vector.

    `Layout` says what of the vector is what.
    """

    theta: Floats
    is_unordered: Flags
    """Axes whose values are equal or not, and never near."""

    @property
    def layout(self) -> Layout:
        """Where in the vector its parts are."""
        return Layout.of(self.is_unordered.size)

    @property
    def noise(self) -> float:
        """The variance of an observation around the function."""
        return math.exp(self.theta[-1]) + JITTER

    @property
    def amplitude(self) -> float:
        """The variance of the function."""
        return float(np.exp(self.theta[self.layout.amplitudes]).sum())

    def __call__(self, left: Floats, right: Floats) -> Floats:
        """Return the covariance of every point of one set with every point of the other."""
        count = max(1, BLOCK_SIZE // len(right))
        blocks = [self._covariance(left[start : start + count], right) for start in range(0, len(left), count)]
        return np.vstack([*blocks, np.empty((0, len(right)))])

    def _covariance(self, left: Floats, right: Floats) -> Floats:
        return self.layout.mix(self.theta, self._correlations(left, right))

    def _correlations(self, left: Floats, right: Floats) -> Iterator[Floats]:
        """Yield that of every part."""
        yield matern(np.sqrt(self._squares(left, right)))
        if self.layout.is_additive:
            for axis in range(self.layout.width):
                yield self._apart(axis, left[:, axis], right[:, axis])

    def _squares(self, left: Floats, right: Floats) -> Floats:
        """Return five times the weighted squared distances of every pair along all axes."""
        weights = 5 * np.exp(self.theta[: self.layout.width])
        roots = np.where(self.is_unordered, 0, np.sqrt(weights))
        a, b = left * roots, right * roots
        squares: Floats = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * a @ b.T
        for axis in np.flatnonzero(self.is_unordered):
            squares += weights[axis] * (left[:, axis, None] != right[None, :, axis])
        return np.maximum(squares, 0)

    def _apart(self, axis: int, left: Floats, right: Floats) -> Floats:
        """Return the correlation of every pair along one axis."""
        scale = math.sqrt(5 * math.exp(self.theta[self.layout.width + axis]))
        if not self.is_unordered[axis]:
            return matern(np.abs(left[:, None] * scale - right * scale))
        return matern(scale * (left[:, None] != right))


def matern(distances: Floats, decay: Floats | None = None, out: Floats | None = None) -> Floats:
    """Return the correlation at these distances, which have the root of 5 as a factor, and decay by exp(-distance)."""
    correlation = np.multiply(distances, distances, out=out)
    correlation *= 1 / 3
    correlation += distances
    correlation += 1
    correlation *= np.exp(-distances) if decay is None else decay
    return correlation


def to_slopes(distances: Floats, decay: Floats) -> Floats:
    """Turn distances into how the correlation follows the square of one, without that factor, in place."""
    distances += 1
    distances *= -5 / 6
    distances *= decay
    return distances
