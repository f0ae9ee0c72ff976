"""A step away from a point: each parameter a fifth up or down, or drawn again, and always a value of its axis."""

from random import Random

from functions.suggestion.algorithms.drawing import draw_value
from functions.suggestion.axis import Axis
from functions.suggestion.search_space import Row, SearchSpace

FACTORS = (0.8, 1.2)
"""Katib's, and those of the paper."""

MAX_STEPS_TRIED = 100
"""Steps that are tried where constraints forbid some; then the point stays as it is."""


def perturb_row(space: SearchSpace, row: Row, resample_probability: float, rng: Random) -> Row:
    """Return a neighbour that the constraints allow; the point itself where none is found."""
    for _ in range(MAX_STEPS_TRIED):
        pairs = zip(space.axes, row, strict=True)
        moved = space.fill(tuple(_move(axis, value, resample_probability, rng) for axis, value in pairs))
        if space.allows(moved):
            return moved
    return row


def _move(axis: Axis, value: float, resample_probability: float, rng: Random) -> float:
    if axis.size == 1:
        return axis.low
    if rng.random() < resample_probability:
        return draw_value(axis, rng)
    factor = rng.choice(FACTORS)
    return _turn(axis, value, factor) if axis.choices else _scale(axis, axis.snap(value), factor)


def _turn(axis: Axis, value: float, factor: float) -> float:
    """Return the next or the previous choice; after the last comes the first."""
    assert axis.size is not None
    return float((int(axis.snap(value)) + (1 if factor > 1 else -1)) % axis.size)


def _scale(axis: Axis, value: float, factor: float) -> float:
    """Return the scaled number on the grid, at least one step away unless a bound is in the way.

    Zero has no fifth: from there it is a fifth of the range.
    """
    direction = 1 if factor > 1 else -1
    moved = axis.snap(value + direction * abs(factor - 1) * (abs(value) or axis.high - axis.low))
    return axis.snap(value + direction * axis.step) if axis.step and moved == value else moved
