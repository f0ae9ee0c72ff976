"""Where the Workers of a submitted Experiment run: as their kind says, or as whoever takes it in has decided."""

from dataclasses import dataclass

from events.resource import Manifest
from events.trial import TargetKind
from functions.trial.template import target_of

REACHED = (TargetKind.PROCESS, TargetKind.KUBERNETES, TargetKind.BATCH, TargetKind.EXTERNAL)
"""The targets of a runner."""


@dataclass(frozen=True, slots=True)
class Placement:
    """What decides besides the template's kind."""

    target: str | None = None
    """The target that is wanted, whatever the kind says."""
    has_cluster: bool = True
    """Without a cluster the kinds of one run as processes, where they have containers."""

    def override(self, manifest: Manifest) -> str | None:
        """Return the override for this trial template, or None where its kind says so itself.

        Raises ValueError where it cannot run.
        """
        natural = target_of(manifest)
        wanted = self.target
        if wanted is None and natural == TargetKind.KUBERNETES and not self.has_cluster:
            wanted = TargetKind.PROCESS
        chosen = target_of(manifest, wanted)
        if chosen not in REACHED:
            message = f"target {chosen} is not at hand here: this runner has {', '.join(REACHED)}"
            raise ValueError(message)
        return None if chosen == natural else wanted
