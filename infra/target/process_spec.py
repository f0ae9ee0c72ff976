"""What a manifest asks of a host: the command, its environment, its directory and its limits of time."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import JsonValue

from events.objective import CollectorKind
from events.resource import Manifest
from functions.trial.manifest import is_process, pod_specs_of
from functions.worker import LaunchRefusedError, Worker

STOP_GRACE_SECONDS = 10.0
"""Between SIGTERM and SIGKILL where the manifest does not say: enough to write a checkpoint."""
METRICS_FILE = "/var/log/katib/metrics.log"
"""Katib's default of the File collector."""
EVENT_DIRECTORY = "/var/log/katib/tfevent"
"""Katib's default of the TensorFlowEvent collector."""
_DEFAULT_PATHS = {CollectorKind.FILE: METRICS_FILE, CollectorKind.TENSORFLOW_EVENT: EVENT_DIRECTORY}
_WITH_PATH = frozenset({*_DEFAULT_PATHS, CollectorKind.CUSTOM})
_AT = "spec.trialTemplate.trialSpec"
_COMPANION = "spec.metricsCollectorSpec.collector.customCollector.command"


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """A Worker as a process. `place` names the command's field, for messages."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    working_directory: str
    place: str
    is_own_kind: bool
    """Written for a host, and not for an image with directories of its own."""

    def map_text(self, change: Callable[[str], str]) -> "ProcessSpec":
        """Return the same with every argument and value changed."""
        environment = {name: change(value) for name, value in self.environment.items()}
        return replace(self, command=tuple(map(change, self.command)), environment=environment)


def read_process_spec(worker: Worker) -> ProcessSpec:
    """Read our own kind, or the primary container of any kind with pods. Raises LaunchRefusedError."""
    if is_process(worker.manifest):
        fields, place = _object(worker.manifest.get("spec")), f"{_AT}.spec.command"
    else:
        fields = _primary_container(worker.manifest, worker.primary_container_name)
        place = f"{_AT}: container {worker.primary_container_name!r}: command"
    return _read_spec(fields, place, is_own_kind=is_process(worker.manifest))


def read_companion_spec(worker: Worker) -> ProcessSpec | None:
    """Read what runs beside the Worker: the container of a Custom collector. Raises LaunchRefusedError."""
    collector = worker.collector.collector
    if collector is None or collector.kind != CollectorKind.CUSTOM:
        return None
    return _read_spec(collector.custom_collector or {}, _COMPANION, is_own_kind=False)


def _read_spec(fields: Manifest, place: str, *, is_own_kind: bool) -> ProcessSpec:
    command, args = _texts(fields.get("command")), _texts(fields.get("args"))
    if not command or not command[0]:
        hint = "an image's own entry point cannot run in a process: write it as the command"
        raise LaunchRefusedError("NoCommand", f"{place}: must be specified; {hint}")
    directory = fields.get("workingDir")
    return ProcessSpec(
        command=(*command, *args),
        environment=_read_environment(fields.get("env")),
        working_directory=directory if isinstance(directory, str) else "",
        place=place,
        is_own_kind=is_own_kind,
    )


def timeout_seconds_of(manifest: Manifest) -> float | None:
    """Return how long the Worker may run, or None."""
    spec = _object(manifest.get("spec"))
    if is_process(manifest):
        return _seconds(spec.get("timeoutSeconds"))
    candidates = [spec, *pod_specs_of(manifest)]
    return next((found for each in candidates if (found := _seconds(each.get("activeDeadlineSeconds")))), None)


def heartbeat_seconds_of(manifest: Manifest) -> float | None:
    """Return how long the Worker may write nothing, or None; only our own kind can say."""
    return _seconds(_object(manifest.get("spec")).get("heartbeatSeconds")) if is_process(manifest) else None


def grace_seconds_of(manifest: Manifest) -> float:
    """Return how long the Worker may take to end after SIGTERM."""
    if is_process(manifest):
        found = [_seconds(_object(manifest.get("spec")).get("stopGraceSeconds"))]
    else:
        found = [_seconds(pod.get("terminationGracePeriodSeconds")) for pod in pod_specs_of(manifest)]
    return next((seconds for seconds in found if seconds is not None), STOP_GRACE_SECONDS)


def collected_path(worker: Worker) -> str:
    """Return the absolute path that the collector reads, normalised; empty where there is none.

    As in Katib a path means nothing to the other kinds: StdOut reads the log whatever path is given.
    """
    kind = worker.collector.kind
    path = (worker.collector.path or _DEFAULT_PATHS.get(kind, "")) if kind in _WITH_PATH else ""
    return os.path.normpath(f"/{path.lstrip('/')}") if path else ""


def redirect(spec: ProcessSpec, path: str, to: Path) -> ProcessSpec:
    """Return the spec with the collector's path, where it stands by itself or after `=`, in the Worker's directory.

    Many Workers share a host, so that `/var/log/katib/metrics.log` cannot be one file for all of them.
    """
    alone = re.compile(rf"(?<![\w./-]){re.escape(path)}(?![\w-]|\.\w)")
    return spec.map_text(lambda text: alone.sub(lambda _: str(to), text))


def _primary_container(manifest: Manifest, name: str) -> Manifest:
    names = []
    for pod in pod_specs_of(manifest):
        containers = pod["containers"]
        for container in containers if isinstance(containers, list) else []:
            found = _object(container)
            if found.get("name") == name:
                return found
            names.append(str(found.get("name")))
    message = f"{_AT}: there is no container {name!r}: [{' '.join(names)}]"
    raise LaunchRefusedError("NoPrimaryContainer", message)


def _read_environment(entries: JsonValue) -> dict[str, str]:
    """Read a map, or Kubernetes' list of names and values; what comes from a cluster (`valueFrom`) is not here."""
    if isinstance(entries, dict):
        return {name: _text(value) for name, value in entries.items()}
    named = [_object(entry) for entry in entries] if isinstance(entries, list) else []
    return {
        str(each["name"]): _text(each.get("value")) for each in named if each.get("name") and "valueFrom" not in each
    }


def _texts(value: JsonValue) -> list[str]:
    return [_text(item) for item in value] if isinstance(value, list) else []


def _text(value: JsonValue) -> str:
    """Write a scalar as YAML would have it: an argument `- 5` is the text 5."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _object(value: JsonValue) -> Manifest:
    return value if isinstance(value, dict) else {}


def _seconds(value: JsonValue) -> float | None:
    """Read a number, also as the text that a placeholder leaves."""
    try:
        return float(value) if isinstance(value, int | float | str) else None
    except ValueError:
        return None
