"""Words that every view uses: assignments, values, counts, as short as a person reads them."""

from collections.abc import Iterable

from events.experiment import ExperimentSpec
from events.objective import Objective
from events.observation import UNAVAILABLE, Metric
from events.search_space import ParameterAssignment, ParameterSpec
from functions.experiment.model import Experiment
from functions.observation.fold import to_number
from functions.trial.model import Trial

_DIGITS = 6
_MOST_CHARACTERS = 60
"""Of a text in a line or a table: more of an architecture says no more; `-o yaml` has it whole."""


def shorten(text: str) -> str:
    """Return a number with six digits of sense, and of other text the beginning."""
    number = to_number(text)
    if number is None:
        return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"
    if len(text) <= _DIGITS + 2:
        return text
    return f"{number:.{_DIGITS}g}"


def render_assignments(assignments: Iterable[ParameterAssignment]) -> str:
    """Return `lr=0.01 layers=3`."""
    return " ".join(f"{it.name}={shorten(it.value)}" for it in assignments)


def value_text(trial: Trial, experiment: Experiment) -> str:
    """Return the Trial's objective so far as it was reported, or nothing."""
    objective = experiment.objective
    return trial.fold.text_of(objective) if objective.objective_metric_name in trial.fold.metrics else ""


def optimal_text(experiment: Experiment) -> str:
    """Return the best value so far, or nothing."""
    name = experiment.objective.objective_metric_name
    metrics = experiment.optimal.observation.metrics if experiment.optimal else ()
    return next((folded_text(experiment, it) for it in metrics if it.name == name), "")


def folded_text(experiment: Experiment, metric: Metric) -> str:
    """Return a metric by its own fold, the latest where it is no number."""
    text = str(getattr(metric, experiment.objective.strategy_of(metric.name)))
    return metric.latest if text == UNAVAILABLE else text


def render_counts(experiment: Experiment) -> str:
    """Return `12 succeeded, 1 failed, 2 running`, without the zeros."""
    counts = {
        "succeeded": experiment.succeeded,
        "failed": experiment.failed,
        "early stopped": experiment.early_stopped,
        "killed": experiment.killed,
        "without metrics": experiment.metrics_unavailable,
        "running": experiment.running,
        "pending": experiment.pending,
    }
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "none yet"


def render_progress(experiment: Experiment) -> str:
    """Return `14/24`, or `14` where there is no limit."""
    most = experiment.spec.max_trial_count
    return f"{experiment.completed_count}/{most}" if most is not None else str(experiment.completed_count)


def render_goal(spec: ExperimentSpec) -> str:
    """Return `maximize accuracy, goal 0.99`."""
    if spec.objective is None:
        return "no objective"
    objectives = spec.objectives if spec.objectives and spec.has_several_objectives else (spec.objective,)
    return "; ".join(map(_render_objective, objectives))


def _render_objective(objective: Objective) -> str:
    goal = f", goal {objective.goal:g}" if objective.goal is not None else ""
    return f"{objective.type or 'optimize'} {objective.objective_metric_name}{goal}"


def algorithm_name(spec: ExperimentSpec) -> str:
    """Return the algorithm's name."""
    return spec.algorithm.algorithm_name if spec.algorithm else "no algorithm"


def render_space(parameter: ParameterSpec) -> str:
    """Return `0.01 to 1, step 0.1, logUniform` or the list of values."""
    space = parameter.feasible_space
    if space.list is not None:
        return ", ".join(space.list)
    parts = [f"{space.min} to {space.max}"]
    parts += [f"step {space.step}"] if space.step else []
    parts += [space.distribution] if space.distribution not in {None, "uniform"} else []
    return ", ".join(parts)


def command_for(verb: str, experiment: Experiment, *, name: str = "") -> str:
    """Return a command to copy, with the namespace where it is not the default one."""
    namespace = "" if experiment.namespace == "default" else f" -n {experiment.namespace}"
    return f"kuttab {verb} {name or experiment.name}{namespace}"
