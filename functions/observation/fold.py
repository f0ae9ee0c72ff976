"""Fold a metric's series, point by point, into the smallest, largest and latest value."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
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

    def add(self, point: MetricPoint) -> "FoldedMetric":
        """Return the fold with this point; of equal times the later point in source order is the latest."""
        number = to_number(point.value)
        folded = replace(self, count=self.count + 1)
        if number is not None:
            low, high = to_number(self.min), to_number(self.max)
            folded = replace(
                folded,
                min=point.value if low is None or number < low else self.min,
                max=point.value if high is None or number > high else self.max,
            )
        at = point.time or _NO_TIME
        return replace(folded, latest=point.value, latest_at=at) if at >= self.latest_at else folded


@dataclass(frozen=True, slots=True)
class Fold:
    """All metrics of one source so far."""

    metrics: dict[str, FoldedMetric] = field(default_factory=dict)

    def add(self, points: Iterable[MetricPoint]) -> "Fold":
        """Return the fold with these points, in source order."""
        metrics = dict(self.metrics)
        for point in points:
            metrics[point.name] = metrics.get(point.name, FoldedMetric()).add(point)
        return Fold(metrics)

    def to_observation(self, objective: Objective) -> Observation:
        """Return the observation of the metrics that the objective names, in its order."""
        found = ((name, self.metrics.get(name, FoldedMetric())) for name in dict.fromkeys(objective.metric_names))
        return Observation(metrics=tuple(Metric(name=n, min=m.min, max=m.max, latest=m.latest) for n, m in found))

    def text_of(self, objective: Objective) -> str:
        """Return the objective's value by its strategy; the latest where a series has no number."""
        metric = self.metrics.get(objective.objective_metric_name, FoldedMetric())
        strategy = objective.strategy_of(objective.objective_metric_name)
        by_strategy = {MetricStrategyType.MIN: metric.min, MetricStrategyType.MAX: metric.max}.get(
            strategy, metric.latest
        )
        return metric.latest if by_strategy == UNAVAILABLE else by_strategy

    def value_of(self, objective: Objective) -> float | None:
        """Return the objective's value as a finite number, or None."""
        return to_number(self.text_of(objective))

    def is_available(self, objective: Objective) -> bool:
        """Tell whether the objective has a usable value: a finite number, or a text that is no number (as in NAS)."""
        text = self.text_of(objective)
        return to_number(text) is not None or (text not in {UNAVAILABLE, ""} and not _is_number_text(text))
