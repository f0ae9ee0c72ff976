"""How far a Trial has come: what early stopping remembers of the reports of its objective."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from events.objective import MetricStrategyType, ObjectiveType


def best_of(direction: ObjectiveType | None, values: Iterable[float | None]) -> float | None:
    """Return the best of the numbers; None where there is none. What was no finite number is None."""
    numbers = [value for value in values if value is not None]
    return (min if direction == ObjectiveType.MINIMIZE else max)(numbers, default=None)


@dataclass(frozen=True, slots=True)
class Progress:
    """The reports of one attempt: a step is the n-th report of the objective, counted from 1.

    A report that is no finite number counts as a step, and is None.
    """

    step: int = 0
    asked: int = 0
    """The step at which a stopper was last asked, 0 before the first time."""
    rung: int = 0
    """The rungs that the Trial has come to."""
    recent: tuple[float | None, ...] = ()
    """The newest reports, as many as the stopper keeps."""
    low: float | None = None
    high: float | None = None
    """The extremes of the older ones."""

    def add(self, value: float | None, *, keep: int) -> Self:
        """Return the progress with one more report."""
        recent = (*self.recent, value)
        old, recent = recent[:-keep], recent[-keep:]
        low = best_of(ObjectiveType.MINIMIZE, (self.low, *old))
        high = best_of(ObjectiveType.MAXIMIZE, (self.high, *old))
        return replace(self, step=self.step + 1, recent=recent, low=low, high=high)

    @property
    def newest(self) -> float | None:
        """The last report."""
        return self.recent[-1] if self.recent else None

    def best(self, direction: ObjectiveType | None, *, but: int = 0) -> float | None:
        """Return the best report, leaving out so many of the newest."""
        old = self.low if direction == ObjectiveType.MINIMIZE else self.high
        return best_of(direction, (old, *self.recent[: len(self.recent) - but]))

    def fold(self, strategy: MetricStrategyType) -> float | None:
        """Return what the objective would be if this report were the last."""
        if strategy == MetricStrategyType.MIN:
            return self.best(ObjectiveType.MINIMIZE)
        return self.best(ObjectiveType.MAXIMIZE) if strategy == MetricStrategyType.MAX else self.newest
