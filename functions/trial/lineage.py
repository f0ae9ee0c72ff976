"""Where a Trial comes from: its generation and its parent, as its labels say, and where their checkpoints are."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from events.experiment import ExperimentSpec

GENERATION_LABEL = "pbt.suggestion.katib.kubeflow.org/generation"
PARENT_LABEL = "pbt.suggestion.katib.kubeflow.org/parent"
PARENT_UID_LABEL = "pbt.suggestion.kuttab.dev/parent-uid"

DIRECTORY_SETTING = "suggestion_trial_dir"
URI_SETTING = "checkpoint"


@dataclass(frozen=True, slots=True)
class Lineage:
    """A Trial among generations. Names, not contents: a target that can copies the parent's checkpoint."""

    generation: str
    parent_name: str = ""
    """Empty in the first generation."""
    parent_uid: str = ""
    directory: str = ""
    """Where the template expects checkpoints: a path of the image, which Katib mounts."""
    location: str = ""
    """The user's own place for checkpoints, one below it for each Trial; the target has none to make then."""

    def checkpoint_of(self, experiment_name: str, trial_name: str) -> str:
        """Return where a Trial's checkpoint is by convention: below the place, Katib's subPath."""
        return posixpath.join(self.location or self.directory, experiment_name, trial_name)


def find_lineage(spec: ExperimentSpec, labels: Mapping[str, str]) -> Lineage | None:
    """Return what labels and settings say; None where no algorithm counts generations."""
    if GENERATION_LABEL not in labels:
        return None
    settings = {it.name: it.value for it in spec.algorithm.algorithm_settings} if spec.algorithm else {}
    return Lineage(
        generation=labels[GENERATION_LABEL],
        parent_name=labels.get(PARENT_LABEL, ""),
        parent_uid=labels.get(PARENT_UID_LABEL, ""),
        directory=settings.get(DIRECTORY_SETTING, ""),
        location=settings.get(URI_SETTING, ""),
    )
