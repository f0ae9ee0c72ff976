"""The median stopping rule: a Trial whose best is worse than the median of the others' first reports is stopped."""

from collections.abc import Sequence
from statistics import fmean, median

from events.objective import EarlyStopping, EarlyStoppingRule, Objective, ObjectiveType
from events.observation import MetricPoint
from functions.observation.fold import to_number

MIN_TRIALS_REQUIRED = 3
START_STEP = 4
"""Katib's defaults."""


def _setting(early_stopping: EarlyStopping, name: str, default: int) -> int:
    values = {setting.name: setting.value for setting in early_stopping.algorithm_settings}
    return int(values.get(name, default))


def start_average(points: Sequence[MetricPoint], early_stopping: EarlyStopping, objective: Objective) -> float | None:
    """Return the mean of the objective's first `start_step` numbers, or None where there are none."""
    texts = (point.value for point in points if point.name == objective.objective_metric_name)
    numbers = [number for number in map(to_number, texts) if number is not None]
    first = numbers[: _setting(early_stopping, "start_step", START_STEP)]
    return fmean(first) if first else None


def median_rules(
    averages: Sequence[float], early_stopping: EarlyStopping, objective: Objective
) -> tuple[EarlyStoppingRule, ...]:
    """Return the rule for Trials suggested now; none before enough Trials have succeeded."""
    if len(averages) < _setting(early_stopping, "min_trials_required", MIN_TRIALS_REQUIRED):
        return ()
    rule = EarlyStoppingRule(
        name=objective.objective_metric_name,
        value=repr(median(averages)),
        comparison="greater" if objective.type == ObjectiveType.MINIMIZE else "less",
        start_step=_setting(early_stopping, "start_step", START_STEP),
    )
    return (rule,)
