"""What a watcher knows of a Trial, and what it says of the Worker that it looks at."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from events.envelope import Event
from events.observation import MetricReported
from events.reference import TrialEvent
from events.trial import TargetKind, TrialFinished, WorkerChanged, WorkerOutcome
from functions.identity import announce
from functions.limits import Limits
from functions.observation.collectors.text import Parser, get_collector
from functions.observation.reading import Reading, read_ranges
from functions.ports import Stores
from functions.trial.model import Trial, TrialState
from functions.trial.removal import is_kept
from functions.trial.render import render_worker
from functions.worker import Target, Worker, WorkerPhase, WorkerState

_WATCHED = frozenset({TrialState.LAUNCHING, TrialState.RUNNING, TrialState.SETTLING})


@dataclass(frozen=True, slots=True)
class Watched:
    """A Trial's row as the watcher read it."""

    worker: Worker
    parser: Parser | None
    is_stale: bool
    """The Trial has ended, or has a newer attempt: this Worker must go."""
    is_kept: bool
    """It has ended, and its object stays until the Trial is deleted (`retain`)."""
    is_troubled: bool
    """Reconcile has nudged, or the Worker was missing: a successful look is worth a write."""
    is_settling: bool
    log_source: str
    cursor: int
    at: datetime


@dataclass(slots=True)
class Published:
    """How far one Worker's log was read and published, and when."""

    source: str
    end: int
    at: datetime
    finished_at: datetime | None = None


class WatchMemory:
    """What this process has published: a cache that may be lost, bounded in entries."""

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._entries: OrderedDict[tuple[str, int], Published] = OrderedDict()

    def find(self, event: TrialEvent) -> Published | None:
        """Return what was published of this attempt."""
        return self._entries.get((event.trial.uid, event.attempt))

    def note(self, event: TrialEvent, published: Published) -> None:
        """Remember, and forget the oldest where there is too much."""
        self._entries[event.trial.uid, event.attempt] = published
        self._entries.move_to_end((event.trial.uid, event.attempt))
        while len(self._entries) > self._limit:
            self._entries.popitem(last=False)


async def load_watched(event: WorkerChanged, stores: Stores) -> Watched | None:
    """Read what the look needs; None where there is nothing to look at."""
    async with stores.begin() as store:
        experiment = await store.experiment(event.experiment)
        trial = await store.trial(experiment.uid, event.trial.number) if experiment else None
        if experiment is None or trial is None or event.attempt > trial.attempt:
            return None
        is_stale = event.attempt < trial.attempt or _is_over(trial)
        if not is_stale and trial.state not in _WATCHED:
            return None
        return Watched(
            worker=render_worker(experiment, trial, attempt=event.attempt),
            parser=get_collector(experiment.spec.metrics_collector_spec, experiment.objective.metric_names),
            is_stale=is_stale,
            is_kept=is_kept(event, experiment, trial),
            is_troubled=bool(trial.nudges or trial.missing_since),
            is_settling=trial.state == TrialState.SETTLING,
            log_source=trial.log_source,
            cursor=trial.cursor,
            at=await store.now(),
        )


def _is_over(trial: Trial) -> bool:
    return not trial.is_active and trial.removed_at is None


async def note_seen(event: WorkerChanged, state: WorkerState, watched: Watched, stores: Stores, limits: Limits) -> None:
    """Note a successful look where somebody was in doubt; only a Worker that goes on is progress."""
    if not watched.is_troubled:
        return
    async with stores.begin() as store:
        experiment = await store.experiment(event.experiment, lock=True)
        trial = await store.trial(experiment.uid, event.trial.number, lock=True) if experiment else None
        if trial is not None and trial.state == TrialState.RUNNING and trial.attempt == event.attempt:
            trial.missing_since = None
            if not state.is_over:
                trial.look_again(await store.now(), limits.nudge_base_seconds)


async def note_missing(
    event: WorkerChanged, state: WorkerState, watched: Watched, stores: Stores, limits: Limits
) -> list[Event]:
    """Note that the target knows no such Worker; missing twice, a grace apart, it is lost."""
    async with stores.begin() as store:
        experiment = await store.experiment(event.experiment, lock=True)
        trial = await store.trial(experiment.uid, event.trial.number, lock=True) if experiment else None
        at = await store.now()
        if trial is None or trial.attempt != event.attempt or trial.state != TrialState.RUNNING:
            return []
        trial.missing_since = trial.missing_since or at
        if at - trial.missing_since < timedelta(seconds=limits.missing_grace_seconds):
            return []
    words = {"reason": state.reason or "WorkerLost", "message": state.message or "the Worker is gone"}
    return [_finished(event, WorkerOutcome.LOST, watched.at, ended_at=watched.at, **words)]


async def report(
    event: WorkerChanged, state: WorkerState, watched: Watched, target: Target, *, memory: WatchMemory, limits: Limits
) -> list[Event]:
    """Read the log on from where this process has published, or from the stored cursor after a grace."""
    known = memory.find(event)
    grace = timedelta(seconds=limits.reread_grace_seconds)
    is_fresh = known is not None and watched.at - known.at < grace
    if known is not None and is_fresh and known.finished_at:
        return []
    is_ahead = known is not None and known.end > watched.cursor
    start = known.end if known is not None and is_ahead and is_fresh else watched.cursor
    reading = await _read(watched, target, start, is_over=state.is_over)
    is_done = state.is_over and not reading.has_more
    if not reading.ranges and not is_done:
        return []
    memory.note(event, Published(reading.source, reading.end, watched.at, watched.at if is_done else None))
    return _say(event, state, watched, reading)


async def _read(watched: Watched, target: Target, start: int, *, is_over: bool) -> Reading:
    """Read on; from the beginning where the log is another one than that of which the row tells.

    A log that is gone has no source: what was read of it before stands.
    """
    if watched.parser is None:
        return Reading()
    reading = await read_ranges(watched.worker, target, watched.parser, start, is_over=is_over)
    if start and reading.source and watched.log_source not in {"", reading.source}:
        reading = await read_ranges(watched.worker, target, watched.parser, 0, is_over=is_over)
    return reading


def _say(event: WorkerChanged, state: WorkerState, watched: Watched, reading: Reading) -> list[Event]:
    about = {"experiment": event.experiment, "trial": event.trial, "attempt": event.attempt}
    ends = state.is_over and not watched.is_settling and not reading.has_more
    early = reading.ranges[:-1] if ends else reading.ranges
    said: list[Event] = [announce(MetricReported, event, at=watched.at, range=part, **about) for part in early]
    if reading.has_more and event.target != TargetKind.PROCESS:
        said.append(announce(WorkerChanged, event, at=watched.at, target=event.target, **about))
    if ends:
        said.append(_ending(event, state, watched, reading))
    return said


def _ending(event: WorkerChanged, state: WorkerState, watched: Watched, reading: Reading) -> Event:
    outcome = WorkerOutcome.SUCCEEDED if state.phase == WorkerPhase.SUCCEEDED else WorkerOutcome.FAILED
    ending = {"ended_at": _ended_at(state, watched.at), "exit_code": state.exit_code}
    is_well = outcome == WorkerOutcome.SUCCEEDED  # then nothing is worth more words than what was not read
    message = reading.problem or state.message if is_well else state.message or reading.problem
    words = {"reason": state.reason[:256], "message": message[:4096]}
    last = reading.ranges[-1] if reading.ranges else None
    log = {"log_source": reading.source or watched.log_source, "log_end": reading.end, "last_range": last}
    if watched.parser is None:
        log = {}  # the points are pushed: the log is for people, and the observation is not folded from it
    return _finished(event, outcome, watched.at, **ending, **words, **log)


def _ended_at(state: WorkerState, at: datetime) -> datetime:
    """Return when the Worker ended in the store's time: as long ago as the target's own clock says."""
    if state.ended_at is None or state.looked_at is None:
        return state.ended_at or at
    return at - max(state.looked_at - state.ended_at, timedelta(0))


def _finished(event: WorkerChanged, outcome: WorkerOutcome, at: datetime, **data: object) -> Event:
    about = {"experiment": event.experiment, "trial": event.trial, "attempt": event.attempt}
    return announce(TrialFinished, event, at=at, outcome=outcome, **about, **data)
