"""Several objectives and constraints on metrics, as people read them."""

from collections.abc import Iterator

from functions.experiment.model import Experiment
from functions.experiment.optimum import sorted_front, values_of
from functions.trial.model import Trial
from functions.trial.view import find_feasibility
from local_runner.view.table import render_table
from local_runner.view.words import render_assignments

MOST_MEMBERS = 20
"""Trials of the front that are shown, the best by the first objective; `kubectl get -o yaml` has all."""


def front_lines(experiment: Experiment) -> Iterator[str]:
    """Yield the constraints' and the front's lines, where there are any."""
    it = experiment
    if it.spec.constraints:
        yield f"Feasible:      {it.feasible_count} of {it.succeeded + it.early_stopped} results"
    if it.spec.has_several_objectives:
        yield f"Pareto front:  {len(it.front)} Trials"
        yield from (f"  {line}" for line in render_table(front_rows(it)))


def front_rows(experiment: Experiment) -> list[tuple[str, ...]]:
    """Return a table: the Trials of the front, best first by the first objective, with every objective."""
    names = [objective.objective_metric_name for objective in experiment.spec.objectives or ()]
    rows = []
    for member in sorted_front(experiment)[:MOST_MEMBERS]:
        values = (f"{value:.6g}" for value in values_of(experiment, member))
        rows.append((member.trial_name, *values, render_assignments(member.parameter_assignments)))
    return [("Name", *names, "Assignments"), *rows]


def render_feasibility(trial: Trial, experiment: Experiment) -> str:
    """Return whether a result meets the constraints on metrics, or nothing."""
    is_feasible = find_feasibility(trial, experiment)
    return "" if is_feasible is None else "met" if is_feasible else "broken"
