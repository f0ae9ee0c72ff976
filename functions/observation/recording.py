"""Points become part of a Trial: stored and folded, exactly once and without a gap."""

from events.observation import MetricRange
from functions.observation.fold import Fold
from functions.ports import Store
from functions.trial.model import Trial


async def record_range(points: MetricRange, trial: Trial, store: Store) -> bool:
    """Store the range if it is due, and tell whether anything changed.

    A log's range is due only where the cursor stands, so that a gap can never be skipped; of one that overlaps, the
    points before the cursor are known. Pushed points come in any order: they are all stored, and counted.
    """
    if points.pushed:
        return await _record_pushed(points, trial, store)
    if not trial.is_active or trial.is_pushed:
        return False
    if points.source != trial.log_source:
        if trial.outcome is not None:
            return False
        trial.begin_source(points.source)
    if not points.start <= trial.cursor < points.end:
        return False
    fresh = points.replace(points=tuple(point for point in points.points if point.position >= trial.cursor))
    await store.add_points(trial, fresh)
    trial.fold = trial.fold.add(fresh.points)
    trial.cursor = points.end
    return True


async def _record_pushed(points: MetricRange, trial: Trial, store: Store) -> bool:
    await store.add_points(trial, points)
    has_log = trial.outcome is not None and trial.outcome.log_end is not None
    if not trial.is_active or (has_log and points.source != trial.log_source):
        return False
    trial.is_pushed = True
    trial.log_source = points.source
    stored = await store.points(trial.uid, points.source)
    trial.fold = Fold().add(stored)
    trial.cursor = len({point.position for point in stored})
    return True
