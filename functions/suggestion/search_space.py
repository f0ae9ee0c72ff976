"""The search space of an Experiment: rows of numbers for the algorithms, assignments for the Trials."""

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from events.search_space import Distribution, FeasibleSpace, ParameterAssignment, ParameterSpec, ParameterType
from functions.suggestion.axis import LISTED, LOG, NUMERIC, Axis, is_number, to_number
from functions.suggestion.condition_rules import validate_conditions
from functions.suggestion.conditions import Conditions, count_points, find_point
from functions.suggestion.expressions import Constraint, Kind

Row = tuple[float, ...]
"""One point: a value for every axis, in the order of the spec; an axis that is inactive has its lowest."""

Problem = tuple[str, str]
"""The path of a field and what is wrong with it."""

MAX_STEPS = 2**50
"""Points on one axis: up to here a double holds every index, and every int, exactly."""


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """All parameters together, in the order of the spec."""

    axes: tuple[Axis, ...]
    conditions: Conditions = field(default_factory=Conditions)
    constraints: tuple[Constraint, ...] = ()

    @classmethod
    def from_spec(cls, parameters: Sequence[ParameterSpec], constraints: Sequence[str] | None = None) -> Self:
        """Read parameters and constraints that validation has nothing against."""
        axes = tuple(Axis.from_spec(parameter) for parameter in parameters)
        kinds = kinds_of(axes) if constraints else {}
        held = tuple(Constraint.parse(text, kinds) for text in constraints or ())
        return cls(axes, Conditions.from_spec(parameters, axes), held)

    @staticmethod
    def validate_parameters(parameters: Sequence[ParameterSpec], path: str = "spec.parameters") -> Iterator[Problem]:
        """Yield everything that is wrong with these parameters; Katib's wording where Katib has one."""
        return validate_parameters(parameters, path)

    @property
    def cardinality(self) -> int | None:
        """The number of points; None where an axis is continuous. What is inactive makes no difference."""
        return count_points(self.axes, self.conditions)

    def row_at(self, index: int) -> Row:
        """Return the index-th point of a finite space: the index has one digit an axis, the last changes fastest."""
        return find_point(self.axes, self.conditions, index)

    @property
    def is_conditional(self) -> bool:
        """Whether some axes are inactive at some points."""
        return bool(self.conditions)

    def activity(self, row: Row) -> tuple[bool, ...]:
        """Tell for each axis whether it is active at this point."""
        return self.conditions.activity(row) if self.is_conditional else (True,) * len(row)

    def fill(self, row: Row) -> Row:
        """Return the point with the lowest value of every inactive axis: one point, whatever was proposed for those."""
        if not self.is_conditional:
            return row
        parts = zip(self.axes, row, self.activity(row), strict=True)
        return tuple(value if is_active else axis.low for axis, value, is_active in parts)

    def snap(self, row: Row) -> Row:
        """Return the nearest point of the space."""
        return self.fill(tuple(axis.snap(value) for axis, value in zip(self.axes, row, strict=True)))

    def allows(self, row: Row) -> bool:
        """Tell whether the constraints hold at this point; those of parameters that are inactive do."""
        if not self.constraints:
            return True
        parts = zip(self.axes, row, self.activity(row), strict=True)
        values = {axis.name: _plain_value(axis, value) for axis, value, is_active in parts if is_active}
        return all(constraint.holds(values) for constraint in self.constraints)

    def to_sparse(self, row: Row) -> Row:
        """Return the point as it is stored: with NaN for what is inactive."""
        if not self.is_conditional:
            return row
        return tuple(value if is_active else math.nan for value, is_active in zip(row, self.activity(row), strict=True))

    def from_sparse(self, row: Row) -> Row:
        """Return a stored point as algorithms see it."""
        return tuple(axis.low if math.isnan(value) else value for axis, value in zip(self.axes, row, strict=True))

    def to_assignments(self, row: Row) -> tuple[ParameterAssignment, ...]:
        """Write a point as a Trial gets it: with the active parameters alone."""
        parts = zip(self.axes, row, self.activity(row), strict=True)
        return tuple(
            ParameterAssignment(name=axis.name, value=axis.to_text(it)) for axis, it, active in parts if active
        )

    def to_row(self, assignments: Sequence[ParameterAssignment]) -> Row:
        """Read the assignments of a Trial, in any order. Raises KeyError or ValueError where the space is another."""
        texts = {assignment.name: assignment.value for assignment in assignments}
        row = tuple(axis.to_value(texts[axis.name]) if axis.name in texts else axis.low for axis in self.axes)
        missing = [
            axis.name
            for axis, active in zip(self.axes, self.activity(row), strict=True)
            if active and axis.name not in texts
        ]
        if missing:
            raise KeyError(missing[0])
        return self.fill(row)


def kinds_of(axes: Sequence[Axis]) -> dict[str, Kind]:
    """Return what constraints see of each parameter: a list of which every entry is a number is of numbers."""
    return {axis.name: Kind.TEXT if _is_text(axis) else Kind.NUMBER for axis in axes}


def _is_text(axis: Axis) -> bool:
    return bool(axis.choices) and (axis.type == ParameterType.CATEGORICAL or not all(map(is_number, axis.choices)))


def _plain_value(axis: Axis, value: float) -> float | str:
    if not axis.choices:
        return value
    choice = axis.choices[int(value)]
    return choice if _is_text(axis) else to_number(choice)


def validate_parameters(parameters: Sequence[ParameterSpec], path: str = "spec.parameters") -> Iterator[Problem]:
    """Yield everything that is wrong with these parameters; Katib's wording where Katib has one."""
    names: set[str] = set()
    for index, parameter in enumerate(parameters):
        at = f"{path}[{index}]"
        if not parameter.name:
            yield f"{at}.name", "name must be specified"
        elif parameter.name in names:
            yield f"{at}.name", f"parameter name {parameter.name} can't be duplicated in {path}"
        names.add(parameter.name)
        yield from _validate_parameter(parameter, at)
    sound = {it.name: Axis.from_spec(it) for it in parameters if not any(_validate_parameter(it, ""))}
    yield from validate_conditions(parameters, sound, path)


def _validate_parameter(parameter: ParameterSpec, at: str) -> Iterator[Problem]:
    kind, space = parameter.parameter_type, parameter.feasible_space
    if kind == ParameterType.UNKNOWN:
        yield f"{at}.parameterType", f"parameterType: {kind} is not supported"
    if space.distribution == Distribution.UNKNOWN:
        yield f"{at}.feasibleSpace.distribution", f"distribution: {space.distribution} is not supported"
    if space == FeasibleSpace():
        yield f"{at}.feasibleSpace", "feasibleSpace must be specified"
    elif kind in LISTED:
        yield from _validate_list(space, kind, f"{at}.feasibleSpace")
    elif kind in NUMERIC:
        yield from _validate_range(space, kind, f"{at}.feasibleSpace")


def _validate_list(space: FeasibleSpace, kind: ParameterType, at: str) -> Iterator[Problem]:
    if space.max or space.min or space.step:
        yield at, f"feasibleSpace .max, .min and .step is not supported for parameterType: {kind}"
    choices = space.list or ()
    if not choices:
        yield f"{at}.list", f"feasibleSpace.list must not be empty for parameterType: {kind}"
    for index, choice in enumerate(choices):
        if choice in choices[:index]:
            yield f"{at}.list[{index}]", f"feasibleSpace.list holds {choice!r} twice"


def _validate_range(space: FeasibleSpace, kind: ParameterType, at: str) -> Iterator[Problem]:
    if space.list:
        yield f"{at}.list", f"feasibleSpace.list is not supported for parameterType: {kind}"
    if not space.max or not space.min:
        message = f"feasibleSpace.max or feasibleSpace.min must be specified for parameterType: {kind}"
        yield f"{at}.max", message
    numbers: dict[str, float] = {}
    for name, text in (("min", space.min), ("max", space.max), ("step", space.step)):
        if not text:
            continue
        number, problem = _read(text, kind)
        if problem:
            yield f"{at}.{name}", f"feasibleSpace.{name} {problem}"
        else:
            numbers[name] = number
    yield from _validate_numbers(numbers, space.distribution, at)


def _read(text: str, kind: ParameterType) -> tuple[float, str]:
    """Return the number and what is wrong with it; the number counts only if nothing is."""
    try:
        number = to_number(text)
    except ValueError:
        return math.nan, f"must be a number: {text}"
    if math.isinf(number):
        return number, f"must be finite: {text}"
    if kind == ParameterType.INT and not number.is_integer():
        return number, f"must be an integer for parameterType: {kind}: {text}"
    if kind == ParameterType.INT and abs(number) > MAX_STEPS:
        return number, f"must lie between -2^50 and 2^50 for parameterType: {kind}: {text}"
    return number, ""


def _validate_numbers(numbers: dict[str, float], distribution: Distribution | None, at: str) -> Iterator[Problem]:
    low, high, step = numbers.get("min"), numbers.get("max"), numbers.get("step")
    if low is not None and low <= 0 and distribution in LOG:
        yield f"{at}.min", f"feasibleSpace.min must be greater than 0 for distribution: {distribution}"
    if step is not None and step <= 0:
        yield f"{at}.step", "feasibleSpace.step must be greater than 0"
    if low is None or high is None:
        return
    if low > high:
        yield f"{at}.min", "feasibleSpace.min must not be greater than feasibleSpace.max"
    elif math.isinf(high - low):
        yield f"{at}.max", "feasibleSpace.max - feasibleSpace.min must be finite"
    elif step is not None and step > 0 and (high - low) / step > MAX_STEPS:
        yield f"{at}.step", "feasibleSpace.step must divide the range into at most 2^50 steps"
    elif step is not None and step > 0 and step < _min_step(low, high):
        message = f"feasibleSpace.step must be at least {_min_step(low, high):.15g}: below, doubles round it away"
        yield f"{at}.step", message


def _min_step(low: float, high: float) -> float:
    """Return the least step of which every point is a double of its own, in decimals as the user counts."""
    return max(sys.float_info.min, 2 * math.ulp(max(abs(low), abs(high))))
