"""The best that an Experiment knows: its optimal Trial and, with several objectives, the Pareto front."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from events.experiment import FrontTrial, OptimalTrial
from events.objective import Objective, ObjectiveType
from functions.experiment.measuring import Measures, has_result
from functions.observation.fold import to_number
from functions.trial.model import RESULTS, Trial

if TYPE_CHECKING:
    from functions.experiment.model import Experiment

MAX_FRONT = 100
"""Trials of a Pareto front: they stand in the Experiment's row, which every finish writes. The closest go first."""

Losses = tuple[float, ...]


def consider(experiment: "Experiment", trial: Trial) -> None:
    """Remember a Trial that has just ended if it is among the best; what breaks a constraint never is."""
    if trial.state not in RESULTS:
        return
    if trial.value is None and not has_result(experiment.spec, trial.fold):
        return
    measures = Measures.unpack(trial.measures)
    experiment.feasible_count += measures.is_feasible
    if experiment.spec.has_several_objectives:
        is_better = measures.is_feasible and _consider_front(experiment, trial, measures)
    else:
        is_better = measures.is_feasible and _consider_one(experiment, trial)
    experiment.stale_count = 0 if is_better else experiment.stale_count + 1


def _consider_one(experiment: "Experiment", trial: Trial) -> bool:
    """Take the Trial if its objective is the best so far, or a text: of texts the latest is optimal."""
    objective = experiment.objective
    if trial.value is not None and not objective.is_better(trial.value, experiment.optimal_value):
        return False
    experiment.optimal_value = experiment.optimal_value if trial.value is None else trial.value
    observation = trial.fold.to_observation(objective)
    experiment.optimal = OptimalTrial(
        best_trial_name=trial.name, parameter_assignments=trial.assignments, observation=observation
    )
    return True


def _consider_front(experiment: "Experiment", trial: Trial, measures: Measures) -> bool:
    """Put the Trial into the front unless another one is as good in everything; those that it beats leave."""
    objectives = experiment.spec.objectives or ()
    new = _signed(objectives, (math.nan if trial.value is None else trial.value, *measures.others))
    front = [(it, losses_of(experiment, it)) for it in experiment.front]
    if any(map(math.isnan, new)) or any(_is_as_good(losses, new) for _, losses in front):
        return False
    observation = trial.fold.to_observation(experiment.objective)
    member = FrontTrial(trial_name=trial.name, parameter_assignments=trial.assignments, observation=observation)
    kept = [*((it, losses) for it, losses in front if not _is_as_good(new, losses)), (member, new)]
    while len(kept) > MAX_FRONT:
        kept.pop(_most_crowded([losses for _, losses in kept]))
    experiment.front = tuple(it for it, _ in kept)
    best, losses = min(kept, key=lambda pair: pair[1])
    experiment.optimal_value = losses[0] if objectives[0].type == ObjectiveType.MINIMIZE else -losses[0]
    experiment.optimal = OptimalTrial(
        best_trial_name=best.trial_name,
        parameter_assignments=best.parameter_assignments,
        observation=best.observation,
    )
    return True


def values_of(experiment: "Experiment", member: FrontTrial) -> tuple[float, ...]:
    """Return a member's value of each objective."""
    found = {metric.name: metric for metric in member.observation.metrics}
    names = [it.objective_metric_name for it in experiment.spec.objectives or ()]
    texts = [str(getattr(found[name], experiment.objective.strategy_of(name))) for name in names]
    return tuple(math.nan if (number := to_number(text)) is None else number for text in texts)


def losses_of(experiment: "Experiment", member: FrontTrial) -> Losses:
    """Return a member's objectives so that less is better in each."""
    return _signed(experiment.spec.objectives or (), values_of(experiment, member))


def sorted_front(experiment: "Experiment") -> list[FrontTrial]:
    """Return the front, the best by the first objective first."""
    return sorted(experiment.front, key=lambda member: losses_of(experiment, member))


def is_goal_reached(experiment: "Experiment") -> bool:
    """Tell whether the goal is met; with several objectives, whether one Trial meets all the goals that there are."""
    objectives = experiment.spec.objectives or ()
    if not experiment.spec.has_several_objectives:
        return experiment.objective.is_reached_by(experiment.optimal_value)
    if all(it.goal is None for it in objectives):
        return False
    rows = [values_of(experiment, member) for member in experiment.front]
    return any(
        all(it.goal is None or it.is_reached_by(v) for it, v in zip(objectives, row, strict=True)) for row in rows
    )


def _signed(objectives: Sequence[Objective], values: Sequence[float]) -> Losses:
    pairs = zip(objectives, values, strict=True)
    return tuple(value if it.type == ObjectiveType.MINIMIZE else -value for it, value in pairs)


def _is_as_good(one: Losses, other: Losses) -> bool:
    return all(mine <= yours for mine, yours in zip(one, other, strict=True))


def _most_crowded(points: Sequence[Losses]) -> int:
    """Return the place of the point whose neighbours are closest; the best of each objective never goes."""
    distances = [0.0] * len(points)
    for axis in range(len(points[0])):
        order = sorted(range(len(points)), key=lambda place: points[place][axis])
        extent = points[order[-1]][axis] - points[order[0]][axis] or 1.0
        distances[order[0]] = distances[order[-1]] = math.inf
        for before, place, after in zip(order, order[1:], order[2:], strict=False):
            distances[place] += (points[after][axis] - points[before][axis]) / extent
    return min(range(len(points)), key=distances.__getitem__)
