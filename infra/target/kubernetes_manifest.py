"""A Trial's manifest as the object that is created: its name, labels on it and its pods, variables, a collector."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import JsonValue

from events.resource import Manifest
from functions.trial.manifest import KUTTAB_API
from functions.worker import LaunchRefusedError, Worker
from infra.target.kubernetes_identity import identity_labels, object_name
from infra.target.kubernetes_sidecar import sidecar_of, with_sidecar
from infra.target.worker_environment import PushAccess, trial_environment

_AT = "spec.trialTemplate.trialSpec"
_PRIMARY_ROLES = ("Master", "Chief", "Launcher", "Worker")
"""Of the training operator's replicas, the one whose pod has the role `master`; the first that there is."""
_PRIMARY_STEP = "step-"
"""Tekton's containers are named after their steps."""
_MAIN = "main"
"""What Argo calls the container of a template, whatever name the template gives it."""


def build_object(worker: Worker, push: PushAccess, *, image: str) -> Manifest:
    """Return the object. Raises LaunchRefusedError with what can be seen without asking the cluster."""
    manifest = worker.manifest
    if not manifest.get("apiVersion") or not manifest.get("kind"):
        raise LaunchRefusedError("InvalidManifest", f"{_AT}: APIVersion and Kind must be specified")
    if manifest["apiVersion"] == KUTTAB_API:
        words = f"{_AT}: {manifest['apiVersion']} {manifest['kind']} is no kind of a cluster"
        raise LaunchRefusedError("InvalidManifest", words)
    labels = identity_labels(worker)
    changed = _object(_with_environment(manifest, worker, trial_environment(worker) | push.environment(worker)))
    if container := sidecar_of(worker, image):
        changed = _with_collector(changed, worker, container)
    changed = _with_pod_labels(changed, labels)
    metadata = _object(changed.get("metadata"))
    own: Manifest = {"name": object_name(worker), "namespace": worker.experiment.namespace}
    return {**changed, "metadata": {**metadata, **own, "labels": {**_object(metadata.get("labels")), **labels}}}


def _with_pod_labels(manifest: Manifest, labels: Mapping[str, str]) -> Manifest:
    """Label every pod template; what the manifest says itself stays, beside ours."""

    def label(template: Manifest) -> Manifest:
        metadata = _object(template.get("metadata"))
        return {**template, "metadata": {**metadata, "labels": {**_object(metadata.get("labels")), **labels}}}

    if str(manifest["apiVersion"]).startswith("argoproj.io/") and manifest["kind"] == "Workflow":
        spec = _object(manifest.get("spec"))
        pods = _object(spec.get("podMetadata"))
        pods = {**pods, "labels": {**_object(pods.get("labels")), **labels}}
        return {**manifest, "spec": {**spec, "podMetadata": pods}}
    return _object(_map_templates(manifest, label))


def _map_templates(value: JsonValue, change: Callable[[Manifest], Manifest]) -> JsonValue:
    """Return the value with every pod template in it changed; a Pod itself counts as one."""
    if isinstance(value, list):
        return [_map_templates(item, change) for item in value]
    if not isinstance(value, dict):
        return value
    if _is_template(value):
        return change(value)
    return {key: _map_templates(item, change) for key, item in value.items()}


def _is_template(value: Manifest) -> bool:
    spec = value.get("spec")
    return isinstance(spec, dict) and isinstance(spec.get("containers"), list)


def _templates_of(value: JsonValue) -> Iterator[Manifest]:
    if isinstance(value, dict):
        if _is_template(value):
            yield value
            return
        for item in value.values():
            yield from _templates_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from _templates_of(item)


def _with_collector(manifest: Manifest, worker: Worker, container: Manifest) -> Manifest:
    """Put the collector into the primary pod's template. Raises LaunchRefusedError where there is none."""
    primary = [id(template) for template in _primary_templates(manifest, worker)]
    if not primary:
        words = f"{_AT} holds no pod template with a container {worker.primary_container_name!r} to put it in"
        place = "spec.metricsCollectorSpec.collector.kind"
        raise LaunchRefusedError(
            "CollectorImpossible", f"{place}: {worker.collector.kind}: {words}: use StdOut or Push"
        )

    def put(template: Manifest) -> Manifest:
        return with_sidecar(template, worker, container) if id(template) in primary else template

    return _object(_map_templates(manifest, put))


def _primary_templates(manifest: Manifest, worker: Worker) -> list[Manifest]:
    """Return the templates of pods that are, or may become, the primary one."""
    name = worker.primary_container_name
    for replicas in _replicas_of(manifest):
        for role in _PRIMARY_ROLES:
            if role in replicas:
                return list(_templates_of(replicas[role]))
    found = [it for it in _templates_of(manifest) if name in _names_of(it)]
    wanted = (worker.primary_pod_labels or {}).items()
    marked = [it for it in found if wanted <= _object(_object(it.get("metadata")).get("labels")).items()]
    return marked or found


def _replicas_of(manifest: Manifest) -> Iterator[Manifest]:
    spec = _object(manifest.get("spec"))
    yield from (value for key, value in spec.items() if key.endswith("ReplicaSpecs") and isinstance(value, dict))


def _names_of(template: Manifest) -> list[JsonValue]:
    containers = _object(template.get("spec")).get("containers")
    return [_object(each).get("name") for each in containers] if isinstance(containers, list) else []


def _with_environment(value: JsonValue, worker: Worker, environment: Mapping[str, str]) -> JsonValue:
    """Return the value with our variables in every container of the primary name, in whatever kind it stands."""
    if isinstance(value, list):
        return [_with_environment(item, worker, environment) for item in value]
    if not isinstance(value, dict):
        return value
    changed = {key: _with_environment(item, worker, environment) for key, item in value.items()}
    name = worker.primary_container_name
    for field in ("containers", "steps"):
        prefix = _PRIMARY_STEP if field == "steps" else ""
        if isinstance(several := changed.get(field), list):
            changed[field] = [_add(it, environment) if f"{prefix}{_name_of(it)}" == name else it for it in several]
    for field in ("container", "script", "trainer"):
        if isinstance(one := changed.get(field), dict) and (
            field == "trainer" or name == _MAIN or _name_of(one) in {"", name}
        ):
            changed[field] = _add(one, environment)
    return changed


def _name_of(container: JsonValue) -> str:
    return str(_object(container).get("name") or "")


def _add(container: JsonValue, environment: Mapping[str, str]) -> JsonValue:
    """Add the variables to a container; what its manifest says wins."""
    if not isinstance(container, dict):
        return container
    given = container.get("env")
    entries = given if isinstance(given, list) else []
    known = {entry.get("name") for entry in entries if isinstance(entry, dict)}
    ours: list[JsonValue] = [{"name": key, "value": text} for key, text in environment.items() if key not in known]
    return {**container, "env": [*entries, *ours]}


def _object(value: Any) -> Manifest:  # noqa: ANN401 - whatever JSON there is
    return value if isinstance(value, dict) else {}
