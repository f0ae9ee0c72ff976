"""Points become part of a Trial: stored and folded, exactly once and without a gap."""

from collections.abc import Sequence
from datetime import UTC, datetime

from events.observation import MetricPoint, MetricRange
from functions.errors import Reject
from functions.observation.pusher import Pusher
from functions.ports import Store
from functions.trial.model import Trial

MAX_PUSHERS = 1_024
"""Sources that may push for one attempt: more ranks than a Trial has processes."""
MAX_GAPS = 1_000
"""Ranges of one source that may wait for those before them: a broker keeps the order but for redeliveries."""
_NO_TIME = datetime(1, 1, 1, tzinfo=UTC)


async def record_range(points: MetricRange, trial: Trial, store: Store) -> Sequence[MetricPoint] | None:
    """Store the range if it is due, and return the points that were folded for it; None where nothing has changed.

    A log's range is due only where the cursor stands, so that a gap can never be skipped; of one that overlaps, the
    points before the cursor are known. Pushed points come in any order: they are all stored, and counted.
    """
    if points.pushed:
        return await _record_pushed(points, trial, store)
    if not trial.is_active or trial.pushers:
        return None
    if points.source != trial.log_source:
        if trial.outcome is not None:
            return None
        trial.begin_source(points.source)
    if not points.start <= trial.cursor < points.end:
        return None
    fresh = points.replace(points=tuple(point for point in points.points if point.position >= trial.cursor))
    await store.add_points(trial, fresh)
    trial.fold = trial.fold.add(fresh.points)
    trial.cursor = points.end
    return fresh.points


async def _record_pushed(points: MetricRange, trial: Trial, store: Store) -> Sequence[MetricPoint] | None:
    """Store what was pushed; fold it at once where it is the next of its source, else all of the points anew."""
    await store.add_points(trial, points)
    is_said = trial.outcome is not None and trial.outcome.log_end is not None
    if not trial.is_active or (is_said and points.source != trial.log_source):
        return None
    known = trial.pushers.get(points.source, Pusher())
    if known.has(points.start, points.end) and not points.is_last:
        return None
    is_next = known.whole == points.start and not known.ahead
    trial.pushers = trial.pushers | {points.source: _grow(known, points, trial)}
    trial.log_source = points.source
    trial.cursor = trial.pushers[points.source].whole
    if is_next:
        trial.fold = trial.fold.add(points.points)
        return points.points
    found = await load_points(trial, store)
    trial.fold_anew(found)
    return found


def _grow(known: Pusher, points: MetricRange, trial: Trial) -> Pusher:
    """Return the pusher with this range. Raises Reject where there are too many sources or gaps."""
    if len(trial.pushers) >= MAX_PUSHERS and points.source not in trial.pushers:
        raise Reject(f"range.source: {trial.name} has more than {MAX_PUSHERS} sources that push")
    grown = known.add(points.start, points.end, is_last=points.is_last)
    if len(grown.ahead) > MAX_GAPS:
        raise Reject(f"range.start: more than {MAX_GAPS} ranges of {points.source} wait for those before them")
    return grown


async def load_points(trial: Trial, store: Store) -> Sequence[MetricPoint]:
    """Return the points that the observation is folded from: of a log as it was written, of several pushers by time."""
    is_said = trial.outcome is not None and trial.outcome.log_end is not None
    if not trial.pushers or is_said:
        return await store.points(trial.uid, trial.log_source)
    found = [point for source in sorted(trial.pushers) for point in await store.points(trial.uid, source)]
    return found if len(trial.pushers) == 1 else sorted(found, key=lambda point: point.time or _NO_TIME)
