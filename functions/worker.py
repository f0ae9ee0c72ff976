"""A Worker as its target sees it: what to run, how it stands, and what it has written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from events.objective import MetricsCollectorSpec
from events.reference import ExperimentRef, TrialRef
from events.resource import Manifest
from functions.errors import KuttabError
from functions.trial.lineage import Lineage


class WorkerPhase(StrEnum):
    """Where a Worker stands."""

    MISSING = "Missing"
    """The target knows no Worker of this Trial and attempt."""
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Worker:
    """One attempt of a Trial, ready to be launched: the identity and the rendered manifest."""

    experiment: ExperimentRef
    trial: TrialRef
    attempt: int
    manifest: Manifest
    primary_container_name: str = ""
    primary_pod_labels: Mapping[str, str] = field(default_factory=dict)
    """What distinguishes the pod whose log and end count, where a Worker is several."""
    success_condition: str = ""
    """A GJSON path that matches once the Worker's object has succeeded; `failure_condition` is looked at first."""
    failure_condition: str = ""
    pending_timeout_seconds: int | None = None
    """How long it may wait to be scheduled and started; None is for ever."""
    collector: MetricsCollectorSpec = field(default_factory=MetricsCollectorSpec)
    metric_names: tuple[str, ...] = ()
    """The objective and the additional metrics: what a collector looks for."""
    labels: Mapping[str, str] = field(default_factory=dict)
    lineage: Lineage | None = None
    """Where the Trial comes from, in a search by generations."""
    reference: str = ""
    """What the target answered to the launch; empty until then. Identity is (trial uid, attempt), not this."""
    claimed_seconds_ago: float | None = None
    """How long ago somebody else was to launch this attempt, and may have; None where nobody was."""


@dataclass(frozen=True, slots=True)
class WorkerState:
    """What the target says of a Worker now."""

    phase: WorkerPhase
    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    looked_at: datetime | None = None
    """When the target was looked at, by the clock that gave `ended_at`: clocks differ, their pauses do not."""

    @property
    def is_over(self) -> bool:
        """Tell whether the Worker has ended by itself or by a stop."""
        return self.phase in {WorkerPhase.SUCCEEDED, WorkerPhase.FAILED}


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a log, without its newline. The position is the same whenever the log is read again."""

    position: int
    text: str


@dataclass(frozen=True, slots=True)
class LogChunk:
    """The whole lines of a log in positions [start, end), and whether more can be read at once."""

    source: str
    start: int
    end: int
    lines: tuple[LogLine, ...] = ()
    has_more: bool = False
    problem: str = ""
    """Why there is no log where there should be one."""


class LaunchRefusedError(KuttabError):
    """The target will never run this Worker: the Trial fails with this reason and message."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Target(Protocol):
    """Where Workers run. Every method is idempotent, and safe to call for a Worker that does not exist."""

    async def launch(self, worker: Worker) -> str:
        """Start the Worker unless it exists, and return its reference.

        A Worker of the same trial uid and attempt is success, whether it runs or has ended.
        Raises LaunchRefusedError where it can never run.
        """
        ...

    async def look(self, worker: Worker) -> WorkerState:
        """Return how the Worker stands."""
        ...

    async def read_log(self, worker: Worker, start: int, *, is_over: bool) -> LogChunk:
        """Return whole lines from this position on, at most some hundred kilobytes of them.

        Of what the collector reads: the Worker's log or file, or what its Custom collector has printed; of event files
        and endpoints lines of JSON, each with `timestamp` and values by metric. An unfinished last line is returned
        only where the Worker is over.
        """
        ...

    async def stop(self, worker: Worker) -> None:
        """Ask the Worker to end, and make it end after its grace; does not wait for that."""
        ...

    async def remove(self, worker: Worker) -> None:
        """Kill what may still run of the Worker and free what it holds."""
        ...


class LocalTarget(Target, Protocol):
    """A target whose Workers only this host can see."""

    async def purge(self, trial_uid: str) -> None:
        """Kill what may run of the Trial and delete all that is kept of it, logs included."""
        ...

    async def list_workers(self) -> tuple[tuple[str, int], ...]:
        """Return (trial uid, attempt) of each Worker that is alive on this host."""
        ...

    async def list_kept(self) -> Mapping[str, frozenset[str]]:
        """Return Experiment uid → uids of its Trials of which anything is kept on this host, such as logs."""
        ...
