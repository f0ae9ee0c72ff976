"""What a `batch.amazonaws.com/v1 Job` must be: its `spec` is the request of AWS Batch's SubmitJob."""

from collections.abc import Iterator

from events.resource import Manifest

_SPEC = "spec.trialTemplate.trialSpec.spec"
_FIELDS = frozenset(
    {
        "consumableResourcePropertiesOverride",
        "containerOverrides",
        "dependsOn",
        "ecsPropertiesOverride",
        "eksPropertiesOverride",
        "jobDefinition",
        "jobQueue",
        "parameters",
        "propagateTags",
        "retryStrategy",
        "schedulingPriorityOverride",
        "shareIdentifier",
        "tags",
        "timeout",
    }
)
_REFUSED = {
    "arrayProperties": "a Trial is one job: raise parallelTrialCount instead of submitting an array",
    "jobName": "must be omitted: the name is derived from the Trial",
    "nodeOverrides": "multi-node parallel jobs are not supported",
}
_LISTS = {
    "ecsPropertiesOverride": "taskProperties",
    "eksPropertiesOverride": "podProperties",
}

Problem = tuple[str, str]


def batch_errors(manifest: Manifest) -> Iterator[Problem]:
    """Yield (field path, message) of what SubmitJob, or Kuttab, would refuse."""
    spec = manifest.get("spec")
    if not isinstance(spec, dict):
        yield _SPEC, "must be the request of SubmitJob: an object with jobQueue and jobDefinition"
        return
    for name in ("jobQueue", "jobDefinition"):
        if not isinstance(spec.get(name), str) or not spec[name]:
            yield f"{_SPEC}.{name}", "must be specified"
    for name in sorted(set(spec) - _FIELDS):
        yield f"{_SPEC}.{name}", _REFUSED.get(name, f"is not a field of SubmitJob: it has {', '.join(sorted(_FIELDS))}")
    for name, member in _LISTS.items():
        held = spec.get(name, {member: ""})
        if not isinstance(held, dict) or member not in held:
            yield f"{_SPEC}.{name}.{member}", "must be specified: the containers get their environment there"
