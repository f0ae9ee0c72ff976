"""How alike a function is at two points: Matérn 5/2 of all axes together, plus one of every axis on its own."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
import numpy.typing as npt

from functions.suggestion.history import Floats

MAX_ADDITIVE_AXES = 12
"""Axes up to which each has a part of its own: every part costs as much as that of all axes together."""

JITTER = 1e-8
"""Added to the noise, so that equal points leave the matrix positive definite."""

TOGETHER_BOUNDS, APART_BOUNDS = (-7.0, 7.0), (-4.0, 9.0)
AMPLITUDE_BOUNDS, SHARE_BOUNDS, NOISE_BOUNDS = (-4.0, 4.0), (-6.0, 4.0), (-13.0, 1.0)
"""Of the logarithms. Alone an axis may have many bottoms, so its length may be a hundredth of the range."""

_ROOT5 = math.sqrt(5.0)

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Part:
    """A summand: the axes that it looks at, where in the vector their weights and its amplitude are, and its share."""

    axes: slice
    weights: slice
    amplitude: int
    share: float


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
        if not 1 < width <= MAX_ADDITIVE_AXES:
            mean, deviation = np.append(long, (0.0, -6.0)), np.append(np.full(width, 2.4), (1.0, 2.0))
            starts = np.append(long, (0.0, -5.0)), np.append(np.full(width, 1.0), (0.0, -4.0))
            return cls(mean, deviation, bounds + last, starts)
        own = np.ones(width)
        mean = np.concatenate([long, 2.0 * own, (-3.0, 0.0, -6.0)])
        deviation = np.append(np.full(2 * width, 2.4), (1.5, 1.0, 2.0))
        wavy = np.concatenate([0.0 * own, 4.5 * own, (0.0, -1.0, -4.0)])
        calm = np.append(mean[:-1], -5.0)
        return cls(mean, deviation, [*bounds, *[APART_BOUNDS] * width, SHARE_BOUNDS, *last], (calm, wavy))


@lru_cache(64)
def list_parts(width: int, size: int) -> tuple[Part, ...]:
    """Return the summands of a kernel with so many axes and parameters."""
    together = Part(slice(0, width), slice(0, width), size - 2, 1.0)
    if size == width + 2:
        return (together,)
    apart = (Part(slice(i, i + 1), slice(width + i, width + i + 1), size - 3, 1 / width) for i in range(width))
    return (together, *apart)


@dataclass(frozen=True, slots=True)
class Kernel:
    """Weights (an inverse squared length an axis), amplitudes and noise, all as logarithms in one vector.

    The vector has the weights of all axes together, then, where each has a part of its own, those and their amplitude,
    then the amplitude of all together, and the noise.
    """

    theta: Floats
    is_unordered: Flags
    """Axes whose values are equal or not, and never near."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """The summands."""
        return list_parts(self.is_unordered.size, self.theta.size)

    @property
    def noise(self) -> float:
        """The variance of an observation around the function."""
        return math.exp(self.theta[-1]) + JITTER

    @property
    def amplitude(self) -> float:
        """The variance of the function."""
        return sum(part.share * math.exp(self.theta[part.amplitude]) for part in self.parts)

    def __call__(self, left: Floats, right: Floats) -> Floats:
        """Return the covariance of every point of one set with every point of the other."""
        covariance = np.zeros((len(left), len(right)))
        for part in self.parts:
            correlation, _ = correlate(self._squares(part, left[:, part.axes], right[:, part.axes]))
            covariance += part.share * math.exp(self.theta[part.amplitude]) * correlation
        return covariance

    def _squares(self, part: Part, left: Floats, right: Floats) -> Floats:
        """Return the weighted squared distances of every pair."""
        weights, is_unordered = np.exp(self.theta[part.weights]), self.is_unordered[part.axes]
        roots = np.where(is_unordered, 0.0, np.sqrt(weights))
        a, b = left * roots, right * roots
        squares: Floats = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * a @ b.T
        for axis in np.flatnonzero(is_unordered):
            squares += weights[axis] * (left[:, axis, None] != right[None, :, axis])
        return np.maximum(squares, 0.0)


def correlate(squares: Floats) -> tuple[Floats, Floats]:
    """Return the correlation at weighted squared distances, and its slope there."""
    r = _ROOT5 * np.sqrt(squares)
    decay = np.exp(-r)
    return (1 + r + 5 / 3 * squares) * decay, -5 / 6 * (1 + r) * decay
