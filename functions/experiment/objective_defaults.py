"""Katib's `objective` where there are several, or constraints on metrics: all metrics are collected as its own."""

from collections.abc import Iterator

from events.experiment import ExperimentSpec
from events.objective import MetricStrategy, MetricStrategyType, Objective, ObjectiveType


def complete_objective(spec: ExperimentSpec) -> Objective | None:
    """Return the objective, the first of several where it is left out, with every metric that is looked at.

    A further objective is folded as its own type says, a constraint's metric to its latest value; strategies that are
    given stay.
    """
    objective = spec.objective or next(iter(spec.objectives or ()), None)
    if objective is None:
        return None
    wanted = {strategy.name: strategy for strategy in _strategies(spec)}
    new = [name for name in wanted if name and name not in objective.metric_names]
    named = {strategy.name for strategy in objective.metric_strategies}
    folded = (wanted[name] for name in wanted if name not in named and name != objective.objective_metric_name)
    return objective.replace(
        additional_metric_names=(*objective.additional_metric_names, *new),
        metric_strategies=(*objective.metric_strategies, *folded),
    )


def _strategies(spec: ExperimentSpec) -> Iterator[MetricStrategy]:
    for constraint in spec.constraints or ():
        yield MetricStrategy(name=constraint.metric, value=MetricStrategyType.LATEST)
    for other in (spec.objectives or ())[1:]:
        fold = MetricStrategyType.MIN if other.type == ObjectiveType.MINIMIZE else MetricStrategyType.MAX
        yield MetricStrategy(name=other.objective_metric_name, value=fold)
