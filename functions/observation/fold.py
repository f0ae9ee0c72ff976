"""Fold a metric's series, point by point, into the smallest, largest and latest value."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from events.objective import MetricStrategyType, Objective
from events.observation import UNAVAILABLE, Metric, MetricPoint, Observation

_NO_TIME = datetime(1, 1, 1, tzinfo=UTC)
"""A point without a time counts as the oldest, as in Katib."""


def to_number(text: str) -> float | None:
    """Return the finite number that the text is, or None: NaN and infinity are no results."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _is_number_text(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class FoldedMetric:
    """One metric so far, as the texts that were reported."""

    min: str = UNAVAILABLE
    max: str = UNAVAILABLE
    latest: str = UNAVAILABLE
    latest_at: datetime = _NO_TIME
    count: int = 0

    def add(self, points: Sequence[MetricPoint]) -> "FoldedMetric":
        """Return the fold with these points; of equal times the later point in source order is the latest."""
        low_text, high_text, latest, latest_at = self.min, self.max, self.latest, self.latest_at
        low, high = to_number(low_text), to_number(high_text)
        for point in points:
            number = to_number(point.value)
            if number is not None and (low is None or number < low):
                low, low_text = number, point.value
            if number is not None and (high is None or number > high):
                high, high_text = number, point.value
            at = point.time or _NO_TIME
            if at >= latest_at:
                latest, latest_at = point.value, at
        return FoldedMetric(low_text, high_text, latest, latest_at, self.count + len(points))


@dataclass(frozen=True, slots=True)
class Fold:
    """All metrics of one source so far."""

    metrics: dict[str, FoldedMetric] = field(default_factory=dict)

    def add(self, points: Iterable[MetricPoint]) -> "Fold":
        """Return the fold with these points, in source order."""
        series: dict[str, list[MetricPoint]] = {}
        for point in points:
            series.setdefault(point.name, []).append(point)
        return Fold(
            self.metrics | {name: self.metrics.get(name, FoldedMetric()).add(it) for name, it in series.items()}
        )

    def to_observation(self, objective: Objective) -> Observation:
        """Return the observation of the metrics that the objective names, in its order."""
        found = ((name, self.metrics.get(name, FoldedMetric())) for name in dict.fromkeys(objective.metric_names))
        return Observation(metrics=tuple(Metric(name=n, min=m.min, max=m.max, latest=m.latest) for n, m in found))

    def text_of(self, objective: Objective, name: str = "") -> str:
        """Return a metric's value, the objective's unless another is named, by its strategy.

        It is the latest where a series has no number.
        """
        name = name or objective.objective_metric_name
        metric = self.metrics.get(name, FoldedMetric())
        strategy = objective.strategy_of(name)
        by_strategy = {MetricStrategyType.MIN: metric.min, MetricStrategyType.MAX: metric.max}.get(
            strategy, metric.latest
        )
        return metric.latest if by_strategy == UNAVAILABLE else by_strategy

    def value_of(self, objective: Objective, name: str = "") -> float | None:
        """Return a metric's value, the objective's unless another is named, as a finite number, or None."""
        return to_number(self.text_of(objective, name))

    def is_available(self, objective: Objective) -> bool:
        """Tell whether the objective has a usable value: a finite number, or a text that is no number (as in NAS)."""
        text = self.text_of(objective)
        return to_number(text) is not None or (text not in {UNAVAILABLE, ""} and not _is_number_text(text))
