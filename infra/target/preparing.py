"""What is made ready before a Worker starts: its program is found, and what collects its metrics is prepared."""

import os
import shlex
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path

from events.objective import CollectorKind
from functions.worker import LaunchRefusedError, Worker
from infra.target.collecting.endpoint import HOST, endpoint_of
from infra.target.collecting.tensorflow_events import HINT, is_installed
from infra.target.process_spec import ProcessSpec, collected_path, redirect
from infra.target.worker_files import WorkerFiles

_KIND = "spec.metricsCollectorSpec.collector.kind"


def find_program(spec: ProcessSpec, directory: Path, search_path: str) -> str:
    """Return the program's path. Raises LaunchRefusedError naming the field."""
    name = spec.command[0]
    if "/" not in name:
        found = shutil.which(name, path=search_path)
        if found is None:
            raise LaunchRefusedError("CommandNotFound", f"{spec.place}[0]: {name!r} not found on PATH {search_path}")
        return os.path.join(directory, found)  # noqa: PTH118 - PATH may hold relative entries
    path = directory / name
    if not path.is_file():
        raise LaunchRefusedError("CommandNotFound", f"{spec.place}[0]: there is no file {str(path)!r}")
    if not os.access(path, os.X_OK):
        raise LaunchRefusedError("CommandNotExecutable", f"{spec.place}[0]: {str(path)!r} is not executable")
    return str(path)


def collecting_environment(worker: Worker, files: WorkerFiles) -> dict[str, str]:
    """Return what tells a Worker where its metrics are looked for. Raises LaunchRefusedError where nobody can look."""
    path = files.mapped(collected_path(worker))
    match worker.collector.kind:
        case CollectorKind.FILE:
            return {"KUTTAB_METRICS_FILE": str(path)}
        case CollectorKind.TENSORFLOW_EVENT:
            if not is_installed():
                raise LaunchRefusedError("CollectorNotInstalled", f"{_KIND}: TensorFlowEvent {HINT}")
            return {"KUTTAB_METRICS_DIRECTORY": str(path)}
        case CollectorKind.PROMETHEUS_METRIC:
            endpoint_of(worker.collector)
            return {"KUTTAB_METRICS_PORT": str(_free_port())}
        case _:
            return {}


def prepare_collecting(worker: Worker, files: WorkerFiles, environment: Mapping[str, str], companion: str) -> None:
    """Make the directories and files that the collector and its Worker meet in."""
    if path := collected_path(worker):
        is_directory = worker.collector.kind == CollectorKind.TENSORFLOW_EVENT
        mapped = files.mapped(path)
        (mapped if is_directory else mapped.parent).mkdir(parents=True, exist_ok=True)
    if port := environment.get("KUTTAB_METRICS_PORT"):
        files.metrics_port.write_text(port)
    if companion:
        files.companion.write_text(companion)


def companion_script(
    spec: ProcessSpec, path: str, files: WorkerFiles, directory: Path, variables: Mapping[str, str]
) -> str:
    """Return the shell script that becomes the companion's program. Raises LaunchRefusedError."""
    if path:
        spec = redirect(spec, path, files.mapped(path))
    program = find_program(spec, directory, {**variables, **spec.environment}.get("PATH", os.defpath))
    assignments = [f"{name}={value}" for name, value in spec.environment.items()]
    return f"exec {shlex.join(['env', *assignments, program, *spec.command[1:]])}\n"


def _free_port() -> int:
    """Return a port that nobody has now: several Workers of one template cannot all listen on one port."""
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])
