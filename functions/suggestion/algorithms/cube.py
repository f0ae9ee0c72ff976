"""The search space as a cube: ordered axes by their place in [0, 1], unordered ones by the index of the choice."""

from collections.abc import Iterator, Mapping
from functools import lru_cache

import numpy as np

from functions.suggestion.axis import Axis
from functions.suggestion.conditions import Condition, Conditions
from functions.suggestion.history import Flags, Floats
from functions.suggestion.search_space import Row, SearchSpace
from functions.suggestion.unit import from_unit, to_unit

MAX_PLACES = 4_096
"""Grid points of an axis that are told apart; a finer grid counts as continuous, and rounding makes no difference."""

SAME_PLACE = 1e-9
"""Values of an axis that others depend on are apart by more."""


class Cube:
    """Points are rows of an array with a column for every axis that has more than one value."""

    def __init__(self, space: SearchSpace, *, is_ordered_only: bool = False) -> None:
        self._axes = space.axes
        wanted = [axis.size != 1 and (axis.is_ordered or not is_ordered_only) for axis in space.axes]
        self._free = [index for index, is_wanted in enumerate(wanted) if is_wanted]
        axes = [space.axes[index] for index in self._free]
        self._places = [_places(axis) for axis in axes]
        self.choice_counts = [len(axis.choices) for axis in axes]
        self.is_unordered: Flags = np.array([not axis.is_ordered for axis in axes], dtype=np.bool_)
        self._activity = None if is_ordered_only or not space.is_conditional else Activity(space.conditions, space.axes)

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self._free)

    def encode(self, rows: Floats) -> Floats:
        """Return the points of rows as the history has them; what lies outside of the space counts as its border."""
        points = np.empty((len(rows), self.width))
        for column, index in enumerate(self._free):
            points[:, column] = _encode(self._axes[index], rows[:, index])
        return points

    def decode(self, point: Floats) -> Row:
        """Return the row of one point; axes without a column have their first value."""
        values = dict(zip(self._free, point.tolist(), strict=True))
        return tuple(_decode(axis, values[i]) if i in values else axis.low for i, axis in enumerate(self._axes))

    def snap(self, points: Floats) -> Floats:
        """Move points onto the grids of their axes, in place, and return them; what is inactive gets its lowest."""
        for column, places in enumerate(self._places):
            if places is not None:
                middles = (places[1:] + places[:-1]) / 2
                points[:, column] = places[np.searchsorted(middles, points[:, column])]
        if self._activity:
            columns = dict(zip(self._free, points.T, strict=True))
            for index, is_active in self._activity.find(columns, len(points)):
                if index in columns:
                    columns[index][~is_active] = _place(self._axes[index], self._axes[index].low)
        return points

    def draw(self, rng: np.random.Generator, count: int) -> Floats:
        """Return random points."""
        points = rng.random((count, self.width))
        self._draw_unordered(points, np.ones_like(points, dtype=np.bool_), rng)
        return self.snap(points)

    def disturb(self, centers: Floats, rng: np.random.Generator, count: int, deviation: float) -> Floats:
        """Return so many points near each of these: some of their columns moved a little, choices drawn anew."""
        points = np.repeat(centers, count, axis=0)
        is_moved = rng.random(points.shape) < max(1.5 / self.width, 0.25)
        is_moved[np.arange(len(points)), rng.integers(self.width, size=len(points))] = True
        moved = np.clip(points + rng.standard_normal(points.shape) * deviation, 0, 1)
        ordered = ~self.is_unordered
        points[:, ordered] = np.where(is_moved, moved, points)[:, ordered]
        self._draw_unordered(points, is_moved, rng)
        return self.snap(points)

    def _draw_unordered(self, points: Floats, is_drawn: Flags, rng: np.random.Generator) -> None:
        for column in np.flatnonzero(self.is_unordered):
            drawn = rng.integers(self.choice_counts[column], size=len(points))
            points[:, column] = np.where(is_drawn[:, column], drawn, points[:, column])


class Activity:
    """Which axes are active at points of a cube."""

    def __init__(self, conditions: Conditions, axes: tuple[Axis, ...]) -> None:
        self._conditions = conditions
        self._axes = axes

    def find(self, columns: Mapping[int, Floats], count: int) -> Iterator[tuple[int, Flags]]:
        """Yield every axis, each after the one that it depends on, with where it is active.

        Columns may change meanwhile: what depends on an inactive axis is inactive, whatever value that has.
        """
        active: dict[int, Flags] = {}
        for index in self._conditions.order:
            condition = self._conditions.at(index)
            active[index] = np.ones(count, dtype=np.bool_)
            if condition is not None:
                active[index] = active[condition.parent] & self._holds(condition, columns.get(condition.parent))
            yield index, active[index]

    def _holds(self, condition: Condition, column: Floats | None) -> Flags | np.bool_:
        axis = self._axes[condition.parent]
        if column is None:
            return np.bool_(axis.low in condition.values)
        places = np.array([_place(axis, value) for value in condition.values])
        is_there: Flags = np.abs(column[:, None] - places).min(axis=1, initial=np.inf) < SAME_PLACE
        return is_there


def _place(axis: Axis, value: float) -> float:
    return float(_encode(axis, np.array([value]))[0])


def _encode(axis: Axis, values: Floats) -> Floats:
    inside = np.clip(np.nan_to_num(values, nan=axis.low), axis.low, axis.high)
    if not axis.is_ordered:
        return inside
    if axis.is_log or axis.is_normal:
        return np.array([to_unit(axis, value) for value in inside.tolist()])
    low, high = axis.edges
    places: Floats = (inside - low) / (high - low)
    return places


@lru_cache(1_024)
def _places(axis: Axis) -> Floats | None:
    """Return the places of an axis' values in rising order; None where it counts as continuous or has no order."""
    if axis.size is None or axis.size > MAX_PLACES or not axis.is_ordered:
        return None
    return np.array([to_unit(axis, axis.value_at(index)) for index in range(axis.size)])


def _decode(axis: Axis, place: float) -> float:
    return from_unit(axis, place) if axis.is_ordered else place
