"""What reads metrics that a Worker does not print: a native sidecar in its pod, whose own output is read as the log."""

import posixpath
from typing import Any

from pydantic import JsonValue

from events.objective import CollectorKind
from events.resource import Manifest
from functions.worker import LaunchRefusedError, Worker
from infra.target.process_spec import collected_path

CONTAINER = "kuttab-metrics-collector"
_VOLUME = "kuttab-metrics"
_KINDS = frozenset({CollectorKind.FILE, CollectorKind.TENSORFLOW_EVENT, CollectorKind.PROMETHEUS_METRIC})
_RESOURCES: Manifest = {
    "requests": {"cpu": "50m", "memory": "64Mi"},
    "limits": {"memory": "512Mi"},
}
"""Python and what it reads; TensorBoard's reader is the largest."""
_READY = "/tmp/kuttab-collecting"  # noqa: S108 - in a container of its own
"""Made when the collector listens for its end: a Worker that begins before that may end unseen."""
_AT = "spec.metricsCollectorSpec"


def log_container(worker: Worker) -> str:
    """Return the container whose log has the metrics."""
    if worker.collector.kind == CollectorKind.CUSTOM:
        return str(_custom(worker).get("name") or CONTAINER)
    return CONTAINER if worker.collector.kind in _KINDS else worker.primary_container_name


def sidecar_of(worker: Worker, image: str) -> Manifest | None:
    """Return the collector's container; None where the Worker's own log is read, or nothing.

    It is an init container that goes on (`restartPolicy: Always`): it is there before the Worker, and told to end when
    the Worker has ended. Raises LaunchRefusedError where it cannot be made.
    """
    if worker.collector.kind == CollectorKind.CUSTOM:
        return {"name": CONTAINER, **_custom(worker), "restartPolicy": "Always"}
    if worker.collector.kind not in _KINDS:
        return None
    if not image:
        words = "needs Kuttab's own image in the pod: set KUTTAB_IMAGE where launches are taken, or use StdOut or Push"
        raise LaunchRefusedError("CollectorImageMissing", f"{_AT}.collector.kind: {worker.collector.kind} {words}")
    return {
        "name": CONTAINER,
        "image": image,
        "args": ["collect", "--follow", "--ready", _READY, *_arguments(worker)],
        "restartPolicy": "Always",
        "startupProbe": {"exec": {"command": ["test", "-e", _READY]}, "periodSeconds": 1, "failureThreshold": 300},
        "resources": _RESOURCES,
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }


def _custom(worker: Worker) -> Manifest:
    collector = worker.collector.collector
    container = (collector.custom_collector if collector else None) or {}
    if not container.get("image"):
        raise LaunchRefusedError("InvalidCollector", f"{_AT}.collector.customCollector.image: must be specified")
    return container


def _arguments(worker: Worker) -> list[JsonValue]:
    names: list[JsonValue] = [word for name in worker.metric_names for word in ("--metric", name)]
    match worker.collector.kind:
        case CollectorKind.TENSORFLOW_EVENT:
            return ["--events", *names, collected_path(worker)]
        case CollectorKind.PROMETHEUS_METRIC:
            return ["--scrape", *names, _url(worker)]
        case _:
            return [collected_path(worker)]


def _url(worker: Worker) -> str:
    source = worker.collector.source
    given = (source.http_get if source else None) or {}
    scheme, port = str(given.get("scheme") or "HTTP").lower(), given.get("port") or 8080
    path = str(given.get("path") or "/metrics")
    return f"{scheme}://127.0.0.1:{port}/{path.lstrip('/')}"


def with_sidecar(template: Manifest, worker: Worker, container: Manifest) -> Manifest:
    """Return the pod template with the collector, and the directory that it shares with the Worker."""
    spec = _object(template.get("spec"))
    directory = _shared_directory(worker)
    if directory:
        spec, volume = _with_volume(spec, directory, worker.primary_container_name)
        container = _mounted(container, volume, directory)
    return {**template, "spec": {**spec, "initContainers": [*_list(spec.get("initContainers")), container]}}


def _shared_directory(worker: Worker) -> str:
    path = collected_path(worker)
    source = worker.collector.source
    file = source.file_system_path if source else None
    is_directory = worker.collector.kind == CollectorKind.TENSORFLOW_EVENT or (file and file.kind == "Directory")
    return path if is_directory or not path else posixpath.dirname(path)


def _with_volume(spec: Manifest, directory: str, primary: str) -> tuple[Manifest, str]:
    """Mount the directory in the primary container; one that is mounted there already is shared as it is."""
    containers = [_object(it) for it in _list(spec.get("containers"))]
    mounts = [_object(m) for it in containers if it.get("name") == primary for m in _list(it.get("volumeMounts"))]
    for mount in mounts:
        if posixpath.normpath(str(mount.get("mountPath"))) == directory:
            return spec, str(mount.get("name"))
    changed: list[JsonValue] = [
        _mounted(it, _VOLUME, directory) if it.get("name") == primary else it for it in containers
    ]
    volumes: list[JsonValue] = [*_list(spec.get("volumes")), {"name": _VOLUME, "emptyDir": {}}]
    return {**spec, "containers": changed, "volumes": volumes}, _VOLUME


def _mounted(container: Manifest, volume: str, directory: str) -> Manifest:
    mounts = _list(container.get("volumeMounts"))
    if any(_object(it).get("mountPath") == directory for it in mounts):
        return container
    return {**container, "volumeMounts": [*mounts, {"name": volume, "mountPath": directory}]}


def _object(value: Any) -> Manifest:  # noqa: ANN401 - whatever JSON there is
    return value if isinstance(value, dict) else {}


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
