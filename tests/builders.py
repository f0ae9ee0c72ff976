"""Builders of what tests talk about: small, valid, and each field that matters named by the test."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

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
from events.reference import ExperimentRef
from events.resource import Manifest
from events.suggestion import SuggestionRequested
from events.trial import (
    TrialAttempt,
    TrialCreated,
    TrialDeleteRequested,
    TrialFinished,
    TrialStopRequested,
    WorkerChanged,
    WorkerOutcome,
)
from functions.experiment.admission import read_experiment
from functions.experiment.model import Experiment
from functions.suggestion.model import Suggestion
from functions.trial.model import Trial
from functions.trial.template import target_of

EPOCH = datetime(2026, 3, 1, 12, tzinfo=UTC)
UID = "uid-digits"


def a_reference(uid: str = UID, *, name: str = "digits") -> ExperimentRef:
    return ExperimentRef(name=name, uid=uid)


def an_experiment_manifest(*, kind: str = "Simulated", name: str = "digits", **spec: Any) -> Manifest:
    """Return a valid Experiment of three Trials, two at a time; `spec` replaces fields of the spec by their names."""
    command = {"command": ["train", "${trialParameters.x}"]}
    complete = {
        "objective": {"type": "minimize", "objectiveMetricName": "loss"},
        "algorithm": {"algorithmName": "random"},
        "parallelTrialCount": 2,
        "maxTrialCount": 3,
        "parameters": [{"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}}],
        "trialTemplate": {
            "primaryContainerName": "main",
            "trialParameters": [{"name": "x", "reference": "x"}],
            "trialSpec": {"apiVersion": "kuttab.dev/v1", "kind": kind, "spec": command},
        },
    }
    metadata = {"name": name}
    return {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": metadata,
        "spec": {**complete, **spec},
    }


def an_experiment(uid: str = UID, *, name: str = "digits", at: datetime = EPOCH, **spec: Any) -> Experiment:
    admission = read_experiment(an_experiment_manifest(name=name, **spec))
    assert admission.resource is not None, admission.errors
    assert not admission.errors
    return Experiment.new(a_reference(uid, name=name), admission.resource.spec, created_at=at)


def a_suggestion(uid: str = UID) -> Suggestion:
    return Suggestion(uid, algorithm="random", created_at=EPOCH)


def a_trial(experiment: Experiment, number: int = 1, **fields: Any) -> Trial:
    """Return a Pending Trial; `fields` are set on it as they are."""
    template = experiment.spec.trial_template
    assert template is not None
    trial = Trial.new(experiment.ref, number, target=target_of(template.trial_spec or {}), created_at=EPOCH)
    for name, value in fields.items():
        assert hasattr(trial, name), name
        setattr(trial, name, value)
    return trial


def a_created_event(uid: str = UID, *, id: str = "created", at: datetime = EPOCH, **manifest: Any) -> ExperimentCreated:
    resource = an_experiment_manifest(**manifest)
    name = str(manifest.get("name", "digits"))
    return ExperimentCreated(id=id, time=at, experiment=a_reference(uid, name=name), resource=resource)


def an_edit(
    uid: str = UID,
    *,
    id: str = "edit-1",
    parallel: int = 2,
    most: int | None = 3,
    failed: int | None = None,
    **more: Any,
) -> ExperimentEdited:
    budget = Budget(parallel_trial_count=parallel, max_trial_count=most, max_failed_trial_count=failed)
    return ExperimentEdited(**{"id": id, "time": EPOCH, "experiment": a_reference(uid), "budget": budget, **more})


def a_stop(uid: str = UID, *, id: str = "stop", at: datetime = EPOCH, **more: Any) -> ExperimentStopRequested:
    return ExperimentStopRequested(**{"id": id, "time": at, "experiment": a_reference(uid), **more})


def a_delete(uid: str = UID, *, id: str = "delete", at: datetime = EPOCH, **more: Any) -> ExperimentDeleteRequested:
    return ExperimentDeleteRequested(**{"id": id, "time": at, "experiment": a_reference(uid), **more})


def a_conclusion(
    uid: str = UID, *, id: str = "ended", result: str = "Succeeded", completion: int = 1
) -> ExperimentFinished:
    about = {"experiment": a_reference(uid), "result": result, "completion": completion}
    return ExperimentFinished(id=id, time=EPOCH, **about)


def a_search_request(uid: str = UID, *, id: str = "request") -> SuggestionRequested:
    return SuggestionRequested(id=id, time=EPOCH, experiment=a_reference(uid))


def a_tick(id: str = "tick") -> ClockTicked:
    return ClockTicked(id=id, time=EPOCH)


def _about(trial: Trial, changes: Mapping[str, Any]) -> dict[str, Any]:
    name = trial.name.rpartition("-")[0]
    reference = a_reference(trial.experiment_uid, name=name)
    return {"time": EPOCH, "experiment": reference, "trial": trial.ref, "attempt": trial.attempt, **changes}


def a_launch_request(trial: Trial, *, id: str = "launch", **changes: Any) -> TrialCreated:
    return TrialCreated(id=id, target=trial.target, **_about(trial, changes))


def a_change(trial: Trial, *, id: str = "changed", **changes: Any) -> WorkerChanged:
    return WorkerChanged(id=id, target=trial.target, **_about(trial, changes))


def a_stop_request(trial: Trial, *, id: str = "stop-trial", **changes: Any) -> TrialStopRequested:
    return TrialStopRequested(id=id, target=trial.target, **_about(trial, changes))


def a_trial_deletion(trial: Trial, /, *, id: str = "delete-trial", **changes: Any) -> TrialDeleteRequested:
    return TrialDeleteRequested(id=id, **_about(trial, changes))


def a_range(*values: object, start: int = 0, end: int | None = None, name: str = "loss", **fields: Any) -> MetricRange:
    """Return a range with one value every ten positions."""
    points = tuple(
        MetricPoint(position=start + 10 * index, name=name, value=str(value)) for index, value in enumerate(values)
    )
    stop = start + 10 * len(values) if end is None else end
    return MetricRange(**{"source": "log", "start": start, "end": stop, "points": points, **fields})


def a_report(trial: Trial, range: MetricRange, /, *, id: str = "reported", **changes: Any) -> MetricReported:  # noqa: A002 - the event's field
    return MetricReported(id=id, range=range, **_about(trial, changes))


def a_finished_trial(
    trial: Trial,
    /,
    *values: object,
    id: str = "finished",
    outcome: WorkerOutcome = WorkerOutcome.SUCCEEDED,
    **changes: Any,
) -> TrialFinished:
    """Return how the Trial's Worker ended, having reported these values; the whole log comes with it."""
    last = a_range(*values)
    log = {"log_source": "log", "log_end": last.end, "last_range": last if values else None}
    ending = {"outcome": outcome, "ended_at": EPOCH, **log, **changes}
    return TrialFinished(id=id, **_about(trial, ending))


def a_failed_attempt(trial: Trial, **changes: Any) -> TrialAttempt:
    """Return what is kept of the Trial's current attempt when its Worker is lost."""
    about = {"attempt": trial.attempt, "host": trial.host, "started_at": trial.started_at, "ended_at": EPOCH}
    return TrialAttempt(**{**about, "failure_class": "WorkerLost", "reason": "WorkerLost", **changes})


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)
