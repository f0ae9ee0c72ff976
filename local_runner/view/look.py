"""Looks at a running Experiment: what has finished since the last one, what runs, how long it may take yet."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from functions.errors import KuttabError
from functions.experiment.model import Experiment
from functions.trial.model import Trial

_REMEMBERED = 50
"""Durations that the expectation is made from: the newest, since a search drifts to costlier places."""
ADMISSION_SECONDS = 30.0
"""How long an Experiment may take to be admitted: milliseconds, unless the disk hangs."""


class NotAdmittedError(KuttabError):
    """The Experiment was not taken: the reason lies in the dead letters of the directory."""


class Reader(Protocol):
    """What a look reads."""

    async def experiment_of_uid(self, uid: str) -> Experiment | None:
        """Return the Experiment, a deleted one too."""
        ...

    async def trials(self, experiment_uid: str, *, after: int = 0, with_hidden: bool = False) -> Sequence[Trial]:
        """Return a page of Trials by number; with those that were deleted by hand, if asked for."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """An Experiment now. `finished` are the Trials that ended since the last look, in the order of their ends."""

    experiment: Experiment
    now: datetime
    active: tuple[Trial, ...] = ()
    finished: tuple[Trial, ...] = ()
    remaining_seconds: float | None = None

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more will happen."""
        it = self.experiment
        return it.deleted_at is not None or (it.is_completed and not it.active_count)


@dataclass(slots=True)
class Follower:
    """Follows one Experiment; each look costs two queries, from the first Trial that has not ended."""

    reader: Reader
    uid: str
    _began_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    _last: Look | None = None
    _ended: set[int] = field(default_factory=set)
    _all_ended_up_to: int = 0
    _durations: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    async def look(self) -> Look | None:
        """Return how it stands; None until it is admitted. Raises NotAdmittedError."""
        experiment = await self.reader.experiment_of_uid(self.uid)
        now = datetime.now(UTC)
        if experiment is None:
            return self._without_row(now)
        trials = await self._read_trials()
        finished = sorted((it for it in trials if self._has_just_ended(it)), key=lambda it: it.seq or 0)
        self._note(finished)
        active = tuple(it for it in trials if it.is_active)
        remaining = self._expect(experiment, active, now)
        self._last = Look(experiment, now, active, tuple(finished), remaining)
        return self._last

    def _without_row(self, now: datetime) -> Look | None:
        """Tell an Experiment that is gone from one that is not there yet."""
        if self._last is not None:
            self._last.experiment.deleted_at = self._last.experiment.deleted_at or now
            return Look(self._last.experiment, now)
        if (now - self._began_at).total_seconds() > ADMISSION_SECONDS:
            raise NotAdmittedError("the Experiment was not admitted: see dead-letters/ in the runner's directory")
        return None

    async def _read_trials(self) -> list[Trial]:
        """Read the Trials from the first on that has not ended; those deleted by hand too, which count and end."""
        found: list[Trial] = []
        after = self._all_ended_up_to
        while page := await self.reader.trials(self.uid, after=after, with_hidden=True):
            found += page
            after = found[-1].number
        return found

    def _has_just_ended(self, trial: Trial) -> bool:
        return not trial.is_active and trial.number not in self._ended

    def _note(self, finished: Sequence[Trial]) -> None:
        for trial in finished:
            self._ended.add(trial.number)
            if trial.started_at and trial.completed_at:
                self._durations.append((trial.completed_at - trial.started_at).total_seconds())
        while self._all_ended_up_to + 1 in self._ended:
            self._all_ended_up_to += 1
            self._ended.discard(self._all_ended_up_to)

    def _expect(self, experiment: Experiment, active: Sequence[Trial], now: datetime) -> float | None:
        """Return the seconds that the open Trials should take: their mean so far, side by side."""
        most = experiment.spec.max_trial_count
        if most is None or not self._durations or experiment.is_completed:
            return None
        mean = sum(self._durations) / len(self._durations)
        done = sum(min(mean, (now - it.started_at).total_seconds()) for it in active if it.started_at)
        open_count = max(0, most - experiment.completed_count)
        return max(0.0, open_count * mean - done) / max(1, min(experiment.parallel_trial_count, open_count))
