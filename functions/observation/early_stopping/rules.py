"""Rules frozen into a Trial when it was suggested: all of them met means stop."""

from events.objective import EarlyStoppingRule, ObjectiveType
from functions.experiment.model import Experiment
from functions.observation.fold import FoldedMetric, to_number
from functions.trial.model import Trial


def is_poor(experiment: Experiment, trial: Trial) -> bool:
    """Tell whether every rule of the Trial holds from its start step on (and there is a rule)."""
    return bool(trial.rules) and all(_holds(rule, experiment, trial) for rule in trial.rules)


def _holds(rule: EarlyStoppingRule, experiment: Experiment, trial: Trial) -> bool:
    metric = trial.fold.metrics.get(rule.name, FoldedMetric())
    limit, value = to_number(rule.value), to_number(_text(rule, experiment, metric))
    if limit is None or value is None or metric.count < rule.start_step:
        return False
    return {"less": value < limit, "greater": value > limit, "equal": value == limit}[rule.comparison]


def _text(rule: EarlyStoppingRule, experiment: Experiment, metric: FoldedMetric) -> str:
    """Return what is compared: the objective's best value so far, another metric's latest."""
    if rule.name != experiment.objective.objective_metric_name:
        return metric.latest
    return metric.min if experiment.objective.type == ObjectiveType.MINIMIZE else metric.max


def describe(trial: Trial) -> str:
    """Say what holds of a Trial that is poor."""
    words = (f"{rule.name} is {rule.comparison} than {rule.value}" for rule in trial.rules)
    return f"{', '.join(words)} at report {trial.progress.step}"
