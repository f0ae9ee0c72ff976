"""The vector of a kernel's parameters: what is where in it, and how the parts of the kernel become one."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Self

import numpy as np

from functions.suggestion.history import Floats

MAX_ADDITIVE_AXES = 24
"""Axes up to which each has a part of its own: every part costs as much as that of all axes together."""


@dataclass(frozen=True)
class Layout:
    """Logarithms: the weights of all axes together, the amplitude of that part, and the noise.

    An additive one has, after the weights, those of every axis on its own, and two more amplitudes: of the sum of the
    axes, and of the sum of the products of every two of them, which is what a function is made of in which a choice
    says which other axes count (Duvenaud et al., 2011). The products come from the sum and the sum of the squares, so
    that they cost nothing.
    """

    width: int

    @classmethod
    @lru_cache(64)
    def of(cls, width: int) -> Self:
        """Return that of so many axes."""
        return cls(width)

    @property
    def is_additive(self) -> bool:
        """Whether every axis has a part of its own."""
        return 1 < self.width <= MAX_ADDITIVE_AXES

    @cached_property
    def parts(self) -> tuple[tuple[slice, slice], ...]:
        """The axes that each part looks at, and where their weights are: all together, then one by one."""
        width = self.width
        together = (slice(0, width), slice(0, width))
        if not self.is_additive:
            return (together,)
        return (together, *((slice(i, i + 1), slice(width + i, width + i + 1)) for i in range(width)))

    @cached_property
    def amplitudes(self) -> slice:
        """Where the amplitudes are: of single axes and of pairs, if there are such, and of all together."""
        first = 2 * self.width if self.is_additive else self.width
        return slice(first, first + (3 if self.is_additive else 1))

    def mix(self, theta: Floats, correlations: Iterable[Floats]) -> Floats:
        """Return the covariance, given the correlation of each part."""
        amplitudes = np.exp(theta[self.amplitudes])
        shapes = self.shapes(correlations)
        covariance: Floats = shapes[-1] * amplitudes[-1]
        for shape, amplitude in zip(shapes[:-1], amplitudes[:-1], strict=True):
            covariance += shape * amplitude
        return covariance

    def shapes(self, correlations: Iterable[Floats]) -> list[Floats]:
        """Return what each amplitude is the factor of; 1 at equal points."""
        correlations = iter(correlations)
        together = next(correlations)
        if not self.is_additive:
            return [together]
        total, squares = np.zeros_like(together), np.zeros_like(together)
        for its in correlations:  # one after the other: memory for all at once costs more than computing them
            total += its
            squares += its * its
        pairs = (total * total - squares) * (1 / (self.width * (self.width - 1)))
        return [total * (1 / self.width), pairs, together]

    def to_factors(self, theta: Floats, correlations: Floats) -> Floats:
        """Turn correlations, a row for each part, into how the covariance follows each of them, in place."""
        *shares, amplitude = np.exp(theta[self.amplitudes]).tolist()
        correlations[0] = amplitude
        if shares:
            (single, pair), apart = shares, correlations[1:]
            np.subtract(apart.sum(axis=0), apart, out=apart)
            apart *= 2 * pair / (self.width * (self.width - 1))
            apart += single / self.width
        return correlations
