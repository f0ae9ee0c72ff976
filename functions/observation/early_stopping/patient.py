"""Stop a Trial that no longer improves; or let another stopper judge it only then."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Final, Self

from events.objective import EarlyStoppingRule, ObjectiveType
from functions.experiment.model import Experiment
from functions.observation.early_stopping import STOPPER_NAMES, get_family
from functions.observation.early_stopping.interface import (
    Decision,
    EarlyStopper,
    Request,
    Rungs,
    Series,
    SettingProblem,
)
from functions.observation.early_stopping.settings import validate_settings
from functions.suggestion.algorithms.settings import Rule

MAX_PATIENCE = 1_000
"""So many reports, and one more, are kept in the Trial's row."""

_NAME = "patient"
_WRAPPABLE = tuple(name for name in STOPPER_NAMES if name != _NAME)
_RULES: Final = {
    "patience": Rule(
        int, lambda value: 0 <= value <= MAX_PATIENCE, f"patience must be in the range of [0, {MAX_PATIENCE}]"
    ),
    "min_delta": Rule(float, lambda value: value >= 0 and isfinite(value), "min_delta must not be negative"),
    "wrapped": Rule(lambda text: float(text in _WRAPPABLE), bool, f"wrapped must be one of {', '.join(_WRAPPABLE)}"),
}


def _split(settings: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return its own settings, and those for the one that it wraps."""
    own = {name: text for name, text in settings.items() if name in _RULES}
    return own, {name: text for name, text in settings.items() if name not in _RULES}


@dataclass(frozen=True, slots=True)
class Patient:
    """Optuna's patient pruner: `wrapped` names another, which takes all settings that are not its own."""

    patience: int
    min_delta: float
    wrapped: EarlyStopper | None

    @classmethod
    def validate(cls, settings: Mapping[str, str]) -> Iterator[SettingProblem]:
        """Yield what is wrong with the settings, those of the wrapped one included."""
        own, rest = _split(settings)
        yield from validate_settings(_NAME, own, _RULES)
        if "patience" not in own:
            yield "", "", "patience must be specified"
        if own.get("wrapped") in _WRAPPABLE:
            yield from get_family(own["wrapped"]).validate(rest)
        elif "wrapped" not in own:
            yield from validate_settings(_NAME, rest, {})

    @classmethod
    def build(cls, settings: Mapping[str, str]) -> Self:
        """Return the stopper."""
        own, rest = _split(settings)
        wrapped = get_family(own["wrapped"]).build(rest) if "wrapped" in own else None
        return cls(int(own["patience"]), float(own.get("min_delta", 0)), wrapped)

    @property
    def keep(self) -> int:
        """The reports in which it must improve, and those that the wrapped one wants."""
        return max(self.patience + 1, self.wrapped.keep if self.wrapped else 1)

    @property
    def judges_newest(self) -> bool:
        """As the wrapped one."""
        return self.wrapped is not None and self.wrapped.judges_newest

    async def decide(self, request: Request) -> Decision:
        """Stop, or ask the wrapped one, where the newest reports are worse than those before them."""
        if not self._is_stale(request):
            return Decision(request.progress)
        if self.wrapped is not None:
            return await self.wrapped.decide(request)
        name, step = request.objective.objective_metric_name, request.progress.step
        return Decision(request.progress, f"{name} has not improved in {self.patience + 1} reports, at report {step}")

    def _is_stale(self, request: Request) -> bool:
        progress, direction, window = request.progress, request.objective.type, self.patience + 1
        if progress.step <= window:
            return False
        before = progress.best(direction, but=window)
        after = max if direction != ObjectiveType.MINIMIZE else min
        recent = [value for value in progress.recent[-window:] if value is not None]
        if before is None or not recent:
            return False
        if direction == ObjectiveType.MINIMIZE:
            return before + self.min_delta < after(recent)
        return before - self.min_delta > after(recent)

    async def learn(self, request: Request, series: Series) -> None:
        """Leave what the wrapped one wants."""
        if self.wrapped is not None:
            await self.wrapped.learn(request, series)

    async def rules(self, experiment: Experiment, rungs: Rungs) -> tuple[EarlyStoppingRule, ...]:
        """Return those of the wrapped one."""
        return await self.wrapped.rules(experiment, rungs) if self.wrapped is not None else ()
