"""Successive halving: who reaches a rung goes on if it is among the best there (`asha`); several such (`hyperband`)."""

from binascii import crc32
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from events.objective import ObjectiveType
from functions.observation.early_stopping.interface import Decision, Forgetful, Request, Series, SettingProblem
from functions.observation.early_stopping.settings import (
    MAX_STEPS,
    POSITIVE,
    read_number,
    validate_settings,
)
from functions.suggestion.algorithms.settings import Rule

AUTO = "auto"
MAX_RATE = 30
"""Halvings that a bracket leaves out; 2 ** 30 reports are more than a Worker makes."""

_REPORTS = "reports"
_AUTO_SHARE = 100
_AUTO_OR_POSITIVE: Final = Rule(
    lambda text: 1 if text == AUTO else int(text),
    lambda value: 1 <= value <= MAX_STEPS,
    f"{{name}} must be auto or in the range of [1, {MAX_STEPS}]",
)
_FACTOR: Final = Rule(int, lambda value: 2 <= value <= MAX_STEPS, f"{{name}} must be in the range of [2, {MAX_STEPS}]")  # noqa: PLR2004 - halving at least
_ASHA_RULES: Final = {
    "min_resource": _AUTO_OR_POSITIVE,
    "reduction_factor": _FACTOR,
    "min_early_stopping_rate": Rule(
        int, lambda value: 0 <= value <= MAX_RATE, f"{{name}} must be in the range of [0, {MAX_RATE}]"
    ),
}
_HYPERBAND_RULES: Final = {"min_resource": POSITIVE, "max_resource": _AUTO_OR_POSITIVE, "reduction_factor": _FACTOR}


def is_promoted(value: float, others: Sequence[float], factor: int, direction: ObjectiveType | None) -> bool:
    """Tell whether the value is among the best 1/factor of all; among fewer than `factor` only the best is."""
    worth = sorted([value, *others], reverse=direction != ObjectiveType.MINIMIZE)
    last = worth[max(len(worth) // factor, 1) - 1]
    return value <= last if direction == ObjectiveType.MINIMIZE else value >= last


async def climb(request: Request, *, first_step: int, factor: int, bracket: str = "") -> Decision:
    """Take the Trial to the rungs that it has come to, until one stops it; rung r is at first_step × factor ** r."""
    progress = request.progress
    while progress.step >= first_step * factor**progress.rung:
        value = request.value
        if value is None:
            return Decision(progress, f"no number by report {progress.step}, where Trials are compared")
        rung = f"{bracket}{progress.rung}"
        await request.rungs.reach_rungs(request.trial, {rung: value})
        others = await request.others(rung)
        progress = replace(progress, rung=progress.rung + 1)
        if not is_promoted(value, others, factor, request.objective.type):
            name, among = request.objective.objective_metric_name, len(others) + 1
            return Decision(
                progress, f"{name} {value} at report {progress.step} is not among the best 1/{factor} of {among} Trials"
            )
    return Decision(progress)


async def _learn_reports(request: Request) -> None:
    """Leave how many reports the first Trial made that succeeded: `auto` is derived from it, once for all."""
    if request.progress.step and not await request.rungs.rung(request.experiment.uid, _REPORTS):
        await request.rungs.reach_rungs(request.trial, {_REPORTS: float(request.progress.step)})


async def _first_reports(request: Request) -> int | None:
    found = await request.rungs.rung(request.experiment.uid, _REPORTS)
    return int(next(iter(found.values()))) if found else None


@dataclass(frozen=True, slots=True)
class Asha(Forgetful):
    """Asynchronous successive halving, with Optuna's settings and decisions."""

    min_resource: int | None
    """Reports before the first comparison; None (`auto`) is a hundredth of those of the first Trial that succeeded."""
    reduction_factor: int
    min_early_stopping_rate: int
    keep: int = 1
    judges_newest: bool = False

    @classmethod
    def validate(cls, settings: Mapping[str, str]) -> Iterator[SettingProblem]:
        """Yield what is wrong with the settings."""
        yield from validate_settings("asha", settings, _ASHA_RULES)

    @classmethod
    def build(cls, settings: Mapping[str, str]) -> Self:
        """Return the stopper; the defaults are Optuna's."""
        start = settings.get("min_resource", AUTO)
        return cls(
            min_resource=None if start == AUTO else int(start),
            reduction_factor=int(settings.get("reduction_factor", 4)),
            min_early_stopping_rate=int(settings.get("min_early_stopping_rate", 0)),
        )

    async def decide(self, request: Request) -> Decision:
        """Stop a Trial that reaches a rung and is not among the best of those that have."""
        start = self.min_resource
        if start is None:
            reports = await _first_reports(request)
            if reports is None:
                return Decision(request.progress)
            start = max(reports // _AUTO_SHARE, 1)
        first_step = start * self.reduction_factor**self.min_early_stopping_rate
        return await climb(request, first_step=first_step, factor=self.reduction_factor)

    async def learn(self, request: Request, series: Series) -> None:  # noqa: ARG002 - of the interface
        """Leave the number of reports where that is asked for."""
        if self.min_resource is None:
            await _learn_reports(request)


@dataclass(frozen=True, slots=True)
class Hyperband(Forgetful):
    """Several brackets of successive halving, each of which begins to compare later; a Trial belongs to one."""

    min_resource: int
    max_resource: int | None
    """The reports of a whole Trial; None (`auto`) is those of the first Trial that succeeded."""
    reduction_factor: int
    keep: int = 1
    judges_newest: bool = False

    @classmethod
    def validate(cls, settings: Mapping[str, str]) -> Iterator[SettingProblem]:
        """Yield what is wrong with the settings."""
        yield from validate_settings("hyperband", settings, _HYPERBAND_RULES)
        low, high = read_number(settings, "min_resource") or 1, read_number(settings, "max_resource")
        if high is not None and 1 <= high < low:
            yield "max_resource", "value", "max_resource must not be less than min_resource"

    @classmethod
    def build(cls, settings: Mapping[str, str]) -> Self:
        """Return the stopper; the defaults are Optuna's."""
        end = settings.get("max_resource", AUTO)
        return cls(
            min_resource=int(settings.get("min_resource", 1)),
            max_resource=None if end == AUTO else int(end),
            reduction_factor=int(settings.get("reduction_factor", 3)),
        )

    async def decide(self, request: Request) -> Decision:
        """Judge the Trial among those of its bracket."""
        end = self.max_resource or await _first_reports(request)
        if end is None:
            return Decision(request.progress)
        bracket = self.bracket_of(request.experiment.uid, request.trial.number, end)
        first_step = self.min_resource * self.reduction_factor**bracket
        return await climb(request, first_step=first_step, factor=self.reduction_factor, bracket=f"{bracket}/")

    def bracket_of(self, experiment_uid: str, number: int, max_resource: int) -> int:
        """Return the Trial's bracket: by a hash, in the shares that Hyperband gives its brackets (as Optuna does)."""
        count = 1
        while self.min_resource * self.reduction_factor**count <= max_resource:
            count += 1
        budgets = [-(-count * self.reduction_factor ** (count - 1 - s) // (count - s)) for s in range(count)]
        place = crc32(f"{experiment_uid}_{number}".encode()) % sum(budgets)
        return next(s for s in range(count) if place < sum(budgets[: s + 1]))

    async def learn(self, request: Request, series: Series) -> None:  # noqa: ARG002 - of the interface
        """Leave the number of reports where that is asked for."""
        if self.max_resource is None:
            await _learn_reports(request)
