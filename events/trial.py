"""Trial resource, Worker facts and their events."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from .objective import EarlyStoppingRule, MetricsCollectorSpec, Objective
from .observation import MetricRange, Observation
from .reference import TrialEvent
from .resource import API_VERSION, Condition, Manifest, Model, ObjectMeta, Timestamp
from .search_space import ParameterAssignment


class TargetKind(StrEnum):
    """Where Workers run."""

    PROCESS = "process"
    KUBERNETES = "kubernetes"
    BATCH = "batch"
    EXTERNAL = "external"
    SIMULATED = "simulated"


class TrialParameter(Model):
    """A placeholder `${trialParameters.<name>}` of the template and the parameter that fills it."""

    name: str = ""
    description: str = ""
    reference: str = ""


class ConfigMapSource(Model):
    """A template that is text in a ConfigMap."""

    config_map_name: str = ""
    config_map_namespace: str = ""
    template_path: str = ""
    trial_spec: Manifest | None = None
    """What that text says, as whoever submitted the Experiment found it: ours, since a ConfigMap may change or go."""


class TrialTemplate(Model):
    """The Worker's manifest with placeholders."""

    retain: bool = False
    trial_spec: Manifest | None = None
    config_map: ConfigMapSource | None = None
    trial_parameters: tuple[TrialParameter, ...] | None = None
    primary_container_name: str = ""
    primary_pod_labels: dict[str, str] | None = None
    success_condition: str = ""
    failure_condition: str = ""
    pending_timeout_seconds: int | None = None
    """Kuttab's own: a Worker that has not started by then fails as PendingTimedOut. None: it may wait for ever."""

    @property
    def manifest(self) -> Manifest | None:
        """The object with its placeholders, whichever way it came."""
        return self.trial_spec if self.trial_spec or not self.config_map else self.config_map.trial_spec


class TrialSpec(Model):
    """What a Trial runs: a full copy of what it needs of its Experiment."""

    objective: Objective
    parameter_assignments: tuple[ParameterAssignment, ...] = ()
    early_stopping_rules: tuple[EarlyStoppingRule, ...] = ()
    run_spec: Manifest | None = None
    retain_run: bool = False
    metrics_collector: MetricsCollectorSpec = Field(default_factory=MetricsCollectorSpec)
    primary_pod_labels: dict[str, str] | None = None
    primary_container_name: str = ""
    success_condition: str = ""
    failure_condition: str = ""


class FailureClass(StrEnum):
    """What kind of thing went wrong with an attempt."""

    USER_ERROR = "UserError"
    """The program ended with an exit code other than 0, or was killed for what it did."""
    TIMEOUT = "Timeout"
    PREEMPTED = "Preempted"
    WORKER_LOST = "WorkerLost"
    LAUNCH_FAILED = "LaunchFailed"
    METRICS_UNAVAILABLE = "MetricsUnavailable"


class TrialAttempt(Model):
    """An attempt that failed for no fault of its program, and was followed by another."""

    attempt: int
    host: str = ""
    failure_class: FailureClass
    reason: str = ""
    message: str = ""
    started_at: Timestamp | None = None
    ended_at: Timestamp


class TrialStatus(Model):
    """How a Trial stands."""

    start_time: Timestamp | None = None
    completion_time: Timestamp | None = None
    conditions: tuple[Condition, ...] = ()
    observation: Observation | None = None
    feasible: bool | None = None
    """Kuttab's own: whether the constraints on metrics are met; only of results, where there are such constraints."""
    failure_class: FailureClass | None = None
    """Kuttab's own, as is `attempts`."""
    attempts: tuple[TrialAttempt, ...] | None = None


class TrialResource(Model):
    """A Trial as `kubectl get trial -o yaml` shows it."""

    api_version: str = API_VERSION
    kind: str = "Trial"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: TrialSpec
    status: TrialStatus = Field(default_factory=TrialStatus)


class WorkerOutcome(StrEnum):
    """How a Worker ended."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    LOST = "Lost"
    """Nobody knows: its host or its object is gone. Such a Trial is launched again, up to its retry budget."""
    REFUSED = "Refused"
    """It never ran: its target would not launch it."""


class TrialCreated(TrialEvent):
    """An attempt of a Trial waits for its Worker. External Workers consume this event themselves."""

    type: ClassVar[str] = "kuttab.trial.created.v1"

    target: TargetKind
    runner_selector: dict[str, str] = Field(default_factory=dict)
    """Labels that the process runner must bear; part of the routing key."""
    parameter_assignments: tuple[ParameterAssignment, ...] = ()

    @property
    def announcement_key(self) -> tuple[str, ...]:
        """One announcement an attempt."""
        return (self.type, self.subject, str(self.attempt))


class WorkerChanged(TrialEvent):
    """Something about a Worker may have changed: look at it."""

    type: ClassVar[str] = "kuttab.worker.changed.v1"

    target: TargetKind


class TrialStopRequested(TrialEvent):
    """A Trial is to be stopped; the reason stands in its row."""

    type: ClassVar[str] = "kuttab.trial.stop_requested.v1"

    target: TargetKind


class TrialDeleteRequested(TrialEvent):
    """A client wants this Trial gone: it is stopped (Killed) and hidden, its number and its count stay."""

    type: ClassVar[str] = "kuttab.trial.delete_requested.v1"


class TrialFinished(TrialEvent):
    """An attempt's Worker has ended, or could not be launched."""

    type: ClassVar[str] = "kuttab.trial.finished.v1"

    outcome: WorkerOutcome
    exit_code: int | None = None
    reason: str = Field(default="", max_length=256)
    message: str = Field(default="", max_length=4_096)
    ended_at: Timestamp | None = None
    log_source: str = Field(default="", max_length=128)
    """The log or the pusher whose points this attempt's observation is folded from."""
    log_end: int | None = Field(default=None, ge=0)
    """Where the source ends (a log's size, the number of points pushed); None where the Worker never had one."""
    last_range: MetricRange | None = None
    """The last points, so that a short Worker needs no second event."""
