"""Experiment resource (spec, status) and its events."""

from typing import ClassVar

from pydantic import Field

from .envelope import Event
from .objective import EarlyStopping, MetricConstraint, MetricsCollectorSpec, Objective
from .observation import Observation
from .reference import ExperimentEvent
from .resource import API_VERSION, Condition, Manifest, Model, ObjectMeta, Strict, Text, Timestamp
from .search_space import NasConfig, ParameterAssignment, ParameterSpec
from .suggestion import Algorithm
from .trial import TrialTemplate


class SeedTrial(Model):
    """A point of the search space; with an observation its result is known, and it is not run."""

    parameters: dict[str, Text] = Field(default_factory=dict)
    observation: dict[str, float] | None = None


class ExperimentSpec(Model):
    """What the user asked: objective, search space, algorithm, template and budget."""

    objective: Objective | None = None
    algorithm: Algorithm | None = None
    early_stopping: EarlyStopping | None = None
    parameters: tuple[ParameterSpec, ...] = ()
    nas_config: NasConfig | None = None
    trial_template: TrialTemplate | None = None
    metrics_collector_spec: MetricsCollectorSpec | None = None
    parallel_trial_count: int | None = None
    max_trial_count: int | None = None
    max_failed_trial_count: int | None = None
    resume_policy: str = ""
    on_complete: str | None = None
    """Kuttab's own: what becomes of Workers that run when the Experiment ends; `drain` (the default) or `stop`."""
    max_retries: int | None = None
    """Kuttab's own: new attempts of a Trial whose infrastructure failed; None means the deployment's limit."""
    max_duration_seconds: int | None = None
    """Kuttab's own: ends the Experiment so long after its creation, or its last restart."""
    max_trials_without_improvement: int | None = None
    """Kuttab's own: ends the Experiment when so many results in a row were no better."""
    parameter_constraints: tuple[str, ...] | None = None
    """Kuttab's own: comparisons of parameters, such as `x + y <= 10`, that hold at every point that is tried."""
    constraints: tuple[MetricConstraint, ...] | None = None
    """Kuttab's own: a Trial whose metrics break one is never optimal."""
    objectives: tuple[Objective, ...] | None = None
    """Kuttab's own: several objectives; `objective` is the first of them, or left out."""
    seed_trials: tuple[SeedTrial, ...] | None = None
    """Kuttab's own: points to run first, and points whose results are known."""
    warm_start_from: tuple[str, ...] | None = None
    """Kuttab's own: Experiments of the same namespace whose results the search begins from."""
    allow_duplicates: bool | None = None
    """Kuttab's own: whether a point may be suggested again; left out means no."""

    @property
    def has_several_objectives(self) -> bool:
        """Whether there is more than Katib's one."""
        return len(self.objectives or ()) > 1


class OptimalTrial(Model):
    """The best Trial so far."""

    best_trial_name: str = ""
    parameter_assignments: tuple[ParameterAssignment, ...] = ()
    observation: Observation = Field(default_factory=Observation)


class FrontTrial(Model):
    """Kuttab's own: a Trial that no other one beats in every objective."""

    trial_name: str = ""
    parameter_assignments: tuple[ParameterAssignment, ...] = ()
    observation: Observation = Field(default_factory=Observation)


class ExperimentStatus(Model):
    """How an Experiment stands; counters that are zero are left out of the JSON, as Katib does."""

    start_time: Timestamp | None = None
    completion_time: Timestamp | None = None
    conditions: tuple[Condition, ...] = ()
    current_optimal_trial: OptimalTrial = Field(default_factory=OptimalTrial)
    running_trial_list: tuple[str, ...] | None = None
    pending_trial_list: tuple[str, ...] | None = None
    failed_trial_list: tuple[str, ...] | None = None
    succeeded_trial_list: tuple[str, ...] | None = None
    killed_trial_list: tuple[str, ...] | None = None
    early_stopped_trial_list: tuple[str, ...] | None = None
    metrics_unavailable_trial_list: tuple[str, ...] | None = None
    trials: int | None = None
    trials_succeeded: int | None = None
    trials_failed: int | None = None
    trials_killed: int | None = None
    trials_pending: int | None = None
    trials_running: int | None = None
    trials_early_stopped: int | None = None
    trial_metrics_unavailable: int | None = None
    trials_feasible: int | None = None
    """Kuttab's own: the results that meet the constraints on metrics; only where there are such constraints."""
    pareto_front: tuple[FrontTrial, ...] | None = None
    """Kuttab's own: with several objectives, at most a hundred Trials, in the order in which they ended."""


class ExperimentResource(Model):
    """An Experiment as users write it and `kubectl get experiment -o yaml` shows it."""

    api_version: str = API_VERSION
    kind: str = "Experiment"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: ExperimentSpec = Field(default_factory=ExperimentSpec)
    status: ExperimentStatus | None = None


class Budget(Strict):
    """The three fields of a spec that may be edited; an edit carries all three."""

    parallel_trial_count: int = Field(ge=1)
    max_trial_count: int | None = Field(default=None, ge=1)
    max_failed_trial_count: int | None = Field(default=None, ge=0)


class ExperimentCreated(ExperimentEvent):
    """A client wants this Experiment. The reference's uid is the client's and names the Experiment for good."""

    type: ClassVar[str] = "kuttab.experiment.created.v1"

    resource: Manifest
    """The whole Experiment as written: the one document in an event, since nobody else has it yet."""
    target: str | None = None
    """Overrides the target that the template's kind chooses."""


class ExperimentEdited(ExperimentEvent):
    """A client wants this budget."""

    type: ClassVar[str] = "kuttab.experiment.edited.v1"

    budget: Budget
    resource_version: str | None = None


class ExperimentStopRequested(ExperimentEvent):
    """A client wants the Experiment to end now; its Workers are stopped."""

    type: ClassVar[str] = "kuttab.experiment.stop_requested.v1"

    resource_version: str | None = None


class ExperimentDeleteRequested(ExperimentEvent):
    """A client wants the Experiment gone, with everything of it."""

    type: ClassVar[str] = "kuttab.experiment.delete_requested.v1"


class ExperimentFinished(ExperimentEvent):
    """An Experiment has ended for the `completion`-th time (a restart may end again), or was deleted."""

    type: ClassVar[str] = "kuttab.experiment.finished.v1"

    completion: int = Field(ge=0)
    result: str = ""
    """Succeeded, Failed or Deleted."""

    @property
    def announcement_key(self) -> tuple[str, ...]:
        """One announcement a completion."""
        return (self.type, self.subject, str(self.completion), self.result)


class ClockTicked(Event):
    """Time has passed: find what is missing."""

    type: ClassVar[str] = "kuttab.clock.ticked.v1"

    @property
    def subject(self) -> str:
        """There is one clock."""
        return "clock"

    @property
    def partition_key(self) -> str:
        """Ticks touch no Experiment of their own."""
        return "clock"
