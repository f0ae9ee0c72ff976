"""One axis of a search space: the values it has, as numbers and as the text of an assignment."""

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Self

from events.search_space import Distribution, ParameterSpec, ParameterType

LISTED = frozenset({ParameterType.DISCRETE, ParameterType.CATEGORICAL})
NUMERIC = frozenset({ParameterType.DOUBLE, ParameterType.INT})
LOG = frozenset({Distribution.LOG_UNIFORM, Distribution.LOG_NORMAL})
NORMAL = frozenset({Distribution.NORMAL, Distribution.LOG_NORMAL})

NARROW_RATIO = 1 + 1e-9
"""Of `max` to `min`: below, a logarithm makes no difference that can be told, and both may have the same."""

_EVEN: Final = {Distribution.LOG_UNIFORM: Distribution.UNIFORM, Distribution.LOG_NORMAL: Distribution.NORMAL}

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def to_number(text: str) -> float:
    """Read a decimal number; infinity where it is too large. Raises ValueError for `nan`, `inf` and other words."""
    if not _NUMBER.fullmatch(text.strip()):
        raise ValueError(f"not a decimal number: {text!r}")
    return float(text)


def is_number(text: str) -> bool:
    """Tell whether this is a decimal number."""
    return _NUMBER.fullmatch(text.strip()) is not None


@dataclass(frozen=True, slots=True)
class Axis:
    """A parameter whose values are floats, as Optuna represents them inside: the number, or the index of a choice.

    `low` and `high` are both reachable: where there is a step the grid starts at `low` and `high` is its last point.
    A list is the grid of its indices, those of a discrete one of numbers by their size.
    """

    name: str
    type: ParameterType
    low: float
    high: float
    step: float | None = None
    distribution: Distribution = Distribution.UNIFORM
    choices: tuple[str, ...] = ()

    @classmethod
    def from_spec(cls, parameter: ParameterSpec) -> Self:
        """Read a parameter that `validate_parameters` has nothing against."""
        kind, space = parameter.parameter_type, parameter.feasible_space
        if kind in LISTED:
            choices = _by_size(kind, space.list or ())
            return cls(parameter.name, kind, low=0.0, high=len(choices) - 1.0, step=1.0, choices=choices)
        low, high = to_number(space.min or ""), to_number(space.max or "")
        step = to_number(space.step) if space.step else None
        if kind == ParameterType.INT:
            step = step or 1.0
        if step is not None:
            high = _on_grid(low, step, int((_exact(high) - _exact(low)) / _exact(step)))
        distribution = space.distribution or Distribution.UNIFORM
        if distribution in LOG and high / low < NARROW_RATIO:
            distribution = _EVEN[distribution]
        return cls(parameter.name, kind, low, high, step, distribution)

    @property
    def is_log(self) -> bool:
        """Whether values are spread evenly by their logarithm."""
        return self.distribution in LOG

    @property
    def is_normal(self) -> bool:
        """Whether values gather around the middle."""
        return self.distribution in NORMAL

    @property
    def size(self) -> int | None:
        """The number of values; None where they are continuous."""
        if self.low == self.high:
            return 1
        return None if self.step is None else round((self.high - self.low) / self.step) + 1

    @property
    def edges(self) -> tuple[float, float]:
        """The range to draw from so that rounding to the grid gives both ends their full share: half a step more.

        Below a logarithm it must stay positive, so there it is at most half of `low`; that is Optuna's edge for 1.
        Where doubles end there is no room for it.
        """
        half = (self.step or 0.0) / 2
        if math.isinf(self.high + half - (self.low - half)):
            return self.low, self.high
        bottom = max(self.low - half, self.low / 2) if self.is_log and self.step else self.low - half
        return (bottom or self.low) if self.is_log else bottom, self.high + half

    @property
    def is_ordered(self) -> bool:
        """Whether neighbouring values are alike: all numbers, and a discrete list of them, which `from_spec` sorts."""
        if not self.choices:
            return True
        if self.type != ParameterType.DISCRETE or not all(map(is_number, self.choices)):
            return False
        numbers = [to_number(choice) for choice in self.choices]
        return numbers in (sorted(numbers), sorted(numbers, reverse=True))

    def value_at(self, index: int) -> float:
        """Return the index-th point of the grid."""
        if self.step is None:
            return self.low
        return (
            _on_grid(self.low, self.step, index) if self.type == ParameterType.DOUBLE else self.low + index * self.step
        )

    def snap(self, value: float) -> float:
        """Return the nearest value that the axis has."""
        inside = min(max(value, self.low), self.high)
        return inside if self.step is None else self.value_at(round((inside - self.low) / self.step))

    def to_text(self, value: float) -> str:
        """Write a value as an assignment has it."""
        if self.choices:
            return self.choices[int(value)]
        return str(int(value)) if self.type == ParameterType.INT else repr(float(value))

    def has(self, text: str) -> bool:
        """Tell whether the axis has this value, by its text."""
        try:
            value = self.to_value(text)
        except ValueError:
            return False
        return self.snap(value) == value

    def to_value(self, text: str) -> float:
        """Read what `to_text` wrote. Raises ValueError where the axis has no such value."""
        return float(self.choices.index(text)) if self.choices else to_number(text)


def _by_size(kind: ParameterType, choices: tuple[str, ...]) -> tuple[str, ...]:
    """Return the choices as samplers can use their order: discrete numbers by size, unless they fall throughout."""
    if kind != ParameterType.DISCRETE or not all(map(is_number, choices)):
        return choices
    rising = tuple(sorted(choices, key=to_number))
    return choices if [*map(to_number, choices)] == [*map(to_number, reversed(rising))] else rising


def _exact(value: float) -> Decimal:
    """Return the decimal that the user wrote, not the binary fraction next to it."""
    return Decimal(repr(value))


def _on_grid(low: float, step: float, index: int) -> float:
    """Count in decimals: 0.1 + 2 x 0.1 is 0.3, and its text is short."""
    return float(_exact(low) + index * _exact(step))
