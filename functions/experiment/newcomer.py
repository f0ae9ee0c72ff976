"""An Experiment as it enters: read from the event, valid or recorded as Failed with its errors."""

import re
from dataclasses import dataclass
from datetime import datetime

from events.experiment import ExperimentCreated, ExperimentResource, ExperimentSpec
from events.reference import ExperimentRef
from events.suggestion import Algorithm
from functions.errors import Reject
from functions.experiment.admission import Admission, read_experiment
from functions.experiment.model import Experiment
from functions.experiment.reasons import EndReason
from functions.identity import derive_id, derive_suffix
from functions.suggestion.model import Suggestion
from functions.trial.template import target_of

_USABLE_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What admission inserts."""

    experiment: Experiment
    suggestion: Suggestion


def read_newcomer(event: ExperimentCreated, *, at: datetime) -> Newcomer:
    """Build the Experiment of this event; raises Reject where it has no usable name to be recorded under."""
    admission = read_experiment(event.resource)
    resource = admission.resource or ExperimentResource()
    ref = _resolve(event, resource)
    errors = [*map(str, admission.errors), *_target_errors(event, admission)]
    if not _USABLE_NAME.fullmatch(ref.name):
        reason = "; ".join(errors) or f"metadata.name: {ref.name!r} is not usable"
        raise Reject(reason)
    experiment = Experiment.new(ref, resource.spec if not errors else ExperimentSpec(), created_at=at)
    experiment.labels = dict(resource.metadata.labels)
    experiment.annotations = dict(resource.metadata.annotations)
    experiment.generate_name = resource.metadata.generate_name
    experiment.target = event.target
    if errors:
        experiment.error = "\n".join(errors)
        experiment.end(EndReason.INVALID, at=at, message=experiment.error)
    algorithm = experiment.spec.algorithm or Algorithm()
    return Newcomer(experiment, Suggestion(ref.uid, algorithm=algorithm.algorithm_name, created_at=at))


def _resolve(event: ExperimentCreated, resource: ExperimentResource) -> ExperimentRef:
    """Complete the reference: the uid is the client's, or follows from the event."""
    uid = event.experiment.uid or derive_id(event.id, "experiment")
    name = event.experiment.name
    if resource.metadata.generate_name and name == resource.metadata.generate_name:
        name = f"{name}{derive_suffix(uid, 'name', length=5)}"
    return ExperimentRef(namespace=event.experiment.namespace, name=name, uid=uid)


def _target_errors(event: ExperimentCreated, admission: Admission) -> list[str]:
    """Check the target override against the template's kind."""
    template = admission.resource.spec.trial_template if admission.resource else None
    if event.target is None or template is None or template.manifest is None:
        return []
    try:
        target_of(template.manifest, event.target)
    except ValueError as error:
        return [f"target: {error}"]
    return []
