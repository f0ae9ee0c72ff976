"""An Experiment as the API shows it: Katib's resource, made of the row and the names of its Trials."""

from collections.abc import Mapping, Sequence

from events.experiment import ExperimentResource, ExperimentStatus, OptimalTrial
from events.resource import ObjectMeta
from functions.experiment.counting import COUNTER_OF
from functions.experiment.model import Experiment
from functions.trial.model import TrialState


def to_resource(experiment: Experiment, names: Mapping[TrialState, Sequence[str]]) -> ExperimentResource:
    """Return the resource; `names` holds the Trials by state, and what is missing or empty is left out."""
    return ExperimentResource(
        metadata=ObjectMeta(
            name=experiment.name,
            generate_name=experiment.generate_name,
            namespace=experiment.namespace,
            uid=experiment.uid,
            labels=experiment.labels,
            annotations=experiment.annotations,
            creation_timestamp=experiment.created_at,
            deletion_timestamp=experiment.deleted_at,
            resource_version=str(experiment.version),
        ),
        spec=experiment.spec,
        status=_status(experiment, names),
    )


def _status(experiment: Experiment, names: Mapping[TrialState, Sequence[str]]) -> ExperimentStatus:
    return ExperimentStatus(
        start_time=experiment.created_at,
        completion_time=experiment.completed_at,
        conditions=experiment.conditions,
        current_optimal_trial=experiment.optimal or OptimalTrial(),
        running_trial_list=_names("running", names),
        pending_trial_list=_names("pending", names),
        failed_trial_list=_names("failed", names),
        succeeded_trial_list=_names("succeeded", names),
        killed_trial_list=_names("killed", names),
        early_stopped_trial_list=_names("early_stopped", names),
        metrics_unavailable_trial_list=_names("metrics_unavailable", names),
        trials=experiment.created_count or None,
        trials_succeeded=experiment.succeeded or None,
        trials_failed=experiment.failed or None,
        trials_killed=experiment.killed or None,
        trials_pending=experiment.pending or None,
        trials_running=experiment.running or None,
        trials_early_stopped=experiment.early_stopped or None,
        trial_metrics_unavailable=experiment.metrics_unavailable or None,
        trials_feasible=experiment.feasible_count if experiment.spec.constraints else None,
        pareto_front=experiment.front or None,
    )


def _names(counter: str, names: Mapping[TrialState, Sequence[str]]) -> tuple[str, ...] | None:
    """Return the names of the Trials that this counter counts, or None where there are none."""
    found = (name for state in TrialState if COUNTER_OF[state] == counter for name in names.get(state, ()))
    return tuple(found) or None
