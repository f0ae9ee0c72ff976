"""How a Kubernetes object tells whose Worker it is: by its name and its labels, which its pods bear as well."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from events.reference import ExperimentRef, TrialRef
from events.trial import TargetKind, WorkerChanged
from functions.worker import Worker

EXPERIMENT = "katib.kubeflow.org/experiment"
TRIAL = "katib.kubeflow.org/trial"
EXPERIMENT_UID = "kuttab.dev/experiment-uid"
TRIAL_UID = "kuttab.dev/trial-uid"
TRIAL_NUMBER = "kuttab.dev/trial-number"
ATTEMPT = "kuttab.dev/attempt"

_POD_LABELS = {
    "TrainJob": "jobset.sigs.k8s.io/jobset-name",
    "Workflow": "workflows.argoproj.io/workflow",
    "PipelineRun": "tekton.dev/pipelineRun",
}
"""What a kind's own controller puts on its pods, where the manifest holds no template that we could label."""
_LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
"""What a cluster takes as a label's value; an algorithm may note other things about a Trial."""


def object_name(worker: Worker) -> str:
    """Return the object's name: the Trial's, so that Katib's users find it; further attempts have their number."""
    return worker.trial.name if worker.attempt == 1 else f"{worker.trial.name}-{worker.attempt}"


def identity_labels(worker: Worker) -> dict[str, str]:
    """Return the labels of the object and of its pods: Katib's, the Trial's own, and ours."""
    return {
        **{name: value for name, value in worker.labels.items() if _LABEL.fullmatch(value)},
        EXPERIMENT: worker.experiment.name,
        TRIAL: worker.trial.name,
        EXPERIMENT_UID: worker.experiment.uid,
        TRIAL_UID: worker.trial.uid,
        TRIAL_NUMBER: str(worker.trial.number),
        ATTEMPT: str(worker.attempt),
    }


def labels_of(found: Mapping[str, Any]) -> dict[str, str]:
    """Return an object's labels."""
    return (found.get("metadata") or {}).get("labels") or {}


def is_of(found: Mapping[str, Any], worker: Worker) -> bool:
    """Tell whether the object is of this attempt."""
    labels = labels_of(found)
    return labels.get(TRIAL_UID) == worker.trial.uid and labels.get(ATTEMPT) == str(worker.attempt)


def pod_selectors(worker: Worker) -> list[str]:
    """Return label selectors of the Worker's pods, the best first."""
    ours = f"{TRIAL_UID}={worker.trial.uid},{ATTEMPT}={worker.attempt}"
    theirs = _POD_LABELS.get(str(worker.manifest.get("kind")))
    return [ours, f"{theirs}={object_name(worker)}"] if theirs else [ours]


def worker_changed_of(found: Mapping[str, Any]) -> WorkerChanged | None:
    """Return the event that something about this object has changed; None where it is no Worker's."""
    labels, metadata = labels_of(found), found.get("metadata") or {}
    try:
        experiment = ExperimentRef(namespace=metadata["namespace"], name=labels[EXPERIMENT], uid=labels[EXPERIMENT_UID])
        trial = TrialRef(name=labels[TRIAL], uid=labels[TRIAL_UID], number=int(labels[TRIAL_NUMBER]))
        attempt = int(labels[ATTEMPT])
        return WorkerChanged(experiment=experiment, trial=trial, attempt=attempt, target=TargetKind.KUBERNETES)
    except (KeyError, ValueError, ValidationError):
        return None
