"""What a Trial's metrics say of every objective and constraint, as numbers that the search can compare."""

import math
import struct
from dataclasses import dataclass
from typing import Self

from events.experiment import ExperimentSpec
from events.objective import MetricConstraint, Objective
from functions.observation.fold import Fold


@dataclass(frozen=True, slots=True)
class Measures:
    """The values of the objectives after the first, NaN where one is missing, and how far constraints are broken."""

    others: tuple[float, ...] = ()
    violation: float = 0.0
    """The sum over all constraints, 0 where they are met; infinite where a metric is missing."""

    @classmethod
    def of(cls, spec: ExperimentSpec, fold: Fold) -> Self:
        """Measure what was folded."""
        objective = spec.objective or Objective()
        others = tuple(_number(fold, objective, it.objective_metric_name) for it in (spec.objectives or ())[1:])
        return cls(others, sum(_violation(fold, objective, it) for it in spec.constraints or ()))

    @property
    def is_feasible(self) -> bool:
        """Whether every constraint on metrics is met."""
        return self.violation <= 0

    def pack(self) -> bytes:
        """Write it as the store keeps it; nothing for the plain Experiment."""
        return struct.pack(f"<{len(self.others) + 1}d", *self.others, self.violation) if self != Measures() else b""

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """Read what `pack` wrote."""
        *others, violation = struct.unpack(f"<{len(packed) // 8}d", packed) if packed else (0.0,)
        return cls(tuple(others), violation)


def has_result(spec: ExperimentSpec, fold: Fold) -> bool:
    """Tell whether every objective has a usable value; with several ones each must be a number."""
    if spec.has_several_objectives:
        is_number = fold.value_of(spec.objective or Objective()) is not None
        return is_number and not any(map(math.isnan, Measures.of(spec, fold).others))
    return fold.is_available(spec.objective or Objective())


def _number(fold: Fold, objective: Objective, name: str) -> float:
    value = fold.value_of(objective, name)
    return math.nan if value is None else value


def _violation(fold: Fold, objective: Objective, constraint: MetricConstraint) -> float:
    value = _number(fold, objective, constraint.metric)
    if math.isnan(value):
        return math.inf
    above = value - constraint.max if constraint.max is not None else 0.0
    below = constraint.min - value if constraint.min is not None else 0.0
    return max(above, below, 0.0)
