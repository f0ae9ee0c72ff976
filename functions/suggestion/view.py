"""A Suggestion as the API shows it: Katib's resource, made of the search's row, its Experiment's and its Trials."""

from collections.abc import Iterator, Sequence

from events.resource import Condition, ConditionStatus, ObjectMeta
from events.suggestion import Algorithm, SuggestionResource, SuggestionSpec, SuggestionStatus, TrialAssignment
from functions.experiment.model import Experiment
from functions.identity import derive_id
from functions.suggestion.model import Suggestion
from functions.trial.model import Trial
from functions.trial.view import EXPERIMENT_LABEL, condition_of

_ENDED_MESSAGES = {
    "Never": "Suggestion is succeeded, can't be restarted",
    "FromVolume": "Suggestion is succeeded, suggestion volume is not deleted, can be restarted",
}
"""By resume policy; with LongRunning Katib's Suggestion goes on running."""


def to_resource(suggestion: Suggestion, experiment: Experiment, trials: Sequence[Trial] = ()) -> SuggestionResource:
    """Return the resource of the same name as the Experiment; the Trials, by number, are what was suggested."""
    return SuggestionResource(
        metadata=ObjectMeta(
            name=experiment.name,
            namespace=experiment.namespace,
            uid=derive_id(experiment.uid, "suggestion"),
            labels={**experiment.labels, EXPERIMENT_LABEL: experiment.name},
            annotations=experiment.annotations,
            creation_timestamp=suggestion.created_at,
            resource_version=str(experiment.version),
        ),
        spec=SuggestionSpec(
            algorithm=experiment.spec.algorithm or Algorithm(),
            early_stopping=experiment.spec.early_stopping,
            requests=suggestion.suggestion_count + experiment.free_slots,
            resume_policy=experiment.spec.resume_policy,
        ),
        status=SuggestionStatus(
            suggestion_count=suggestion.suggestion_count,
            message=suggestion.note,
            suggestions=tuple(map(_assignment, trials)),
            start_time=suggestion.created_at,
            conditions=tuple(_conditions(suggestion, experiment)),
        ),
    )


def _assignment(trial: Trial) -> TrialAssignment:
    return TrialAssignment(
        name=trial.name,
        parameter_assignments=trial.assignments,
        early_stopping_rules=trial.rules,
        labels=trial.labels,
    )


def _conditions(suggestion: Suggestion, experiment: Experiment) -> Iterator[Condition]:
    """Yield the conditions in the order in which Katib would have set them."""
    created_at, ended_at = suggestion.created_at, experiment.completed_at
    yield condition_of("Created", "SuggestionCreated", "Suggestion is created", at=created_at)
    if ended_at and suggestion.error:
        yield condition_of("Failed", "SuggestionFailed", suggestion.error, at=ended_at)
    elif ended_at and experiment.spec.resume_policy in _ENDED_MESSAGES:
        message = "Suggestion is not running"
        yield condition_of("Running", "Suggestion is succeeded", message, at=ended_at, status=ConditionStatus.FALSE)
        message = _ENDED_MESSAGES[experiment.spec.resume_policy]
        yield condition_of("Succeeded", "Experiment is succeeded", message, at=ended_at)
    else:
        yield condition_of("Running", "SuggestionRunning", "Suggestion is running", at=created_at)
