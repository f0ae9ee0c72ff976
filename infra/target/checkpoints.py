"""Checkpoints of process Workers: a directory a Trial, which begins as a copy of its parent's."""

import json
import os
import posixpath
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from functions.worker import Worker
from infra.target.process_spec import ProcessSpec, redirect
from infra.target.worker_files import WorkerFiles

_ORIGIN_SUFFIX = "-checkpoint.json"
_KEPT_GENERATIONS = 2
"""The one that begins, and the one that it begins from."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose checkpoint it is, written beside it: the checkpoint itself is the user's, and copied."""

    experiment: str
    """The uid."""
    trial_name: str
    family: str
    generation: int

    @classmethod
    def read(cls, path: Path) -> "Origin | None":
        """Return what stands there; None where it was deleted meanwhile or a full disk cut it off."""
        try:
            return cls(**json.loads(path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The directory of one Trial, beside those of its attempts: each of them goes on where the last one stood."""

    path: Path
    parent: Path | None
    parent_name: str
    place: str
    """The absolute path that the template has for it."""
    origin: Origin
    best_name: str

    def environment(self) -> dict[str, str]:
        """Return what tells a Worker where to load and to save."""
        parent = {"KUTTAB_PARENT_CHECKPOINT": str(self.parent)} if self.parent else {}
        return {"KUTTAB_CHECKPOINT": str(self.path), **parent}

    def redirect(self, spec: ProcessSpec) -> ProcessSpec:
        """Return the spec with this directory where it names the template's: many Workers share this host."""
        return redirect(spec, self.place, self.path) if self.place else spec

    def prepare(self, files: WorkerFiles) -> None:
        """Copy the parent's once, whole or not at all; without one begin with an empty directory and say so in the log.

        Raises OSError where the disk is full.
        """
        if self.path.is_dir():
            return
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
        shutil.rmtree(draft, ignore_errors=True)
        if self.parent and self.parent.is_dir():
            shutil.copytree(self.parent, draft, symlinks=True)
        else:
            draft.mkdir(parents=True)
            self._tell(files)
        _origin_path(self.path).write_text(json.dumps(asdict(self.origin)))
        self._publish(draft)
        self._prune()

    def _publish(self, draft: Path) -> None:
        try:
            draft.rename(self.path)
        except OSError:
            # Another launch of this Trial may have come first: then its copy is the one.
            if not self.path.is_dir():
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _tell(self, files: WorkerFiles) -> None:
        if self.parent is None:
            return
        line = f"kuttab: no checkpoint of parent {self.parent_name} on this host ({self.parent}): starting without\n"
        with files.log.open("a") as log:
            log.write(line)

    def _prune(self) -> None:
        """Delete the checkpoints of the family that no Trial can begin from any more, but for the best one's.

        This Trial's generation began after every Trial of the one before had ended, and so had begun from its own
        parent. What a full disk or a crash keeps from being deleted is found again at the next launch.
        """
        if self.origin.generation < _KEPT_GENERATIONS:
            return
        for path in self.path.parent.glob(f"*{_ORIGIN_SUFFIX}"):
            other = Origin.read(path)
            if other is not None and self._outdates(other):
                delete_checkpoint(path.with_suffix(""))

    def _outdates(self, other: Origin) -> bool:
        mine = self.origin
        is_of_family = (other.experiment, other.family) == (mine.experiment, mine.family)
        is_old = other.generation <= mine.generation - _KEPT_GENERATIONS
        return is_of_family and is_old and other.trial_name != self.best_name


def checkpoint_path(directory: Path, trial_uid: str) -> Path:
    """Return where a Trial's checkpoint is among the directories of Workers; no attempt has such a name."""
    return directory / f"{trial_uid}-checkpoint"


def _origin_path(checkpoint: Path) -> Path:
    return checkpoint.with_name(f"{checkpoint.name}.json")


def delete_checkpoint(path: Path) -> None:
    """Delete a checkpoint, and what stands beside it last: so what is left half deleted is found again."""
    shutil.rmtree(path, ignore_errors=True)
    if not path.exists():
        _origin_path(path).unlink(missing_ok=True)


def find_checkpoint(worker: Worker, directory: Path) -> Checkpoint | None:
    """Return the Trial's checkpoint; None where it needs none, or has a place of the user's own."""
    it = worker.lineage
    if it is None or it.location:
        return None
    return Checkpoint(
        path=checkpoint_path(directory, worker.trial.uid),
        parent=checkpoint_path(directory, it.parent_uid) if it.parent_uid else None,
        parent_name=it.parent_name,
        place=posixpath.normpath(it.directory) if it.directory.startswith("/") else "",
        origin=Origin(worker.experiment.uid, worker.trial.name, it.family, it.depth),
        best_name=it.best_name,
    )
