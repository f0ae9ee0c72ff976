"""What `objectives` and `constraints` on metrics must be."""

import math
from collections.abc import Iterator

from events.experiment import ExperimentSpec
from events.objective import MetricConstraint, Objective
from functions.experiment.parsing import Problem

MAX_OBJECTIVES = 10
MAX_CONSTRAINTS = 100
METRIC_NAME_CHARACTERS = 255

SINGLE = frozenset({"bayesianoptimization", "cmaes", "hyperband", "bohb", "asha", "pbt", "enas", "darts"})
"""The algorithms that know one objective alone."""

_MUST_BE_SPECIFIED = "must be specified"


def validate_objectives(spec: ExperimentSpec) -> Iterator[Problem]:
    """Yield what is wrong with several objectives, where there are any."""
    objectives, at = spec.objectives, "spec.objectives"
    if objectives is None:
        return
    if not 1 <= len(objectives) <= MAX_OBJECTIVES:
        yield at, f"must be from 1 to {MAX_OBJECTIVES} objectives"
    names = [it.objective_metric_name for it in objectives]
    for index, entry in enumerate(objectives):
        yield from _validate_entry(entry, f"{at}[{index}]")
        if entry.objective_metric_name in names[:index]:
            yield f"{at}[{index}].objectiveMetricName", f"metric {entry.objective_metric_name} is an objective twice"
    if objectives and spec.objective and not _is_same(spec.objective, objectives[0]):
        yield f"{at}[0]", "must be spec.objective: the same objectiveMetricName, type and goal, or leave that out"
    if len(objectives) > 1:
        yield from _validate_company(spec)


def _validate_entry(entry: Objective, at: str) -> Iterator[Problem]:
    if entry.type is None:
        yield f"{at}.type", "must be minimize or maximize"
    if not entry.objective_metric_name:
        yield f"{at}.objectiveMetricName", _MUST_BE_SPECIFIED
    if len(entry.objective_metric_name) > METRIC_NAME_CHARACTERS:
        yield f"{at}.objectiveMetricName", f"may not be longer than {METRIC_NAME_CHARACTERS} characters"
    if entry.additional_metric_names:
        yield f"{at}.additionalMetricNames", "belongs to spec.objective"
    if entry.metric_strategies:
        yield f"{at}.metricStrategies", "belongs to spec.objective"


def _is_same(objective: Objective, first: Objective) -> bool:
    mine = (objective.objective_metric_name, objective.type, objective.goal)
    return mine == (first.objective_metric_name, first.type, first.goal)


def _validate_company(spec: ExperimentSpec) -> Iterator[Problem]:
    algorithm = spec.algorithm.algorithm_name if spec.algorithm else ""
    if algorithm in SINGLE:
        yield "spec.objectives", f"algorithm {algorithm} knows one objective: use nsgaii, nsgaiii, tpe or auto"
    if spec.early_stopping is not None:
        yield "spec.earlyStopping", "judges Trials by one objective, and there are several"


def validate_metric_constraints(spec: ExperimentSpec) -> Iterator[Problem]:
    """Yield what is wrong with the constraints on metrics, where there are any."""
    constraints, at = spec.constraints or (), "spec.constraints"
    if len(constraints) > MAX_CONSTRAINTS:
        yield at, f"there may be at most {MAX_CONSTRAINTS}"
    for index, constraint in enumerate(constraints):
        yield from _validate_constraint(constraint, f"{at}[{index}]")


def _validate_constraint(constraint: MetricConstraint, at: str) -> Iterator[Problem]:
    if not constraint.metric:
        yield f"{at}.metric", _MUST_BE_SPECIFIED
    if len(constraint.metric) > METRIC_NAME_CHARACTERS:
        yield f"{at}.metric", f"may not be longer than {METRIC_NAME_CHARACTERS} characters"
    if constraint.min is None and constraint.max is None:
        yield at, "min or max must be specified"
    bounds = {"min": constraint.min, "max": constraint.max}
    for name, bound in bounds.items():
        if bound is not None and not math.isfinite(bound):
            yield f"{at}.{name}", "must be a finite number"
    if constraint.min is not None and constraint.max is not None and constraint.min > constraint.max:
        yield f"{at}.min", "must not be greater than max"
