"""Chance: one point of a space, one point that has not been tried."""

from random import Random

from functions.suggestion.algorithms.taken import Taken
from functions.suggestion.axis import Axis
from functions.suggestion.search_space import Row, SearchSpace
from functions.suggestion.unit import from_unit

MAX_REDRAWS = 100
"""A space that is half used up fails so often once in 2^100; after that the free points are looked for in order."""

MAX_CONSTRAINED_REDRAWS = 5_000
"""Where constraints leave one point in a thousand it is missed once in 150 times. That many take about 0.2 s."""


def draw_row(space: SearchSpace, rng: Random) -> Row:
    """Draw a point, each parameter from its own distribution."""
    return space.fill(tuple(draw_value(axis, rng) for axis in space.axes))


def draw_value(axis: Axis, rng: Random) -> float:
    """Draw a value from the axis' distribution, truncated to its bounds and rounded to its grid."""
    return axis.low if axis.size == 1 else from_unit(axis, rng.random())


def draw_free_row(space: SearchSpace, rng: Random, taken: Taken) -> Row | None:
    """Draw a point that is not taken; None where there is none left, or none is found."""
    draws = (draw_row(space, rng) for _ in range(MAX_CONSTRAINED_REDRAWS if space.constraints else MAX_REDRAWS))
    return next((row for row in draws if not taken.has(row)), None) or taken.find_free_row(rng)
