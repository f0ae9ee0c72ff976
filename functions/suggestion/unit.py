"""The unit interval behind every axis: its distribution spreads values evenly, so that samplers need know no other."""

import math
from statistics import NormalDist

from functions.suggestion.axis import Axis

_STANDARD = NormalDist()

DEVIATIONS = 3.0
"""How far a normal distribution's bounds lie from its middle: a sixth of their distance is one, as in Katib."""


def from_unit(axis: Axis, position: float) -> float:
    """Return the value at this share of the axis' distribution, truncated to its bounds and rounded to its grid."""
    if axis.size is not None and (axis.size == 1 or not (axis.is_log or axis.is_normal)):
        return axis.value_at(min(max(int(position * axis.size), 0), axis.size - 1))
    low, high = _edges(axis)
    share = _from_normal(axis, position, low, high) if axis.is_normal else position
    place = min(max(low + share * (high - low), low), high)
    return axis.snap(math.exp(place) if axis.is_log else place)


def to_unit(axis: Axis, value: float) -> float:
    """Return the share of the axis' distribution that lies below this value: of a grid, the middle of its cell.

    A value from outside the bounds, of an earlier space, counts as the bound.
    """
    inside = min(max(value, axis.low), axis.high)
    if axis.size == 1:
        return 0.5
    low, high = _edges(axis)
    share = ((math.log(inside) if axis.is_log else inside) - low) / (high - low)
    return _to_normal(axis, share, low, high) if axis.is_normal else share


def _edges(axis: Axis) -> tuple[float, float]:
    """Return the range of the numbers that the distribution spreads, half a step beyond the ends of a grid."""
    low, high = axis.edges
    return (math.log(low), math.log(high)) if axis.is_log else (low, high)


def _tails(axis: Axis, low: float, high: float) -> tuple[float, float, float, float]:
    """Return middle and deviation of the normal distribution, and its shares below the two edges.

    Both as shares of the edges' distance: the numbers themselves may be as large as doubles get, or as small.
    """
    bottom, top = (math.log(axis.low), math.log(axis.high)) if axis.is_log else (axis.low, axis.high)
    start, end = (bottom - low) / (high - low), (top - low) / (high - low)
    middle, deviation = (start + end) / 2, (end - start) / (2 * DEVIATIONS)
    return middle, deviation, _STANDARD.cdf(-middle / deviation), _STANDARD.cdf((1 - middle) / deviation)


def _from_normal(axis: Axis, position: float, low: float, high: float) -> float:
    middle, deviation, bottom, top = _tails(axis, low, high)
    share = bottom + min(max(position, 0.0), 1.0) * (top - bottom)
    if not 0 < share < 1:
        return min(max(position, 0.0), 1.0)
    return middle + deviation * _STANDARD.inv_cdf(share)


def _to_normal(axis: Axis, share: float, low: float, high: float) -> float:
    middle, deviation, bottom, top = _tails(axis, low, high)
    return (_STANDARD.cdf((share - middle) / deviation) - bottom) / (top - bottom)
