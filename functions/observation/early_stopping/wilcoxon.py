"""Stop a Trial that is probably worse than the best, report by report: where each step is a fold or an instance."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
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
from functions.observation.early_stopping.progress import best_of
from functions.observation.early_stopping.settings import NOT_NEGATIVE, validate_settings
from functions.observation.early_stopping.signed_rank import p_greater
from functions.suggestion.algorithms.settings import Rule

_OBJECTIVE = "objective"
_FEWEST_STEPS = 2
_RULES: Final = {
    "p_threshold": Rule(float, lambda value: 0 <= value <= 1, "p_threshold must be in the range of [0, 1]"),
    "n_startup_steps": NOT_NEGATIVE,
}


@dataclass(frozen=True, slots=True)
class Wilcoxon(Forgetful):
    """Optuna's Wilcoxon pruner; step n of a Trial is compared with step n of the best that has succeeded."""

    p_threshold: float
    n_startup_steps: int
    keep: int = SERIES_STEPS
    judges_newest: bool = True

    @classmethod
    def validate(cls, settings: Mapping[str, str]) -> Iterator[SettingProblem]:
        """Yield what is wrong with the settings."""
        yield from validate_settings("wilcoxon", settings, _RULES)

    @classmethod
    def build(cls, settings: Mapping[str, str]) -> Self:
        """Return the stopper; the defaults are Optuna's."""
        return cls(float(settings.get("p_threshold", 0.1)), int(settings.get("n_startup_steps", _FEWEST_STEPS)))

    async def decide(self, request: Request) -> Decision:
        """Stop where it is improbable that the Trial is as good; not where its mean is better than the best's."""
        own = [value for value in request.progress.recent if value is not None]
        if len(own) < max(request.progress.step, _FEWEST_STEPS, self.n_startup_steps):
            return Decision(request.progress)
        number, best = await self._best(request)
        if min(len(own), len(best)) < max(_FEWEST_STEPS, self.n_startup_steps):
            return Decision(request.progress)
        sign = 1 if request.objective.type == ObjectiveType.MINIMIZE else -1
        p = p_greater([sign * (a - b) for a, b in zip(own, best, strict=False)])
        is_better_on_average = sign * fmean(own) <= sign * fmean(best)
        if p >= self.p_threshold or is_better_on_average:
            return Decision(request.progress)
        name, step = request.objective.objective_metric_name, request.progress.step
        return Decision(
            request.progress, f"{name} is worse than that of Trial {number} after {step} reports (p = {p:.2g})"
        )

    async def _best(self, request: Request) -> tuple[int, Sequence[float]]:
        """Return the number of the best Trial that has succeeded, and its reports."""
        values = await request.rungs.rung(request.experiment.uid, _OBJECTIVE)
        best = best_of(request.objective.type, values.values())
        if best is None:
            return 0, ()
        number = min(number for number, value in values.items() if value == best)
        steps = await request.rungs.rungs_of(request.experiment.uid, number)
        return number, [steps[name] for name in sorted(steps.keys() - {_OBJECTIVE}, key=int)]

    async def learn(self, request: Request, series: Series) -> None:
        """Leave the objective of a Trial that is the best so far, and its reports where all of them are numbers."""
        objective = request.trial.fold.value_of(request.objective)
        best = best_of(request.objective.type, await request.others(_OBJECTIVE))
        if objective is None or not request.objective.is_better(objective, best):
            return
        values = (await series())[:SERIES_STEPS]
        numbers = {str(step): value for step, value in enumerate(values, start=1) if value is not None}
        kept = numbers if len(numbers) == len(values) else {}
        await request.rungs.reach_rungs(request.trial, {**kept, _OBJECTIVE: objective})
