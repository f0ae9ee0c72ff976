"""An Experiment: its budget, counters, conditions and optimal Trial; `settle()` is the one place that ends it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from events.experiment import Budget, ExperimentSpec, FrontTrial, OptimalTrial
from events.objective import Objective
from events.reference import ExperimentEvent, ExperimentRef
from events.resource import Condition, ConditionStatus, set_condition
from functions.experiment.counting import COUNTER_OF
from functions.experiment.end_rules import find_end
from functions.experiment.measuring import Measures
from functions.experiment.optimum import consider
from functions.experiment.reasons import MESSAGES, SUCCESSES, EndReason, Phase
from functions.experiment.sources import WarmSource
from functions.trial.model import RESULTS, Trial, TrialState

_RESTARTABLE_POLICIES = frozenset({"LongRunning", "FromVolume"})


@dataclass(eq=False, kw_only=True)
class Experiment:
    """One optimisation run."""

    uid: str
    namespace: str
    name: str
    live_name: str | None
    spec: ExperimentSpec
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    generate_name: str = ""
    target: str | None = None
    phase: Phase = Phase.CREATED
    conditions: tuple[Condition, ...] = ()
    created_at: datetime
    completed_at: datetime | None = None
    deleted_at: datetime | None = None
    restarted_at: datetime | None = None
    seq: int = 0
    created_count: int = 0
    pending: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    killed: int = 0
    early_stopped: int = 0
    metrics_unavailable: int = 0
    is_search_ended: bool = False
    searching_until: datetime | None = None
    """The lease of the search that is under way: its holder counts the free slots last, nobody else need ask."""
    optimal: OptimalTrial | None = None
    optimal_value: float | None = None
    front: tuple[FrontTrial, ...] = ()
    """With several objectives: the Trials that no other one beats in all of them, bounded."""
    warm_sources: tuple[WarmSource, ...] = ()
    feasible_count: int = 0
    """Results that meet the constraints on metrics."""
    stale_count: int = 0
    """Results in a row that were no better than the optimum."""
    completion: int = 0
    notified_completion: int = 0
    notified: dict[str, int] = field(default_factory=dict)
    edit_id: str = ""
    edited_version: int = 1
    """The version that the last word of a client about budget or metadata has made."""
    error: str = ""
    version: int = 1
    due_at: datetime | None = None
    nudges: int = 0

    @classmethod
    def new(cls, ref: ExperimentRef, spec: ExperimentSpec, *, created_at: datetime) -> Self:
        """Return an Experiment that has just been created."""
        experiment = cls(
            uid=ref.uid,
            namespace=ref.namespace,
            name=ref.name,
            live_name=f"{ref.namespace}/{ref.name}",
            spec=spec,
            created_at=created_at,
        )
        experiment._note("Created", "ExperimentCreated", "Experiment is created", created_at)
        return experiment

    @property
    def ref(self) -> ExperimentRef:
        """The identity that events carry."""
        return ExperimentRef(namespace=self.namespace, name=self.name, uid=self.uid)

    @property
    def objective(self) -> Objective:
        """The objective; an admitted Experiment has one."""
        return self.spec.objective or Objective()

    @property
    def is_completed(self) -> bool:
        """Tell whether the Experiment has ended, well or badly."""
        return self.phase in {Phase.SUCCEEDED, Phase.FAILED}

    @property
    def active_count(self) -> int:
        """Trials that take a slot."""
        return self.pending + self.running

    @property
    def completed_count(self) -> int:
        """Trials that have ended in any way."""
        return self.created_count - self.active_count

    @property
    def parallel_trial_count(self) -> int:
        """How many Trials may be active."""
        return self.spec.parallel_trial_count or 1

    @property
    def free_slots(self) -> int:
        """How many Trials may be created now: the budget as it is in the locked row."""
        if self.is_completed or self.deleted_at or self.is_search_ended:
            return 0
        free = self.parallel_trial_count - self.active_count
        if self.spec.max_trial_count is not None:
            free = min(free, self.spec.max_trial_count - self.created_count)
        return max(0, free)

    @property
    def is_restartable(self) -> bool:
        """Tell whether a larger budget may start the Experiment again (Katib's rule)."""
        reached = any(c.type == "Succeeded" and c.reason == EndReason.MAX_TRIALS for c in self.conditions)
        return self.phase == Phase.SUCCEEDED and reached and self.spec.resume_policy in _RESTARTABLE_POLICIES

    @property
    def is_stopped(self) -> bool:
        """Tell whether a client's stop ended the Experiment."""
        return self.phase == Phase.FAILED and any(c.reason == EndReason.STOPPED for c in self.conditions)

    def is_addressed_by(self, event: ExperimentEvent) -> bool:
        """Tell whether a client means this Experiment: a name without a uid means none that came after it."""
        return bool(event.experiment.uid) or self.created_at <= event.time

    def delete(self, *, at: datetime) -> None:
        """Hide for good; the name is free again."""
        self.deleted_at = at
        self.live_name = None

    def is_searching(self, at: datetime) -> bool:
        """Tell whether a search is under way that will count the free slots when it is done."""
        return self.searching_until is not None and self.searching_until > at

    @property
    def deadline(self) -> datetime | None:
        """When `maxDurationSeconds` is over; None without it, and after the end."""
        if self.spec.max_duration_seconds is None or self.is_completed or self.deleted_at:
            return None
        return (self.restarted_at or self.created_at) + timedelta(seconds=self.spec.max_duration_seconds)

    def wake_at(self, at: datetime | None) -> None:
        """Tell reconcile when to look: then, and at the deadline in any case."""
        self.due_at = min((it for it in (at, self.deadline) if it is not None), default=None)

    def look_again(self, at: datetime, after_seconds: float) -> None:
        """Note progress: reconcile need not look before then."""
        self.wake_at(at + timedelta(seconds=after_seconds))
        self.nudges = 0

    def count_created(self, trials: int) -> None:
        """Count Trials that this transaction creates; they are Pending."""
        self.created_count += trials
        self.pending += trials

    def count_move(self, before: TrialState, after: TrialState) -> None:
        """Count a Trial's transition."""
        old, new = COUNTER_OF[before], COUNTER_OF[after]
        if old != new:
            setattr(self, old, getattr(self, old) - 1)
            setattr(self, new, getattr(self, new) + 1)

    def finish_trial(
        self, trial: Trial, state: TrialState, *, at: datetime, reason: str = "", message: str = ""
    ) -> None:
        """End a Trial, count it, remember it if it is the best so far, and end the Experiment if it was the last."""
        before = trial.state
        self.seq += 1
        if state in RESULTS:
            trial.value = trial.fold.value_of(self.objective)
            trial.measures = Measures.of(self.spec, trial.fold).pack()
        trial.finish(state, at=at, seq=self.seq, reason=reason, message=message)
        self.count_move(before, state)
        consider(self, trial)
        self.settle(at=at)

    def settle(self, *, at: datetime) -> None:
        """End the Experiment if its goal, its budget or its search has been reached; else note that it runs."""
        if self.is_completed or self.deleted_at:
            return
        reason = find_end(self, at=at)
        if reason is not None:
            self.end(reason, at=at)
        elif self.created_count and self.phase == Phase.CREATED:
            self.phase = Phase.RUNNING
            self._note("Running", "ExperimentRunning", "Experiment is running", at)

    def end(self, reason: EndReason, *, at: datetime, message: str = "") -> None:
        """End for this reason: Succeeded where a budget, the goal or the search is reached, else Failed."""
        succeeded = reason in SUCCESSES
        for it in [c for c in self.conditions if c.type in {"Restarting", "Running"}]:
            self._note(it.type, it.reason, it.message, at, status=ConditionStatus.FALSE)
        self.phase = Phase.SUCCEEDED if succeeded else Phase.FAILED
        self._note(self.phase, reason, message or MESSAGES.get(reason, reason), at)
        self.completed_at = at
        self.completion += 1
        self.look_again(at, 0)

    def edit(self, budget: Budget, *, edit_id: str, at: datetime) -> None:
        """Take the budget; a larger one restarts an Experiment that ended by its old one."""
        has_room = budget.max_trial_count is None or budget.max_trial_count > self.created_count
        if self.is_restartable and has_room:
            self._restart(at)
        self.edit_id, self.edited_version = edit_id, self.version + 1
        self.spec = self.spec.replace(**dict(budget))
        self.settle(at=at)

    def _restart(self, at: datetime) -> None:
        self.conditions = tuple(c for c in self.conditions if c.type not in {"Succeeded", "Failed"})
        self._note("Restarting", "ExperimentRestarting", "Experiment is restarted", at)
        self.conditions = tuple(c for c in self.conditions if c.type != "Running")
        self.phase = Phase.CREATED
        self.completed_at = None
        self.restarted_at = at
        self.stale_count = 0
        self.look_again(at, 0)

    def _note(
        self, kind: str, reason: str, message: str, at: datetime, *, status: ConditionStatus = ConditionStatus.TRUE
    ) -> None:
        new = Condition(
            type=kind, status=status, reason=reason, message=message, last_update_time=at, last_transition_time=at
        )
        self.conditions = set_condition(self.conditions, new)
