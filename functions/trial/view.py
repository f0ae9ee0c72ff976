"""A Trial as the API shows it: Katib's resource, made of its row and its Experiment's."""

from collections.abc import Iterator
from datetime import datetime

from events.objective import MetricsCollectorSpec
from events.observation import Observation
from events.resource import Condition, ConditionStatus, Manifest, ObjectMeta
from events.trial import TrialResource, TrialSpec, TrialStatus, TrialTemplate
from functions.experiment.measuring import Measures
from functions.experiment.model import Experiment
from functions.trial.model import RESULTS, Trial, TrialState
from functions.trial.render import render_manifest

EXPERIMENT_LABEL = "katib.kubeflow.org/experiment"

_STARTED = frozenset({TrialState.RUNNING, TrialState.SETTLING})
_WORDS = {
    TrialState.SUCCEEDED: ("TrialSucceeded", "Trial has succeeded"),
    TrialState.FAILED: ("TrialFailed", "Trial has failed"),
    TrialState.KILLED: ("TrialKilled", "Trial is killed"),
    TrialState.EARLY_STOPPED: ("TrialEarlyStopped", "Trial is early stopped"),
    TrialState.METRICS_UNAVAILABLE: ("MetricsUnavailable", "Metrics are not available"),
}
"""Katib's reason and message of each terminal condition."""


def to_resource(trial: Trial, experiment: Experiment) -> TrialResource:
    """Return the resource, with the manifest that its Worker is launched from."""
    return TrialResource(
        metadata=ObjectMeta(
            name=trial.name,
            namespace=trial.namespace,
            uid=trial.uid,
            labels={**experiment.labels, **trial.labels, EXPERIMENT_LABEL: experiment.name},
            creation_timestamp=trial.created_at,
        ),
        spec=_spec(trial, experiment),
        status=TrialStatus(
            start_time=trial.first_started_at,
            completion_time=trial.completed_at,
            conditions=tuple(_conditions(trial)),
            observation=_observation(trial, experiment),
            feasible=find_feasibility(trial, experiment),
            failure_class=trial.failure,
            attempts=trial.attempts or None,
        ),
    )


def _spec(trial: Trial, experiment: Experiment) -> TrialSpec:
    template = experiment.spec.trial_template or TrialTemplate()
    return TrialSpec(
        objective=experiment.objective,
        parameter_assignments=trial.assignments,
        early_stopping_rules=trial.rules,
        run_spec=_run_spec(template, experiment, trial),
        retain_run=template.retain,
        metrics_collector=experiment.spec.metrics_collector_spec or MetricsCollectorSpec(),
        primary_pod_labels=template.primary_pod_labels,
        primary_container_name=template.primary_container_name,
        success_condition=template.success_condition,
        failure_condition=template.failure_condition,
    )


def _run_spec(template: TrialTemplate, experiment: Experiment, trial: Trial) -> Manifest:
    """Return what the Worker is launched from; the template as it stands where no Worker can be made of it."""
    try:
        return render_manifest(template, experiment, trial)
    except ValueError:
        return template.manifest or {}


def _observation(trial: Trial, experiment: Experiment) -> Observation | None:
    """Return what has been reported so far; also of a running Trial, and of one that failed."""
    has_ended_blind = trial.state == TrialState.METRICS_UNAVAILABLE
    return trial.fold.to_observation(experiment.objective) if trial.fold.metrics or has_ended_blind else None


def find_feasibility(trial: Trial, experiment: Experiment) -> bool | None:
    """Tell whether a result meets the constraints on metrics; None where there are none, or no result."""
    is_judged = bool(experiment.spec.constraints) and trial.state in RESULTS
    return Measures.unpack(trial.measures).is_feasible if is_judged else None


def _conditions(trial: Trial) -> Iterator[Condition]:
    """Yield the conditions in the order in which Katib would have set them."""
    yield condition_of("Created", "TrialCreated", "Trial is created", at=trial.created_at)
    ended_at = trial.completed_at
    if trial.started_at and trial.state in _STARTED:
        yield condition_of("Running", "TrialRunning", "Trial is running", at=trial.started_at)
    elif trial.started_at and ended_at:
        status = ConditionStatus.FALSE
        yield condition_of("Running", "TrialRunning", "Trial is running", at=ended_at, status=status)
    if ended_at and trial.state in _WORDS:
        reason, message = _end_words(trial)
        yield condition_of(trial.state, reason, message, at=ended_at)


def _end_words(trial: Trial) -> tuple[str, str]:
    """Return Katib's reason and message; what the Worker or its target said besides is added as Katib adds it."""
    reason, message = _WORDS[trial.state]
    if trial.state == TrialState.KILLED:
        return trial.reason or reason, trial.message or message
    if trial.reason not in {"", reason, f"Trial{trial.state}"}:
        reason = f"{reason}. Job reason: {trial.reason}"
    if trial.message.startswith(message):
        message = trial.message
    elif trial.message:
        message = f"{message}. Job message: {trial.message}"
    return reason, message


def condition_of(
    kind: str, reason: str, message: str, *, at: datetime, status: ConditionStatus = ConditionStatus.TRUE
) -> Condition:
    """Return a condition that has not changed since."""
    return Condition(
        type=kind, status=status, reason=reason, message=message, last_update_time=at, last_transition_time=at
    )
