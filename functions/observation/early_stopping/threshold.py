"""Stop a Trial whose objective leaves the bounds: one that diverges, or that is known to lead nowhere."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Final, Self

from functions.observation.early_stopping.interface import Decision, Forgetful, Request, SettingProblem
from functions.observation.early_stopping.progress import Progress
from functions.observation.early_stopping.settings import (
    FINITE,
    NOT_NEGATIVE,
    POSITIVE,
    read_number,
    validate_settings,
)

INTERVAL_RULES: Final = {"n_warmup_steps": NOT_NEGATIVE, "interval_steps": POSITIVE}
_RULES: Final = {"lower": FINITE, "upper": FINITE, **INTERVAL_RULES}


@dataclass(frozen=True, slots=True)
class Interval:
    """When a Trial is judged: at every so many reports after the warm-up."""

    warmup: int
    every: int

    @classmethod
    def build(cls, settings: Mapping[str, str]) -> Self:
        """Return the interval; the defaults are Optuna's."""
        return cls(int(settings.get("n_warmup_steps", 0)), int(settings.get("interval_steps", 1)))

    def is_due(self, progress: Progress) -> bool:
        """Tell whether an interval has begun since the stopper was last asked."""
        since = progress.step - self.warmup
        return since >= 0 and (progress.asked or -1) < since // self.every * self.every + self.warmup


@dataclass(frozen=True, slots=True)
class Threshold(Forgetful):
    """Bounds for single reports, with Optuna's settings and decisions."""

    lower: float
    upper: float
    interval: Interval
    keep: int = 1
    judges_newest: bool = False

    @classmethod
    def validate(cls, settings: Mapping[str, str]) -> Iterator[SettingProblem]:
        """Yield what is wrong with the settings."""
        yield from validate_settings("threshold", settings, _RULES)
        if not settings.keys() & {"lower", "upper"}:
            yield "", "", "lower or upper must be specified"
        low, high = read_number(settings, "lower"), read_number(settings, "upper")
        if low is not None and high is not None and low > high:
            yield "lower", "value", "lower must not be greater than upper"

    @classmethod
    def build(cls, settings: Mapping[str, str]) -> Self:
        """Return the stopper."""
        lower, upper = float(settings.get("lower", -inf)), float(settings.get("upper", inf))
        return cls(lower, upper, Interval.build(settings))

    async def decide(self, request: Request) -> Decision:
        """Stop at a report outside the bounds, or at one that is no number."""
        if not self.interval.is_due(request.progress):
            return Decision(request.progress)
        progress, value = request.progress, request.progress.newest
        what = f"{request.objective.objective_metric_name} {value} at report {progress.step}"
        if value is None:
            return Decision(progress, f"report {progress.step} is no finite number")
        if value < self.lower:
            return Decision(progress, f"{what} is less than {self.lower}")
        return Decision(progress, f"{what} is greater than {self.upper}" if value > self.upper else "")
