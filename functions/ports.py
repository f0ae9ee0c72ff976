"""What handlers need of the outside world: keyword parameters named after these, filled by `infra/wiring.py`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from events.envelope import Event
from events.experiment import ExperimentFinished
from events.observation import MetricPoint, MetricRange
from events.reference import ExperimentRef
from events.trial import TargetKind
from functions.experiment.model import Experiment
from functions.observation.early_stopping.interface import Rungs
from functions.suggestion.model import Suggestion
from functions.trial.model import Trial, TrialState
from functions.worker import Target

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FinishedTrial:
    """What the search learns of a finished Trial."""

    seq: int
    vector: bytes
    value: float | None
    number: int = 0
    state: TrialState = TrialState.SUCCEEDED
    labels: Mapping[str, str] = field(default_factory=dict)
    measures: bytes = b""


@dataclass(frozen=True, slots=True)
class PendingTrial:
    """What the search learns of an active Trial."""

    number: int
    vector: bytes
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Host:
    """A machine that runs process Workers: its name, what it can hold and what it is good for."""

    name: str
    slots: int = 1
    busy: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)


class Store(Rungs, Protocol):
    """One unit of work: everything read and written through it is one transaction.

    Rows are locked in the order experiments → suggestions → trials by number → observation_logs, and a decision
    reads what it depends on with `lock=True`. A row that is locked already is not read again.
    """

    async def now(self) -> datetime:
        """Return the store's time: leases, deadlines and heartbeats are compared in nobody else's."""
        ...

    async def experiment(self, ref: ExperimentRef, *, lock: bool = False) -> Experiment | None:
        """Return the Experiment of this uid; without a uid the live one of this name."""
        ...

    async def add_experiment(self, experiment: Experiment, suggestion: Suggestion) -> bool:
        """Insert both; False where the uid or the live name is taken (nothing is inserted then)."""
        ...

    async def has_tombstone(self, uid: str) -> bool:
        """Tell whether an Experiment of this uid was deleted."""
        ...

    async def add_tombstone(self, uid: str) -> None:
        """Remember that this uid must never come to life (again)."""
        ...

    async def suggestion(self, experiment_uid: str, *, lock: bool = False) -> Suggestion | None:
        """Return the Experiment's search; without a lock also None where its row cannot be read."""
        ...

    async def trial(self, experiment_uid: str, number: int, *, lock: bool = False) -> Trial | None:
        """Return the Trial of this number."""
        ...

    async def active_trials(self, experiment_uid: str, *, lock: bool = False) -> Sequence[Trial]:
        """Return the Trials that have not ended, by number; at most `parallelTrialCount` of some time."""
        ...

    async def pending_trials(self, experiment_uid: str) -> Sequence[PendingTrial]:
        """Return what the search learns of the Trials that have not ended, by number."""
        ...

    async def trials_caused_by(
        self, experiment_uid: str, event_id: str, *, before: int | None = None
    ) -> Sequence[Trial]:
        """Return the Trials that a handling of this event created, by number; only those below `before`, if given."""
        ...

    async def add_trials(self, trials: Sequence[Trial]) -> None:
        """Insert new Trials."""
        ...

    async def finished_since(self, experiment_uid: str, seq: int) -> Sequence[FinishedTrial]:
        """Return the finished Trials with a later finish number, in its order."""
        ...

    async def evaluation_seconds(self, experiment_uid: str, count: int) -> Sequence[float]:
        """Return how long the last so many finished Trials took, in seconds; those that never started are left out."""
        ...

    async def add_points(self, trial: Trial, points: MetricRange) -> None:
        """Insert a range's points; those that are there already stay."""
        ...

    async def points(self, trial_uid: str, source: str) -> Sequence[MetricPoint]:
        """Return a source's points by position."""
        ...

    async def unremoved_trials(self, experiment_uid: str, limit: int) -> Sequence[Trial]:
        """Return Trials whose Worker is not confirmed gone; a lost host's are, since nobody can look."""
        ...

    async def reopen_ended(self, experiment_uid: str, *, with_objects: bool) -> None:
        """Let the hosts that keep logs of ended process Workers see these Trials again, so that they delete them.

        With `retain` the objects of the other targets' Workers are still there: those Trials become due.
        """
        ...

    async def delete_page(self, experiment_uid: str, limit: int) -> bool:
        """Delete a page of a deleted Experiment's rows, the Experiment last; tell whether any may be left."""
        ...


class Ledger(Store, Protocol):
    """What reconcile, a host's supervisor and the runtime need besides: everything by index, in bounded pages."""

    async def lock_trials(self, experiment_uid: str, numbers: Sequence[int]) -> None:
        """Lock and load these Trials in the order of their numbers."""
        ...

    async def due_experiments(self, limit: int) -> Sequence[Experiment]:
        """Return and lock Experiments whose `due_at` has come, less rows that others hold or that nobody can read."""
        ...

    async def due_trials(self, limit: int) -> Sequence[Trial]:
        """Return and lock Trials whose `due_at` has come, less rows that others hold or that nobody can read."""
        ...

    async def end_searches(self) -> None:
        """Give back the leases of searches that nobody holds any more: for a runner that knows it is the only one."""
        ...

    async def experiments_of(self, uids: Sequence[str]) -> Mapping[str, Experiment | None]:
        """Return these Experiments, not locked; None for one whose row is there but cannot be read."""
        ...

    async def beat(self, host: Host) -> None:
        """Write the host's heartbeat: it is alive, and not lost if it was."""
        ...

    async def suspect_hosts(self, silence_seconds: float) -> Sequence[str]:
        """Mark hosts that are silent; return those that were marked a silence ago and are silent still: lost ones."""
        ...

    async def lose_host(self, name: str) -> None:
        """Mark a host as lost and make its Trials due."""
        ...

    async def lost_hosts(self) -> frozenset[str]:
        """Return the names of the hosts that are lost."""
        ...

    async def has_free_host(self, selector: Mapping[str, str]) -> bool:
        """Tell whether a living host that satisfies the selector has a free slot."""
        ...

    async def note_launch_queue(self, queue: str) -> None:
        """Remember that launches wait in this queue, the one of a selector: hosts that satisfy it begin to read it.

        It is remembered from the last time that this was said, give or take a day.
        """
        ...

    async def noted_launch_queues(self, queues: Sequence[str]) -> frozenset[str]:
        """Return which of these queues were noted."""
        ...

    async def forget_launch_queues(self, older_than_seconds: float) -> None:
        """Forget queues of which nobody has said for so long that launches wait in them."""
        ...

    async def trials_of_host(self, name: str) -> Sequence[Trial]:
        """Return the Trials whose Workers this host holds, or must remove."""
        ...

    async def delete_tombstones(self, older_than_seconds: float, limit: int) -> None:
        """Forget tombstones that no queue can contradict any more."""
        ...


class Stores(Protocol):
    """Where handlers with several steps get their transactions from."""

    def begin(self) -> AbstractAsyncContextManager[Ledger]:
        """Open a transaction: committed at the end of the block, rolled back when it raises.

        Raises TransientError on a deadlock or a lost connection.
        """
        ...


Targets = Mapping[TargetKind, Target]
"""The targets that this runtime can reach."""


class Offload(Protocol):
    """Runs heavy work where it blocks nobody: off the event loop in the runner, in place in Lambda."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]:
        """Run the work and return its result; it raises what the work raises."""
        ...


class Notifier(Protocol):
    """Tells the world outside that an Experiment has ended."""

    @property
    def sinks(self) -> Sequence[str]:
        """The names of the receivers."""
        ...

    async def notify(self, sink: str, event: ExperimentFinished) -> None:
        """Deliver the event; its id is the receiver's idempotency key. Raises OSError where it cannot."""
        ...


Handler = Callable[..., Awaitable[list[Event]]]
"""`handle(event, *, ports...)`: what a function does with one event."""
