"""What the face needs of the outside world."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from events.envelope import Event
from events.observation import MetricPoint
from events.reference import ExperimentRef
from functions.experiment.model import Experiment
from functions.explanation.facts import SeenHost
from functions.suggestion.model import Suggestion
from functions.trial.model import Trial, TrialState


class Reader(Protocol):
    """Looks at the store; nothing is locked."""

    async def experiments(self, namespace: str | None = None) -> Sequence[Experiment]:
        """Return the live Experiments, oldest first; of all namespaces where none is named."""
        ...

    async def experiment(self, namespace: str, name: str) -> Experiment | None:
        """Return the live Experiment of this name."""
        ...

    async def experiment_of_uid(self, uid: str) -> Experiment | None:
        """Return the Experiment of this uid, a deleted one too."""
        ...

    async def suggestion(self, experiment_uid: str) -> Suggestion | None:
        """Return the Experiment's search."""
        ...

    async def trial(self, namespace: str, name: str) -> Trial | None:
        """Return the newest Trial of this name."""
        ...

    async def all_trials(self, experiment_uid: str) -> Sequence[Trial]:
        """Return all of an Experiment's Trials by number."""
        ...

    async def trials_again(self, experiment_uid: str, numbers: Sequence[int], *, after: int) -> Sequence[Trial]:
        """Return the Trials of these numbers and those with a larger one than `after`, by number."""
        ...

    async def trial_names(self, experiment_uid: str) -> Mapping[TrialState, Sequence[str]]:
        """Return the names of the Trials in each state, by number."""
        ...

    async def trials(self, experiment_uid: str, *, states: Sequence[TrialState]) -> Sequence[Trial]:
        """Return a page of the Trials in these states."""
        ...

    async def last_ended(self, experiment_uid: str, limit: int) -> Sequence[Trial]:
        """Return the Trials that ended last, newest first."""
        ...

    async def hosts(self) -> Sequence[SeenHost]:
        """Return every host with its last heartbeat."""
        ...

    async def points(self, trial_uid: str, source: str) -> Sequence[MetricPoint]:
        """Return the metric points of a Trial's source, by position."""
        ...


class Commands(Protocol):
    """Lets things happen."""

    async def apply(self, event: Event) -> None:
        """Handle a client's event now, in a transaction of its own, and publish what it announces.

        So the caller reads what it has written. Raises Reject, and TransientError where the store stays away.
        """
        ...

    async def describe(self, ref: ExperimentRef, labels: Mapping[str, str], annotations: Mapping[str, str]) -> None:
        """Give an Experiment these labels and annotations. Raises TransientError where the store stays away."""
        ...

    async def publish(self, event: Event) -> None:
        """Publish an event and return when the broker has it. Raises TransientError where it is away."""
        ...


class Logs(Protocol):
    """Reads what Workers have printed."""

    async def read(self, experiment: Experiment, trial: Trial, *, attempt: int) -> tuple[bytes | None, str]:
        """Return the end of the attempt's log, or None and why it cannot be had here."""
        ...


class Pace(Protocol):
    """The time, and waiting: a watch looks again and again."""

    @property
    def is_stopping(self) -> bool:
        """Whether this process wants to end, and so every watch."""
        ...

    def now(self) -> datetime:
        """Return the time."""
        ...

    async def pause(self, seconds: float) -> None:
        """Wait."""
        ...
