"""One example of every event with all of its fields, as a publisher would build it."""

from datetime import UTC, datetime

from events.envelope import Event
from events.experiment import (
    Budget,
    ClockTicked,
    ExperimentCreated,
    ExperimentDeleteRequested,
    ExperimentEdited,
    ExperimentFinished,
    ExperimentStopRequested,
)
from events.observation import MetricPoint, MetricRange, MetricReported
from events.reference import ExperimentRef, TrialRef
from events.search_space import ParameterAssignment
from events.suggestion import SuggestionRequested
from events.trial import (
    TargetKind,
    TrialCreated,
    TrialDeleteRequested,
    TrialFinished,
    TrialStopRequested,
    WorkerChanged,
    WorkerOutcome,
)

AT = datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)
EXPERIMENT = ExperimentRef(namespace="team-a", name="digits", uid="0192f0c0-0000-7000-8000-000000000001")
TRIAL = TrialRef(name="digits-b2c4d6f8", uid="0192f0c0-0000-8000-8000-000000000002", number=3)
POINTS = MetricRange(
    source="attempt-1",
    start=0,
    end=64,
    points=(
        MetricPoint(position=12, name="accuracy", value="0.91", time=AT),
        MetricPoint(position=40, name="é", value=""),
    ),
)

EXAMPLES: tuple[Event, ...] = (
    ExperimentCreated(
        experiment=EXPERIMENT, resource={"kind": "Experiment", "spec": {"x": [1, None]}}, target="process"
    ),
    SuggestionRequested(experiment=EXPERIMENT),
    TrialCreated(
        experiment=EXPERIMENT,
        trial=TRIAL,
        attempt=2,
        target=TargetKind.PROCESS,
        runner_selector={"gpu": "a100"},
        parameter_assignments=(ParameterAssignment(name="lr", value="0.01"),),
    ),
    WorkerChanged(experiment=EXPERIMENT, trial=TRIAL, target=TargetKind.BATCH),
    MetricReported(experiment=EXPERIMENT, trial=TRIAL, range=POINTS),
    TrialStopRequested(experiment=EXPERIMENT, trial=TRIAL, target=TargetKind.KUBERNETES),
    TrialFinished(
        experiment=EXPERIMENT,
        trial=TRIAL,
        outcome=WorkerOutcome.FAILED,
        exit_code=137,
        reason="OOMKilled",
        message="out of memory",
        ended_at=AT,
        log_source="attempt-1",
        log_end=64,
        last_range=POINTS,
    ),
    TrialDeleteRequested(experiment=EXPERIMENT, trial=TRIAL),
    ExperimentEdited(
        experiment=EXPERIMENT,
        budget=Budget(parallel_trial_count=2, max_trial_count=8, max_failed_trial_count=1),
        resource_version="7",
    ),
    ExperimentStopRequested(experiment=EXPERIMENT, resource_version="7"),
    ExperimentDeleteRequested(experiment=EXPERIMENT),
    ExperimentFinished(experiment=EXPERIMENT, completion=1, result="Succeeded"),
    ClockTicked(),
)

BY_TYPE = {example.type: example for example in EXAMPLES}
