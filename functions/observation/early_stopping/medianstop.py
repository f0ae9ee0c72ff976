"""Katib's median stopping rule: a Trial whose best is worse than the median of the others' first reports is stopped."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean, median
from typing import Final, Self

from events.objective import EarlyStoppingRule, ObjectiveType
from functions.experiment.model import Experiment
from functions.observation.early_stopping.interface import Decision, Request, Rungs, Series, SettingProblem
from functions.observation.early_stopping.rules import describe, is_poor
from functions.observation.early_stopping.settings import MAX_STEPS, validate_settings
from functions.suggestion.algorithms.settings import Rule

MIN_TRIALS_REQUIRED = 3
START_STEP = 4
"""Katib's defaults."""
STATISTICS: Final[Mapping[str, Callable[[Collection[float]], float]]] = {"median": median, "mean": fmean}

_START = "start"
_NAME = "medianstop"
_RULES: Final = {
    "min_trials_required": Rule(
        int, lambda value: 0 < value <= MAX_STEPS, "min_trials_required must be greater than zero (>0)"
    ),
    "start_step": Rule(
        int, lambda value: 1 <= value <= MAX_STEPS, "start_step must be greater or equal than one (>=1)"
    ),
    "statistic": Rule(lambda text: float(text in STATISTICS), bool, "statistic must be median or mean"),
}


@dataclass(frozen=True, slots=True)
class MedianStop:
    """Rules are frozen into Trials when they are created, as Katib does; they hold from `start_step` on."""

    min_trials_required: int
    start_step: int
    statistic: str
    keep: int = 1
    judges_newest: bool = True

    @classmethod
    def validate(cls, settings: Mapping[str, str]) -> Iterator[SettingProblem]:
        """Yield what is wrong with the settings, in Katib's words."""
        yield from validate_settings(_NAME, settings, _RULES)

    @classmethod
    def build(cls, settings: Mapping[str, str]) -> Self:
        """Return the stopper."""
        return cls(
            min_trials_required=int(settings.get("min_trials_required", MIN_TRIALS_REQUIRED)),
            start_step=int(settings.get("start_step", START_STEP)),
            statistic=settings.get("statistic", "median"),
        )

    async def decide(self, request: Request) -> Decision:
        """Stop where every rule of the Trial holds."""
        is_to_stop = is_poor(request.experiment, request.trial)
        return Decision(request.progress, describe(request.trial) if is_to_stop else "")

    async def learn(self, request: Request, series: Series) -> None:
        """Leave the mean of the first numbers, as many as `start_step`."""
        first = [value for value in await series() if value is not None][: self.start_step]
        if first:
            await request.rungs.reach_rungs(request.trial, {_START: fmean(first)})

    async def rules(self, experiment: Experiment, rungs: Rungs) -> tuple[EarlyStoppingRule, ...]:
        """Return one rule, or none before enough Trials have succeeded."""
        averages = (await rungs.rung(experiment.uid, _START)).values()
        if len(averages) < self.min_trials_required:
            return ()
        rule = EarlyStoppingRule(
            name=experiment.objective.objective_metric_name,
            value=repr(STATISTICS[self.statistic](averages)),
            comparison="greater" if experiment.objective.type == ObjectiveType.MINIMIZE else "less",
            start_step=self.start_step,
        )
        return (rule,)
