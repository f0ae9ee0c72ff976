"""Where a Trial comes from: its generation and its parent, as its labels say, and where their checkpoints are."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from events.experiment import ExperimentSpec
from events.reference import ExperimentRef
from functions.identity import derive_trial_name, derive_trial_uid

DIRECTORY_SETTING = "suggestion_trial_dir"
URI_SETTING = "checkpoint"


@dataclass(frozen=True, slots=True)
class LineageLabels:
    """The labels in which an algorithm says where a Trial comes from."""

    generation: str
    parent: str
    parent_uid: str
    family: str
    """Of Trials that go on from each other and from no others; one for the whole Experiment where it is not set."""

    def write(
        self, experiment: ExperimentRef | None, generation: int, *, parent: int | None = None, family: int | None = None
    ) -> Mapping[str, str]:
        """Return the labels of a Trial that goes on from the parent of this number, if there is one."""
        labels = {self.generation: str(generation)} | ({} if family is None else {self.family: str(family)})
        if parent is None or experiment is None:
            return labels
        name, uid = derive_trial_name(experiment, parent), derive_trial_uid(experiment, parent)
        return {**labels, self.parent: name, self.parent_uid: uid}


POPULATION = LineageLabels(
    generation="pbt.suggestion.katib.kubeflow.org/generation",
    parent="pbt.suggestion.katib.kubeflow.org/parent",
    parent_uid="pbt.suggestion.kuttab.dev/parent-uid",
    family="pbt.suggestion.kuttab.dev/family",
)
"""Those of `pbt`: the first two are Katib's."""

RUNGS = LineageLabels(
    generation="hyperband.suggestion.kuttab.dev/rung",
    parent="hyperband.suggestion.kuttab.dev/parent",
    parent_uid="hyperband.suggestion.kuttab.dev/parent-uid",
    family="hyperband.suggestion.kuttab.dev/family",
)
"""Those of `hyperband`, `bohb` and `asha`: a Trial goes on from the same point's at the rung below."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """A Trial among generations. Names, not contents: a target that can copies the parent's checkpoint."""

    generation: str
    parent_name: str = ""
    """Empty in the first generation."""
    parent_uid: str = ""
    family: str = ""
    directory: str = ""
    """Where the template expects checkpoints: a path of the image, which Katib mounts."""
    location: str = ""
    """The user's own place for checkpoints, one below it for each Trial; the target has none to make then."""
    best_name: str = ""
    """The optimal Trial of the moment, whose checkpoint is worth keeping."""

    @property
    def depth(self) -> int:
        """The generation as a number; the first where an algorithm of the user's wrote something else."""
        return int(self.generation) if self.generation.isdecimal() else 0

    def checkpoint_of(self, experiment_name: str, trial_name: str) -> str:
        """Return where a Trial's checkpoint is by convention: below the place, Katib's subPath.

        Nothing where the Experiment names no place.
        """
        place = self.location or self.directory
        return posixpath.join(place, experiment_name, trial_name) if place else ""


def find_lineage(spec: ExperimentSpec, labels: Mapping[str, str], *, best_name: str = "") -> Lineage | None:
    """Return what labels and settings say; None where no algorithm counts generations."""
    names = next((it for it in (POPULATION, RUNGS) if it.generation in labels), None)
    if names is None:
        return None
    settings = {it.name: it.value for it in spec.algorithm.algorithm_settings} if spec.algorithm else {}
    return Lineage(
        generation=labels[names.generation],
        parent_name=labels.get(names.parent, ""),
        parent_uid=labels.get(names.parent_uid, ""),
        family=labels.get(names.family, ""),
        directory=settings.get(DIRECTORY_SETTING, ""),
        location=settings.get(URI_SETTING, ""),
        best_name=best_name,
    )
