"""What a trial template must be, in Katib's order, field paths and words, and what Katib finds out too late."""

import json
from collections.abc import Iterator, Sequence

from events.resource import Manifest
from events.trial import TrialParameter, TrialTemplate
from functions.trial.batch_rules import batch_errors
from functions.trial.condition_rules import find_gjson_problem
from functions.trial.container_rules import place_of, program_errors
from functions.trial.job_rules import job_errors
from functions.trial.manifest import (
    BATCH_API,
    INDEXED,
    KUTTAB_API,
    METADATA,
    containers_of,
    is_process,
    placeholders,
    takes_assignments,
)
from functions.trial.process_rules import process_errors

_AT = "spec.trialTemplate"
_SPEC = f"{_AT}.trialSpec"
_MUST_BE_SPECIFIED = "must be specified"
_METADATA_KEYS = frozenset({"Name", "Namespace", "Kind", "APIVersion"})
_POD_KINDS = frozenset({"Job", "TFJob", "PyTorchJob", "XGBoostJob", "MPIJob"})
"""Kinds that hold their pod templates, so that the primary container can be looked for before a pod is made."""
Problem = tuple[str, str]


def template_errors(template: TrialTemplate, parameter_names: Sequence[str]) -> Iterator[Problem]:
    """Yield (field path, message) of everything that is wrong with the template."""
    manifest = template.manifest
    if manifest is None or manifest.get("apiVersion") not in (KUTTAB_API, BATCH_API):
        yield from _kubernetes_errors(template)
    yield from _condition_errors(template)
    if template.pending_timeout_seconds is not None and template.pending_timeout_seconds < 1:
        yield f"{_AT}.pendingTimeoutSeconds", "must be 1 or more"
    if template.trial_parameters is None and not (manifest and takes_assignments(manifest)):
        yield f"{_AT}.trialParameters", _MUST_BE_SPECIFIED
        return
    source_errors = list(_source_errors(template))
    yield from source_errors
    if source_errors or manifest is None:
        return
    parameters = template.trial_parameters or ()
    for index, parameter in enumerate(parameters):
        yield from _parameter_errors(index, parameters, parameter_names)
        yield from _metadata_errors(f"{_AT}.trialParameters[{index}].reference", parameter.reference, manifest)
    if not takes_assignments(manifest):
        yield from _unused_errors(parameters, parameter_names)
    yield from _placeholder_errors(manifest, parameters)
    yield from _object_errors(manifest, template.primary_container_name)


def _kubernetes_errors(template: TrialTemplate) -> Iterator[Problem]:
    """Yield what only objects of a cluster need: our own kinds and AWS Batch say by themselves how they ended."""
    if not template.primary_container_name:
        yield f"{_AT}.primaryContainerName", _MUST_BE_SPECIFIED
    if not template.success_condition or not template.failure_condition:
        yield _AT, "successCondition and failureCondition must be specified"


def _condition_errors(template: TrialTemplate) -> Iterator[Problem]:
    for field, path in (("success", template.success_condition), ("failure", template.failure_condition)):
        if path and (problem := find_gjson_problem(path)):
            yield f"{_AT}.{field}Condition", f"invalid GJSON path: {problem}: {path}"


def _source_errors(template: TrialTemplate) -> Iterator[Problem]:
    source = template.config_map
    if template.trial_spec is None and source is None:
        yield f"{_AT}.TrialSource", f"{_SPEC} or {_AT}.configMap must be specified"
    elif template.trial_spec is not None and source is not None:
        yield _AT, f"only one of {_SPEC} or {_AT}.configMap can be specified"
    elif source is not None:
        if not (source.config_map_name and source.config_map_namespace and source.template_path):
            yield f"{_AT}.configMap", "configMapName, configMapNamespace and templatePath must be specified"
        elif source.trial_spec is None:
            named = f"{source.config_map_namespace}/{source.config_map_name}"
            words = "give it as a document of the same file, or with --config-map FILE"
            yield _AT, f"unable to parse {_AT}: ConfigMap {named} is not at hand: {words}"


def _parameter_errors(index: int, parameters: Sequence[TrialParameter], names: Sequence[str]) -> Iterator[Problem]:
    at, parameter, earlier = f"{_AT}.trialParameters[{index}]", parameters[index], parameters[:index]
    if not parameter.name or not parameter.reference or set(parameter.name) & set("{}"):
        yield at, "name and reference must be specified and name must not contain '{' or '}'"
    everything = _written(parameters)
    if any(parameter.name == other.name for other in earlier):
        words = f"can't be duplicated in {_AT}.trialParameters: {everything}"
        yield f"{at}.name", f"parameter name {parameter.name} {words}"
    if any(parameter.reference == other.reference for other in earlier):
        words = f"can't be duplicated in {_AT}.trialParameters: {everything}"
        yield f"{at}.reference", f"parameter reference {parameter.reference} {words}"
    if names and parameter.reference not in names and not _is_metadata(parameter.reference):
        words = f"does not exist in spec.parameters: [{' '.join(names)}]"
        yield f"{at}.reference", f"parameter reference {parameter.reference} {words}"


def _written(parameters: Sequence[TrialParameter]) -> str:
    """Write the parameters as Go's %v does."""
    return f"[{' '.join(f'{{{each.name} {each.description} {each.reference}}}' for each in parameters)}]"


def _is_metadata(reference: str) -> bool:
    found = METADATA.search(reference)
    return found is not None and (found["key"] in _METADATA_KEYS or INDEXED.fullmatch(found["key"]) is not None)


def _metadata_errors(path: str, reference: str, manifest: Manifest) -> Iterator[Problem]:
    """Yield a label or an annotation that the template does not have; Katib fails at the first Trial."""
    found = METADATA.search(reference)
    indexed = INDEXED.fullmatch(found["key"]) if found else None
    if indexed is None:
        return
    metadata = manifest.get("metadata")
    entries = metadata.get(indexed["key"].lower()) if isinstance(metadata, dict) else None
    if not isinstance(entries, dict) or not isinstance(entries.get(indexed["index"]), str):
        yield path, f"illegal reference of trial metadata: {reference}: {_SPEC} has no such {indexed['key'].lower()}"


def _unused_errors(parameters: Sequence[TrialParameter], names: Sequence[str]) -> Iterator[Problem]:
    """Yield parameters that no Trial would use; Katib fails at the first Trial and is stuck."""
    references = {parameter.reference for parameter in parameters}
    if unused := [name for name in names if name not in references]:
        words = "every parameter of spec.parameters must be referenced, missing:"
        yield f"{_AT}.trialParameters", f"{words} [{' '.join(unused)}]"


def _placeholder_errors(manifest: Manifest, parameters: Sequence[TrialParameter]) -> Iterator[Problem]:
    used = placeholders(manifest)
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for index, parameter in enumerate(parameters):
        if parameter.name and parameter.name not in used:
            words = f"not found in {_AT}: {text}"
            path = f"{_AT}.trialParameters[{index}].name"
            yield path, f"parameter name: {parameter.name} in spec.trialParameters {words}"
    unknown = sorted(used - {parameter.name for parameter in parameters})
    if unknown:
        left = " ".join(f"${{trialParameters.{name}}}" for name in unknown)
        yield _AT, f"parameters: [{left}] in {_AT} not found in spec.trialParameters: {_written(parameters)}"


def _object_errors(manifest: Manifest, primary_container_name: str) -> Iterator[Problem]:
    metadata = manifest.get("metadata")
    if isinstance(metadata, dict) and (metadata.get("name") or metadata.get("namespace")):
        yield _AT, f"metadata.name and metadata.namespace in {_AT} must be omitted"
    if not _is_text(manifest.get("apiVersion")) or not _is_text(manifest.get("kind")):
        yield _AT, f"APIVersion and Kind in {_AT} must be specified"
    elif is_process(manifest):
        yield from process_errors(manifest)
    elif manifest["apiVersion"] == BATCH_API and manifest["kind"] == "Job":
        yield from batch_errors(manifest)
    elif manifest["kind"] in _POD_KINDS and manifest["apiVersion"] != BATCH_API:
        names = [str(container.get("name", "")) for container in containers_of(manifest)]
        if primary_container_name and primary_container_name not in names:
            words = f"is not a container of {_SPEC}: [{' '.join(names)}]"
            yield f"{_AT}.primaryContainerName", f"{primary_container_name} {words}"
        if (manifest["apiVersion"], manifest["kind"]) == ("batch/v1", "Job"):
            yield from ((_AT, message) for message in job_errors(manifest))
        else:
            yield from _container_errors(manifest)


def _container_errors(manifest: Manifest) -> Iterator[Problem]:
    """Yield what the cluster would refuse of a container when it makes the pod, which is too late."""
    for container in containers_of(manifest):
        for parts, value, words in program_errors(container, takes_numbers=False):
            yield _SPEC, f"container {container.get('name')}: {place_of(parts)}: {words}, got {json.dumps(value)}"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)
