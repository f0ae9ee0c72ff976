"""What an API server keeps: objects with uids and versions, the history that watches follow, and the rules of names."""

import asyncio
import copy
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]
HISTORY = 1_000
"""Changes that a watch can go back."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of objects: `apis/batch/v1`, `jobs`, `Job`."""

    api: str
    plural: str
    kind: str

    @property
    def group(self) -> str:
        return self.api.split("/")[1] if self.api.startswith("apis/") else ""

    @property
    def api_version(self) -> str:
        return self.api.partition("/")[2]

    @property
    def words(self) -> str:
        """Name the resource as messages do: `jobs.batch`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


PODS = Kind("api/v1", "pods", "Pod")
JOBS = Kind("apis/batch/v1", "jobs", "Job")
PYTORCH_JOBS = Kind("apis/kubeflow.org/v1", "pytorchjobs", "PyTorchJob")
TRAININGS = (
    PYTORCH_JOBS,
    *(Kind("apis/kubeflow.org/v1", f"{it.lower()}s", it) for it in ("TFJob", "MPIJob", "XGBoostJob")),
)
TRAIN_JOBS = Kind("apis/trainer.kubeflow.org/v1alpha1", "trainjobs", "TrainJob")
WORKFLOWS = Kind("apis/argoproj.io/v1alpha1", "workflows", "Workflow")
PIPELINE_RUNS = Kind("apis/tekton.dev/v1", "pipelineruns", "PipelineRun")
CONFIG_MAPS = Kind("api/v1", "configmaps", "ConfigMap")
KINDS = (
    *(PODS, JOBS, *TRAININGS, TRAIN_JOBS, WORKFLOWS, PIPELINE_RUNS),
    *(CONFIG_MAPS, Kind("api/v1", "events", "Event")),
)


class RefusedError(Exception):
    """A Status that is no success."""

    def __init__(self, code: int, reason: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.headers = code, reason, message, dict(headers or {})

    def to_status(self) -> Json:
        words = {"status": "Failure", "message": self.message, "reason": self.reason, "code": self.code}
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, **words}


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the history."""

    version: int
    type: str
    kind: Kind
    found: Json


class Signal:
    """Wakes all that wait, each time. Everything happens on one loop, so nothing is missed between look and wait."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting = set()

    async def wait(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await future
        finally:
            self._waiting.discard(future)


@dataclass(slots=True)
class Store:
    """Every object of the cluster; `changed` wakes watches and controllers."""

    namespaces: set[str] = field(default_factory=lambda: {"default", "labs"})
    objects: dict[tuple[Kind, str, str], Json] = field(default_factory=dict)
    history: list[Change] = field(default_factory=list)
    oldest: int = 0
    version: int = 1000
    changed: Signal = field(default_factory=Signal)

    def create(self, kind: Kind, namespace: str, manifest: Json) -> Json:
        metadata = manifest.get("metadata") or {}
        name = metadata.get("name") or ""
        if namespace not in self.namespaces:
            raise RefusedError(404, "NotFound", f'namespaces "{namespace}" not found')
        if metadata.get("namespace") not in {None, namespace}:
            words = "the namespace of the provided object does not match the namespace sent on the request"
            raise RefusedError(400, "BadRequest", words)
        if (kind, namespace, name) in self.objects:
            raise RefusedError(409, "AlreadyExists", f'{kind.words} "{name}" already exists')
        own = {"namespace": namespace, "uid": str(uuid.uuid4()), "creationTimestamp": now()}
        found = {**copy.deepcopy(manifest), "metadata": {**copy.deepcopy(metadata), **own}}
        self.objects[kind, namespace, name] = found
        self._note("ADDED", kind, found)
        return found

    def get(self, kind: Kind, namespace: str, name: str) -> Json:
        found = self.objects.get((kind, namespace, name))
        if found is None:
            raise RefusedError(404, "NotFound", f'{kind.words} "{name}" not found')
        return found

    def list(self, kind: Kind, namespace: str, selector: str = "") -> list[Json]:
        found = [it for (of, at, _), it in self.objects.items() if of == kind and namespace in {"", at}]
        return [it for it in found if matches(it, selector)]

    def update(self, kind: Kind, found: Json) -> None:
        self._note("MODIFIED", kind, found)

    def drop(self, kind: Kind, found: Json) -> None:
        metadata = found["metadata"]
        if self.objects.pop((kind, metadata["namespace"], metadata["name"]), None) is not None:
            self._note("DELETED", kind, found)

    def _note(self, change: str, kind: Kind, found: Json) -> None:
        self.version += 1
        found["metadata"]["resourceVersion"] = str(self.version)
        self.history.append(Change(self.version, change, kind, copy.deepcopy(found)))
        if len(self.history) > 2 * HISTORY:
            self.forget(keep=HISTORY)
        self.changed.notify()

    def forget(self, *, keep: int = 0) -> None:
        """Compact: a watch that wants to go on from before is told 410."""
        dropped = self.history[: len(self.history) - keep]
        self.oldest = dropped[-1].version if dropped else self.oldest
        self.history = self.history[len(self.history) - keep :]


def now() -> str:
    """Write the time as metadata has it: to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def matches(found: Json, selector: str) -> bool:
    """Tell whether a label selector takes the object."""
    labels = found["metadata"].get("labels") or {}
    return all(_holds(labels, part.strip()) for part in _parts(selector))


def _parts(selector: str) -> list[str]:
    parts, depth, part = [], 0, ""
    for letter in selector:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            parts.append(part)
            part = ""
        else:
            part += letter
    return [it for it in [*parts, part] if it.strip()]


def _holds(labels: Mapping[str, str], part: str) -> bool:
    if " in " in part or " notin " in part:
        name, _, values = part.replace(" notin ", " in ").partition(" in ")
        is_in = labels.get(name.strip()) in {it.strip() for it in values.strip(" ()").split(",")}
        return is_in == (" notin " not in part)
    if "!=" in part:
        name, _, value = part.partition("!=")
        return labels.get(name) != value
    if "=" in part:
        name, _, value = part.replace("==", "=").partition("=")
        return labels.get(name) == value
    return part[1:] not in labels if part.startswith("!") else part in labels


def merge(found: Json, patch: Json) -> None:
    """Apply a JSON merge patch (RFC 7396) in place."""
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, dict):
            if not isinstance(found.get(key), dict):
                found[key] = {}
            merge(found[key], value)
        else:
            found[key] = value
