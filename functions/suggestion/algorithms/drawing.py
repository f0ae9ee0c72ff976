"""Chance: one value of an axis, one point of a space, one point that has not been tried."""

import math
from random import Random

from functions.suggestion.algorithms.taken import Taken
from functions.suggestion.axis import Axis
from functions.suggestion.search_space import Row, SearchSpace

MAX_REDRAWS = 100
"""A space that is half used up fails so often once in 2^100; after that the free points are looked for in order."""

MAX_REJECTIONS = 100
"""The bounds lie three standard deviations out, so one in 370 is rejected."""


def draw_row(space: SearchSpace, rng: Random) -> Row:
    """Draw a point, each parameter from its own distribution."""
    return tuple(draw_value(axis, rng) for axis in space.axes)


def draw_value(axis: Axis, rng: Random) -> float:
    """Draw a value from the axis' distribution, truncated to its bounds and rounded to its grid."""
    if axis.size == 1:
        return axis.low
    if axis.size is not None and not (axis.is_log or axis.is_normal):
        return axis.value_at(rng.randrange(axis.size))
    low, high = (math.log(edge) for edge in axis.edges) if axis.is_log else axis.edges
    drawn = _draw_normal(axis, low, high, rng) if axis.is_normal else rng.uniform(low, high)
    return axis.snap(math.exp(drawn) if axis.is_log else drawn)


def _draw_normal(axis: Axis, low: float, high: float, rng: Random) -> float:
    """Draw around the middle of the bounds with a sixth of their distance as standard deviation, as Katib does."""
    bounds = (math.log(axis.low), math.log(axis.high)) if axis.is_log else (axis.low, axis.high)
    middle, deviation = sum(bounds) / 2, (bounds[1] - bounds[0]) / 6
    draws = (rng.gauss(middle, deviation) for _ in range(MAX_REJECTIONS))
    return next((value for value in draws if low <= value <= high), middle)


def draw_free_row(space: SearchSpace, rng: Random, taken: Taken) -> Row | None:
    """Draw a point that is not taken; None where a finite space has none left."""
    draws = (draw_row(space, rng) for _ in range(MAX_REDRAWS))
    return next((row for row in draws if not taken.has(row)), None) or taken.find_free_row(rng)
