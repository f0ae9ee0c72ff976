"""A manifest of kind `batch.amazonaws.com/v1 Job` as the request of SubmitJob."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import botocore.session
from botocore.validate import ParamValidator
from pydantic import JsonValue

from functions.trial.batch_rules import batch_errors
from functions.worker import LaunchRefusedError, Worker
from infra.target.batch_identity import identity_tags, job_name
from infra.target.worker_environment import PushAccess, trial_environment

if TYPE_CHECKING:
    from botocore.model import Shape

_AT = "spec.trialTemplate.trialSpec.spec"
INVALID = "InvalidManifest"
Object = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What SubmitJob is asked, and by which name and in which queue the job is found again."""

    name: str
    queue: str
    parameters: Object


def build_request(worker: Worker, push: PushAccess) -> JobRequest:
    """Return the request: the manifest's `spec`, with our name, tags and environment.

    Raises LaunchRefusedError with every mistake that can be seen without asking AWS.
    """
    if problems := list(batch_errors(worker.manifest)):
        raise LaunchRefusedError(INVALID, "; ".join(f"{path}: {message}" for path, message in problems))
    spec = _object(_fit(worker.manifest.get("spec"), _shape()))
    tags = _object(spec.get("tags")) | dict(identity_tags(worker))
    request = _with_environment(spec, trial_environment(worker) | push.environment(worker))
    request |= {"jobName": job_name(worker), "tags": tags}
    report = ParamValidator().validate(request, _shape())
    if report.has_errors():
        words = "; ".join(report.generate_report().splitlines())
        raise LaunchRefusedError(INVALID, f"{_AT}: {words}")
    return JobRequest(job_name(worker), str(request["jobQueue"]), request)


def find_place(worker: Worker) -> tuple[str, str]:
    """Return by which name and in which queue the Worker's job would be; the queue is empty where none is named."""
    return job_name(worker), str(_object(worker.manifest.get("spec")).get("jobQueue") or "")


@cache
def _shape() -> "Shape":
    """Load SubmitJob's description, which botocore brings along: nothing is asked over the network."""
    shape = botocore.session.Session().get_service_model("batch").operation_model("SubmitJob").input_shape
    assert shape is not None
    return shape


def _fit(value: JsonValue, shape: "Shape") -> JsonValue:
    """Turn text into the number or truth that SubmitJob wants there: a placeholder's value is always text."""
    if isinstance(value, dict) and shape.type_name == "structure":
        members: Mapping[str, Shape] = shape.members  # type: ignore[attr-defined]  # of a structure
        return {key: _fit(item, members[key]) if key in members else item for key, item in value.items()}
    if isinstance(value, dict) and shape.type_name == "map":
        return {key: _fit(item, shape.value) for key, item in value.items()}  # type: ignore[attr-defined]  # of a map
    if isinstance(value, list) and shape.type_name == "list":
        return [_fit(item, shape.member) for item in value]  # type: ignore[attr-defined]  # of a list
    if isinstance(value, str):
        return _parse(value, shape.type_name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number and shape.type_name == "string" else value


def _parse(text: str, kind: str) -> JsonValue:
    if kind in {"integer", "long"} and text.strip().lstrip("+-").isdecimal():
        return int(text)
    if kind == "boolean" and text.lower() in {"true", "false"}:
        return text.lower() == "true"
    return text


def _with_environment(spec: Object, environment: Mapping[str, str]) -> Object:
    """Put the variables where jobs of this kind have theirs: ECS tasks, EKS pods, or the one container."""
    if "ecsPropertiesOverride" in spec:
        ecs = _object(spec["ecsPropertiesOverride"])
        tasks = [_in_containers(_object(task), environment, "environment") for task in _list(ecs, "taskProperties")]
        return {**spec, "ecsPropertiesOverride": {**ecs, "taskProperties": [*tasks]}}
    if "eksPropertiesOverride" in spec:
        eks = _object(spec["eksPropertiesOverride"])
        pod = _in_containers(_object(eks.get("podProperties")), environment, "env")
        return {**spec, "eksPropertiesOverride": {**eks, "podProperties": pod}}
    container = _merged(_object(spec.get("containerOverrides")), environment, "environment")
    return {**spec, "containerOverrides": container}


def _in_containers(holder: Object, environment: Mapping[str, str], field: str) -> Object:
    containers = [_merged(_object(container), environment, field) for container in _list(holder, "containers")]
    return {**holder, "containers": [*containers]}


def _merged(container: Object, environment: Mapping[str, str], field: str) -> Object:
    """Add the variables; what the manifest says wins."""
    given = _list(container, field)
    names = {entry.get("name") for entry in given if isinstance(entry, dict)}
    ours: list[JsonValue] = [{"name": key, "value": text} for key, text in environment.items() if key not in names]
    return {**container, field: [*given, *ours]}


def _list(holder: Object, name: str) -> list[JsonValue]:
    found = holder.get(name)
    return found if isinstance(found, list) else []


def _object(value: JsonValue) -> Object:
    return value if isinstance(value, dict) else {}
