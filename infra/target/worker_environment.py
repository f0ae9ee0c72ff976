"""The environment of a Worker: the user's, without what is the runner's own, and with what a training script needs."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from events.objective import CollectorKind
from functions.observation.tokens import Tokens
from functions.worker import Worker

_ROOT = Path(__file__).resolve().parents[2]
"""Where our own packages lie: no Worker imports from there."""


@dataclass(frozen=True, slots=True)
class PushAccess:
    """Where a Worker of collector kind Push publishes its points, and what lets it."""

    broker_url: str = ""
    tokens: Tokens = field(default_factory=Tokens)

    def environment(self, worker: Worker) -> dict[str, str]:
        """Return what `report_metrics` looks for; nothing where metrics are collected in another way."""
        if worker.collector.kind != CollectorKind.PUSH or not self.broker_url:
            return {}
        token = self.tokens.token_of(worker.trial.uid, worker.attempt)
        return {"KUTTAB_BROKER_URL": self.broker_url, **({"KUTTAB_TOKEN": token} if token else {})}


def worker_environment(
    worker: Worker, given: Mapping[str, str], manifest_environment: Mapping[str, str], push: PushAccess
) -> dict[str, str]:
    """Return the variables of this Worker; those of its manifest win.

    The directory of the runner's Python comes first on PATH, so that `python3` is the one that has our libraries.
    Metrics are seen live since Python's output is not held back.
    """
    environment = {name: value for name, value in given.items() if not _is_ours(name, value)}
    if "PYTHONPATH" in environment:
        environment["PYTHONPATH"] = _without(environment["PYTHONPATH"], _ROOT)
    interpreter = str(Path(sys.executable).parent)
    environment["PATH"] = os.pathsep.join([interpreter, environment.get("PATH", os.defpath)])
    environment["PYTHONUNBUFFERED"] = "1"
    return environment | trial_environment(worker) | push.environment(worker) | dict(manifest_environment)


def identity_environment(worker: Worker) -> dict[str, str]:
    """Return what tells a Worker, and who finds its process, which attempt of which Trial it is."""
    return {
        "KATIB_TRIAL_NAME": worker.trial.name,
        "KUTTAB_TRIAL_NAME": worker.trial.name,
        "KUTTAB_TRIAL_NUMBER": str(worker.trial.number),
        "KUTTAB_EXPERIMENT": worker.experiment.name,
        "KUTTAB_EXPERIMENT_UID": worker.experiment.uid,
        "KUTTAB_NAMESPACE": worker.experiment.namespace,
        **_mark(worker.trial.uid, worker.attempt),
    }


def trial_environment(worker: Worker) -> dict[str, str]:
    """Return who the Worker is, and where its Trial comes from."""
    return identity_environment(worker) | _lineage(worker)


def _lineage(worker: Worker) -> dict[str, str]:
    """Return the generation and the parent of a Worker, and where their checkpoints are by convention."""
    it, name = worker.lineage, worker.experiment.name
    if it is None:
        return {}
    variables = {
        "KUTTAB_GENERATION": it.generation,
        "KUTTAB_CHECKPOINT": it.checkpoint_of(name, worker.trial.name),
        "KUTTAB_PARENT_TRIAL": it.parent_name,
        "KUTTAB_PARENT_CHECKPOINT": it.checkpoint_of(name, it.parent_name) if it.parent_name else "",
    }
    return {variable: text for variable, text in variables.items() if text}


def marks_of(trial_uid: str, attempt: int) -> frozenset[bytes]:
    """Return the entries that every process of this Worker was started with."""
    return frozenset(f"{name}={value}".encode() for name, value in _mark(trial_uid, attempt).items())


def _mark(trial_uid: str, attempt: int) -> dict[str, str]:
    return {"KUTTAB_TRIAL_UID": trial_uid, "KUTTAB_ATTEMPT": str(attempt)}


def _is_ours(name: str, value: str) -> bool:
    """Tell whether the variable configures the runner: its settings, or its own Python."""
    is_own_python = name in {"PYTHONHOME", "VIRTUAL_ENV"} and Path(value).resolve() == Path(sys.prefix).resolve()
    is_only_ours = name == "PYTHONPATH" and not _without(value, _ROOT)
    return name.startswith("KUTTAB_") or is_own_python or is_only_ours


def _without(paths: str, ours: Path) -> str:
    """Drop our own directory from a search path; an empty entry means the current directory and goes too."""
    return os.pathsep.join(path for path in paths.split(os.pathsep) if path and Path(path).resolve() != ours)
