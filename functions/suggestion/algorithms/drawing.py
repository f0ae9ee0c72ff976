"""Chance: one point of a space, one point that has not been tried."""

from random import Random

from functions.suggestion.algorithms.taken import Taken
from functions.suggestion.axis import Axis
from functions.suggestion.search_space import Row, SearchSpace
from functions.suggestion.unit import from_unit


def draw_row(space: SearchSpace, rng: Random) -> Row:
    """Draw a point, each parameter from its own distribution."""
    return space.fill(tuple(draw_value(axis, rng) for axis in space.axes))


def draw_value(axis: Axis, rng: Random) -> float:
    """Draw a value from the axis' distribution, truncated to its bounds and rounded to its grid."""
    return axis.low if axis.size == 1 else from_unit(axis, rng.random())


def draw_free_row(space: SearchSpace, rng: Random, taken: Taken) -> Row | None:
    """Draw a point that is not taken; None where there is none left, or none is found."""
    while taken.redraws_left:
        row = draw_row(space, rng)
        if not taken.has(row):
            return row
        taken.redraws_left -= 1
    return taken.find_free_row(rng)
