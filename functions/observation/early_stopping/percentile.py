"""Stop a Trial whose best is worse than a percentile of what the succeeded ones had at the same step."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import Final, Self

from events.objective import ObjectiveType
from functions.observation.early_stopping.interface import (
    SERIES_STEPS,
    Decision,
    Forgetful,
    Request,
    Series,
    SettingProblem,
)
from functions.observation.early_stopping.progress import Progress
from functions.observation.early_stopping.settings import NOT_NEGATIVE, POSITIVE, validate_settings
from functions.observation.early_stopping.threshold import INTERVAL_RULES, Interval
from functions.suggestion.algorithms.settings import Rule

_RULES: Final = {
    "percentile": Rule(float, lambda value: 0 <= value <= 100, "percentile must be in the range of [0, 100]"),  # noqa: PLR2004 - per cent
    "n_startup_trials": NOT_NEGATIVE,
    "n_min_trials": POSITIVE,
    **INTERVAL_RULES,
}


def percentile_of(values: Sequence[float], percentile: float) -> float:
    """Return the percentile, between two values linearly between them, to numpy's last bit."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * (percentile / 100)
    low = floor(place)
    below, above = ordered[low], ordered[min(low + 1, len(ordered) - 1)]
    share = place - low
    return above - (above - below) * (1 - share) if share >= 0.5 else below + (above - below) * share  # noqa: PLR2004 - as numpy


@dataclass(frozen=True, slots=True)
class Percentile(Forgetful):
    """Optuna's percentile pruner; with percentile 50 it is its median pruner."""

    percentile: float
    n_startup_trials: int
    n_min_trials: int
    interval: Interval
    keep: int = 1
    judges_newest: bool = True

    @classmethod
    def validate(cls, settings: Mapping[str, str]) -> Iterator[SettingProblem]:
        """Yield what is wrong with the settings."""
        yield from validate_settings("percentile", settings, _RULES)
        if "percentile" not in settings:
            yield "", "", "percentile must be specified"

    @classmethod
    def build(cls, settings: Mapping[str, str]) -> Self:
        """Return the stopper; the defaults are Optuna's."""
        return cls(
            percentile=float(settings["percentile"]),
            n_startup_trials=int(settings.get("n_startup_trials", 5)),
            n_min_trials=int(settings.get("n_min_trials", 1)),
            interval=Interval.build(settings),
        )

    async def decide(self, request: Request) -> Decision:
        """Stop where the best so far is outside the percentile at this step, or there is no number at all."""
        succeeded = request.experiment.succeeded
        is_early = succeeded == 0 or succeeded < self.n_startup_trials
        if is_early or not self.interval.is_due(request.progress):
            return Decision(request.progress)
        progress, direction = request.progress, request.objective.type
        best = progress.best(direction)
        if best is None:
            return Decision(progress, f"none of {progress.step} reports is a number")
        others = await request.others(str(progress.step))
        if len(others) < self.n_min_trials:
            return Decision(progress)
        is_minimized = direction == ObjectiveType.MINIMIZE
        limit = percentile_of(others, self.percentile if is_minimized else 100 - self.percentile)
        if (best <= limit) if is_minimized else (best >= limit):
            return Decision(progress)
        return Decision(progress, self._words(request, best, limit, among=len(others)))

    def _words(self, request: Request, best: float, limit: float, *, among: int) -> str:
        name, step = request.objective.objective_metric_name, request.progress.step
        of_others = f"{limit}, percentile {self.percentile} of {among} Trials"
        return f"the best {name} by report {step}, {best}, is worse than {of_others}"

    async def learn(self, request: Request, series: Series) -> None:
        """Leave what the objective was at each step after the warm-up."""
        strategy = request.objective.strategy_of(request.objective.objective_metric_name)
        progress, values = Progress(), {}
        for value in (await series())[: self.interval.warmup + SERIES_STEPS]:
            progress = progress.add(value, keep=1)
            folded = progress.fold(strategy)
            if folded is not None and progress.step >= self.interval.warmup:
                values[str(progress.step)] = folded
        await request.rungs.reach_rungs(request.trial, values)
