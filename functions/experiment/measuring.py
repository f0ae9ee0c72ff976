"""What a Trial's metrics say of every objective and constraint, as numbers that the search can compare."""

import math
import struct
from collections.abc import Mapping
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
        names = [it.objective_metric_name for it in (spec.objectives or ())[1:]]
        names += [it.metric for it in spec.constraints or ()]
        found = {name: fold.value_of(objective, name) for name in names}
        return cls.of_values(spec, {name: value for name, value in found.items() if value is not None})

    @classmethod
    def of_values(cls, spec: ExperimentSpec, values: Mapping[str, float]) -> Self:
        """Measure values by the names of their metrics."""
        others = tuple(values.get(it.objective_metric_name, math.nan) for it in (spec.objectives or ())[1:])
        return cls(others, sum(_violation(values.get(it.metric), it) for it in spec.constraints or ()))

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


def _violation(value: float | None, constraint: MetricConstraint) -> float:
    if value is None:
        return math.inf
    above = value - constraint.max if constraint.max is not None else 0.0
    below = constraint.min - value if constraint.min is not None else 0.0
    return max(above, below, 0.0)
