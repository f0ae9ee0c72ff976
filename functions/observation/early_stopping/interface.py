"""What early stopping is asked, what it answers, and what it must promise."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from events.objective import EarlyStoppingRule, Objective
from functions.observation.early_stopping.progress import Progress

if TYPE_CHECKING:
    from functions.experiment.model import Experiment  # whose Trials have a Progress
    from functions.trial.model import Trial

SettingProblem = tuple[str, str, str]
"""The setting ("" for all of them together), its field (`name` or `value`), and what is wrong."""

Series = Callable[[], Awaitable[Sequence[float | None]]]
"""Reads all reports of an ended Trial's objective, in their order; None is what was no finite number."""

RUNG_TRIALS = 500
"""Trials that one is compared with at a rung, the newest: enough for any quantile, and read in 1 to 3 ms."""
SERIES_STEPS = 1_000
"""Reports of an ended Trial that are kept for others to be compared with, the first ones."""


class Rungs(Protocol):
    """Where the Trials of an Experiment left their values for each other."""

    async def rung(self, experiment_uid: str, name: str) -> Mapping[int, float]:
        """Return the values at a rung by Trial number: at most RUNG_TRIALS, those of the highest numbers."""
        ...

    async def rungs_of(self, experiment_uid: str, number: int) -> Mapping[str, float]:
        """Return the values of one Trial by rung."""
        ...

    async def reach_rungs(self, trial: Trial, values: Mapping[str, float]) -> None:
        """Leave the Trial's values at these rungs; a value that it left there before is replaced."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """A Trial has reported its objective, and wants to know whether to go on."""

    experiment: Experiment
    trial: Trial
    progress: Progress
    rungs: Rungs

    @property
    def objective(self) -> Objective:
        """What is optimised."""
        return self.experiment.objective

    @property
    def value(self) -> float | None:
        """What the objective would be if this report were the last, by its metric strategy."""
        return self.progress.fold(self.objective.strategy_of(self.objective.objective_metric_name))

    async def others(self, rung: str) -> list[float]:
        """Return what the other Trials left at this rung."""
        values = await self.rungs.rung(self.experiment.uid, rung)
        return [value for number, value in values.items() if number != self.trial.number]


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to stop, and what to remember."""

    progress: Progress
    reason: str = ""
    """Why the Trial is to stop, for people; empty where it goes on."""


class EarlyStopper(Protocol):
    """Judges the Trials of one Experiment. It keeps nothing between two calls but `progress` and the rungs."""

    @property
    def keep(self) -> int:
        """How many of the newest reports it wants to see: at least one."""
        ...

    @property
    def judges_newest(self) -> bool:
        """Tell whether only the newest of several reports that came at once is judged, and none of an ended Worker.

        So it is where a judgement leaves nothing for others; it then costs the same however many come together.
        """
        ...

    async def decide(self, request: Request) -> Decision:
        """Judge the newest report of a Trial."""
        ...

    async def learn(self, request: Request, series: Series) -> None:
        """Leave what others are compared with of a Trial that has succeeded."""
        ...

    async def rules(self, experiment: Experiment, rungs: Rungs) -> tuple[EarlyStoppingRule, ...]:
        """Return the rules that Trials which are created now bear until their end."""
        ...


class Forgetful:
    """What a stopper has that wants nothing of ended Trials, and gives new ones no rules."""

    async def learn(self, request: Request, series: Series) -> None:
        """Leave nothing."""

    async def rules(self, experiment: Experiment, rungs: Rungs) -> tuple[EarlyStoppingRule, ...]:  # noqa: ARG002 - of the interface
        """Return none."""
        return ()


class Family(Protocol):
    """Stoppers of one name: checks settings, and builds a stopper from those it has nothing against."""

    def validate(self, settings: Mapping[str, str]) -> Iterator[SettingProblem]:
        """Yield what is wrong with the settings; never raise."""
        ...

    def build(self, settings: Mapping[str, str]) -> EarlyStopper:
        """Return the stopper."""
        ...
