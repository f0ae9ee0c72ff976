"""Which parameters have a value at all: what they depend on, and how many points that leaves."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from events.search_space import ParameterSpec
from functions.suggestion.axis import Axis


@dataclass(frozen=True, slots=True)
class Condition:
    """An axis is active where another one is, and has one of these values."""

    parent: int
    values: frozenset[float]


@dataclass(frozen=True, slots=True)
class Conditions:
    """The condition of every axis, None where it is always active; empty where all are."""

    of: tuple[Condition | None, ...] = ()

    @classmethod
    def from_spec(cls, parameters: Sequence[ParameterSpec], axes: Sequence[Axis]) -> Self:
        """Read conditions that `validate_conditions` has nothing against."""
        if all(parameter.when is None for parameter in parameters):
            return cls()
        places = {axis.name: index for index, axis in enumerate(axes)}
        found: list[Condition | None] = []
        for parameter in parameters:
            when = parameter.when
            if when is None:
                found.append(None)
                continue
            parent = places[when.parameter]
            found.append(Condition(parent, frozenset(axes[parent].to_value(text) for text in when.values)))
        return cls(tuple(found))

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self.of)

    def at(self, index: int) -> Condition | None:
        """Return the condition of this axis."""
        return self.of[index] if self.of else None

    @property
    def order(self) -> tuple[int, ...]:
        """The axes, each after the one that it depends on."""
        return _order(self)

    def children(self, index: int | None) -> tuple[int, ...]:
        """Return the axes that depend on this one; those that depend on none for None."""
        return tuple(i for i, it in enumerate(self.of) if (it.parent if it else None) == index)

    def activity(self, row: Sequence[float]) -> tuple[bool, ...]:
        """Tell for each axis whether it is active at this point."""
        active = [True] * len(row)
        for index in self.order:
            condition = self.of[index]
            if condition is not None:
                active[index] = active[condition.parent] and row[condition.parent] in condition.values
        return tuple(active)


@lru_cache(256)
def _order(conditions: Conditions) -> tuple[int, ...]:
    order = list(conditions.children(None))
    for index in order:  # which grows: children come after their parent
        order.extend(conditions.children(index))
    return tuple(order)


@lru_cache(256)
def count_points(axes: tuple[Axis, ...], conditions: Conditions) -> int | None:
    """Return how many points there are; None where that is without end."""
    roots = conditions.children(None) if conditions else range(len(axes))
    return _product(_count_below(axes, conditions, index) for index in roots)


def find_point(axes: tuple[Axis, ...], conditions: Conditions, index: int) -> tuple[float, ...]:
    """Return the index-th point; what is inactive at it has its lowest value."""
    values = [axis.low for axis in axes]
    _place(axes, conditions, conditions.children(None) if conditions else range(len(axes)), index, values)
    return tuple(values)


def _product(counts: Iterator[int | None]) -> int | None:
    known = list(counts)
    return None if None in known else math.prod(count for count in known if count is not None)


def _count_below(axes: tuple[Axis, ...], conditions: Conditions, index: int) -> int | None:
    """Return how many points an axis has together with those that depend on it."""
    size = axes[index].size
    if size is None:
        return None
    branches = _branches(axes, conditions, index)
    counts = [_product(_count_below(axes, conditions, child) for child in children) for _, children in branches]
    return None if None in counts else size - len(counts) + sum(count for count in counts if count is not None)


def _branches(axes: tuple[Axis, ...], conditions: Conditions, index: int) -> list[tuple[int, tuple[int, ...]]]:
    """Return the places of the values that others depend on, in rising order, each with the axes active there."""
    axis, children = axes[index], conditions.children(index) if conditions else ()
    values = sorted({value for child in children for value in _values(conditions, child)})
    step = axis.step or 1.0
    return [
        (round((value - axis.low) / step), tuple(it for it in children if value in _values(conditions, it)))
        for value in values
    ]


def _values(conditions: Conditions, index: int) -> frozenset[float]:
    condition = conditions.of[index]
    return condition.values if condition else frozenset()


def _place(
    axes: tuple[Axis, ...], conditions: Conditions, indices: Sequence[int], number: int, values: list[float]
) -> None:
    """Write the number-th point of these axes, and of what depends on them; the last changes fastest."""
    for index in reversed(indices):
        number, rest = divmod(number, _count_below(axes, conditions, index) or 1)
        _place_one(axes, conditions, index, rest, values)


def _place_one(axes: tuple[Axis, ...], conditions: Conditions, index: int, number: int, values: list[float]) -> None:
    begin = 0
    for place, children in _branches(axes, conditions, index):
        plain = place - begin
        if number < plain:
            break
        number -= plain
        count = _product(_count_below(axes, conditions, child) for child in children) or 1
        if number < count:
            values[index] = axes[index].value_at(place)
            _place(axes, conditions, children, number, values)
            return
        number -= count
        begin = place + 1
    values[index] = axes[index].value_at(begin + number)
