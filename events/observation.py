"""Metric, Observation and the event that metric points were reported."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from .reference import TrialEvent
from .resource import Model, Strict, Timestamp

UNAVAILABLE = "unavailable"
TOKEN = "kuttabtoken"  # noqa: S105 - the name of an attribute
"""The CloudEvents attribute by which a Worker shows that it may push for its Trial."""
MAX_POINTS = 1_000
"""Points of one event: at some 120 bytes each, far under the smallest message size of the brokers."""


class Metric(Model):
    """A metric's series folded: the smallest, largest and latest value, as text; 'unavailable' where there is none."""

    name: str
    min: str = UNAVAILABLE
    max: str = UNAVAILABLE
    latest: str = UNAVAILABLE


class Observation(Model):
    """The folded result of a Trial."""

    metrics: tuple[Metric, ...] = ()


class MetricPoint(Strict):
    """One reported value. `position` is the same whenever its source is read again."""

    position: int = Field(ge=0)
    name: str = Field(min_length=1, max_length=255)
    value: str = Field(max_length=4_096)
    time: Timestamp | None = None


class MetricRange(Strict):
    """The points that a source holds in positions [start, end).

    A log is read in ranges that follow each other; a range is applied only where the cursor stands. Points that are
    `pushed` come in any order, numbered from 0 in each source; `isLast` says that the source ends at `end`.
    """

    source: str = Field(default="", max_length=128)
    start: int = Field(default=0, ge=0)
    end: int = Field(default=0, ge=0)
    pushed: bool = False
    is_last: bool = False
    points: tuple[MetricPoint, ...] = Field(default=(), max_length=MAX_POINTS)

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if self.end < self.start:
            message = "end must not be less than start"
            raise ValueError(message)
        if any(not self.start <= point.position < self.end for point in self.points):
            message = "every point's position must lie in [start, end)"
            raise ValueError(message)
        return self


class MetricReported(TrialEvent):
    """Metric points were read from a Worker's log, or pushed by it."""

    type: ClassVar[str] = "kuttab.metric.reported.v1"

    range: MetricRange

    @property
    def announcement_key(self) -> tuple[str, ...]:
        """Several ranges of one Trial are several announcements."""
        return (self.type, self.subject, self.range.source, str(self.range.start), str(self.range.end))
