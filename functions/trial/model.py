"""A Trial: one evaluation of one set of assignments, its attempts, and the transitions that it allows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from events.objective import EarlyStoppingRule
from events.observation import MetricPoint
from events.reference import ExperimentRef, TrialRef
from events.search_space import ParameterAssignment
from events.trial import FailureClass, TargetKind, TrialAttempt, TrialFinished, WorkerOutcome
from functions.identity import derive_trial_name, derive_trial_uid
from functions.observation.early_stopping.progress import Progress
from functions.observation.fold import Fold
from functions.observation.pusher import Pusher


class TrialState(StrEnum):
    """Where a Trial stands; the last five are Katib's terminal conditions."""

    PENDING = "Pending"
    LAUNCHING = "Launching"
    RUNNING = "Running"
    SETTLING = "Settling"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    KILLED = "Killed"
    EARLY_STOPPED = "EarlyStopped"
    METRICS_UNAVAILABLE = "MetricsUnavailable"


ACTIVE = frozenset({TrialState.PENDING, TrialState.LAUNCHING, TrialState.RUNNING, TrialState.SETTLING})
RESULTS = frozenset({TrialState.SUCCEEDED, TrialState.EARLY_STOPPED})
"""The states whose objective value counts."""


class StopReason(StrEnum):
    """Why a Trial is to be stopped; it decides the condition that it ends in."""

    EARLY_STOPPED = "EarlyStopped"
    KILLED = "Killed"


@dataclass(eq=False, kw_only=True)
class Trial:
    """One Trial. Its transitions guard themselves; counters are its Experiment's business."""

    experiment_uid: str
    number: int
    uid: str
    namespace: str
    name: str
    target: TargetKind
    runner_selector: dict[str, str] = field(default_factory=dict)
    assignments: tuple[ParameterAssignment, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    rules: tuple[EarlyStoppingRule, ...] = ()
    vector: bytes = b""
    caused_by: str = ""
    state: TrialState = TrialState.PENDING
    reason: str = ""
    message: str = ""
    failure: FailureClass | None = None
    attempt: int = 1
    attempts: tuple[TrialAttempt, ...] = ()
    """What became of the attempts before this one."""
    leftover: tuple[int, ...] = ()
    """Attempts before this one whose objects a cluster may still hold."""
    retry_at: datetime | None = None
    host: str = ""
    claimed_by: str = ""
    reference: str = ""
    lease_until: datetime | None = None
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    outcome: TrialFinished | None = None
    settle_until: datetime | None = None
    log_source: str = ""
    cursor: int = 0
    pushers: dict[str, Pusher] = field(default_factory=dict)
    """What is here of each source that pushes; replaced, never changed in place."""
    fold: Fold = field(default_factory=Fold)
    value: float | None = None
    measures: bytes = b""
    """The other objectives and what constraints on metrics say, packed; nothing without either."""
    progress: Progress = field(default_factory=Progress)
    """What early stopping remembers of this attempt's reports."""
    seq: int | None = None
    stop_reason: StopReason | None = None
    stop_sent_at: datetime | None = None
    missing_since: datetime | None = None
    is_hidden: bool = False
    removed_at: datetime | None = None
    due_at: datetime | None = None
    nudges: int = 0

    @classmethod
    def new(cls, experiment: ExperimentRef, number: int, *, target: TargetKind, created_at: datetime) -> Self:
        """Return a Trial that waits for its launch; uid and name follow from the Experiment's uid and the number."""
        return cls(
            experiment_uid=experiment.uid,
            number=number,
            uid=derive_trial_uid(experiment, number),
            namespace=experiment.namespace,
            name=derive_trial_name(experiment, number),
            target=target,
            created_at=created_at,
        )

    @property
    def ref(self) -> TrialRef:
        """The identity that events carry."""
        return TrialRef(name=self.name, uid=self.uid, number=self.number)

    @property
    def is_active(self) -> bool:
        """Tell whether the Trial takes a slot."""
        return self.state in ACTIVE

    @property
    def is_stopping(self) -> bool:
        """Tell whether a stop was asked for and the Trial has not ended yet."""
        return self.stop_reason is not None and self.is_active

    def look_again(self, at: datetime, after_seconds: float) -> None:
        """Note progress: reconcile need not look before then."""
        self.due_at = at + timedelta(seconds=after_seconds)
        self.nudges = 0

    def claim(self, host: str, *, by: str, until: datetime) -> None:
        """Pending → Launching: from here only the holder (this event, redelivered or not) calls the target."""
        self.state = TrialState.LAUNCHING
        self.host = host
        self.claimed_by = by
        self.lease_until = until

    def start(self, reference: str, *, at: datetime) -> None:
        """Go from Launching to Running: the target has the Worker."""
        self.state = TrialState.RUNNING
        self.reference = reference
        self.started_at = self.started_at or at
        self.lease_until = None

    def relaunch(self, failed: TrialAttempt, *, retry_at: datetime) -> None:
        """Begin the next attempt, not before that time: what the failed Worker reported no longer counts."""
        self.attempts = (*self.attempts, failed)
        if self.target not in {TargetKind.PROCESS, TargetKind.EXTERNAL}:
            self.leftover = (*self.leftover, failed.attempt)
        self.retry_at = self.due_at = retry_at
        self.nudges = 0
        self.started_at = None
        self.attempt += 1
        self.state = TrialState.PENDING
        self.host = self.claimed_by = self.reference = self.log_source = ""
        self.lease_until = self.missing_since = self.stop_sent_at = None
        self.cursor = 0
        self.pushers = {}
        self.fold_anew()

    def is_waiting_to_retry(self, at: datetime) -> bool:
        """Tell whether the next attempt is put off."""
        return self.retry_at is not None and self.retry_at > at

    @property
    def first_started_at(self) -> datetime | None:
        """When the first attempt's Worker was launched."""
        return next((it.started_at for it in self.attempts if it.started_at), self.started_at)

    def ask_stop(self, reason: StopReason, message: str = "") -> None:
        """Note why the Trial is to end; the first reason stands, with what is to be said of it."""
        if self.is_active and self.stop_reason is None:
            self.stop_reason = reason
            self.message = message

    def settle_for(self, outcome: TrialFinished, *, until: datetime) -> None:
        """Go to Settling: the Worker is over, its metrics may still be on their way."""
        self.state = TrialState.SETTLING
        self.outcome = outcome
        self.settle_until = self.due_at = until
        self.nudges = 0
        self.lease_until = None
        if outcome.log_source != self.log_source and outcome.log_end is not None:
            self.begin_source(outcome.log_source)

    def extend_settling(self, *, until: datetime) -> None:
        """Note that metrics still come in: a backlog is waited for as long as it moves."""
        if self.settle_until is not None:
            self.settle_until = max(self.settle_until, until)

    def begin_source(self, source: str) -> None:
        """Read a newer source from its beginning: the observation is folded from it alone."""
        self.log_source = source
        self.cursor = self.pushers[source].whole if source in self.pushers else 0
        self.fold_anew()

    def fold_anew(self, points: Sequence[MetricPoint] = ()) -> None:
        """Forget what was folded, and fold these points."""
        self.fold = Fold().add(points)
        self.progress = Progress()

    @property
    def has_whole_log(self) -> bool:
        """Tell whether all that the ended Worker wrote has been recorded."""
        return self.outcome is None or self.outcome.log_end is None or self.cursor >= self.outcome.log_end

    def let_go(self, *, at: datetime) -> None:
        """Have the ended Worker looked for again, so that what was kept of it goes: its log, or a retained object."""
        if self.host and self.target != TargetKind.EXTERNAL:
            self.removed_at = None
            self.due_at = None if self.target == TargetKind.PROCESS else at

    def note_removed(self, attempt: int, *, at: datetime) -> None:
        """Note that nothing is left of an attempt's Worker; once nothing is of any, nobody looks again."""
        self.leftover = tuple(it for it in self.leftover if it != attempt)
        if attempt == self.attempt and not self.is_active and not self.leftover:
            self.removed_at = self.removed_at or at
            self.due_at = None

    def end_state(self, outcome: TrialFinished, *, is_available: bool) -> TrialState:
        """Decide the terminal condition; a Worker that succeeded before the stop was sent has succeeded."""
        was_first = self.stop_sent_at is None or (outcome.ended_at is not None and outcome.ended_at < self.stop_sent_at)
        succeeded = outcome.outcome == WorkerOutcome.SUCCEEDED
        if self.stop_reason is not None and not (succeeded and was_first):
            is_blind = self.stop_reason == StopReason.EARLY_STOPPED and not is_available
            return TrialState.METRICS_UNAVAILABLE if is_blind else TrialState(self.stop_reason.value)
        if not succeeded:
            return TrialState.FAILED
        return TrialState.SUCCEEDED if is_available else TrialState.METRICS_UNAVAILABLE

    def finish(self, state: TrialState, *, at: datetime, seq: int, reason: str = "", message: str = "") -> None:
        """End for good; a terminal Trial never changes again."""
        self.state = state
        self.reason = reason or f"Trial{state}"
        self.message = message
        self.completed_at = at
        self.seq = seq
        self.lease_until = self.settle_until = self.retry_at = None
        has_worker = (self.host or self.leftover) and self.target != TargetKind.EXTERNAL
        self.removed_at = None if has_worker else at
        self.due_at = at if has_worker else None
        self.nudges = 0
