"""What a `batch/v1 Job` may hold: a field in the wrong place would be dropped by the cluster without a word."""

import json
from collections.abc import Generator, Iterator

from pydantic import JsonValue

from events.resource import Manifest
from functions.trial.container_rules import program_errors
from functions.trial.manifest import PLACEHOLDER

_JOB = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})
_JOB_SPEC = frozenset(
    [
        "activeDeadlineSeconds",
        "backoffLimit",
        "backoffLimitPerIndex",
        "completionMode",
        "completions",
        "managedBy",
        "manualSelector",
        "maxFailedIndexes",
        "parallelism",
        "podFailurePolicy",
        "podReplacementPolicy",
        "selector",
        "successPolicy",
        "suspend",
        "template",
        "ttlSecondsAfterFinished",
    ]
)
_POD_TEMPLATE = frozenset({"metadata", "spec"})
_POD_SPEC = frozenset(
    [
        "activeDeadlineSeconds",
        "affinity",
        "automountServiceAccountToken",
        "containers",
        "dnsConfig",
        "dnsPolicy",
        "enableServiceLinks",
        "ephemeralContainers",
        "hostAliases",
        "hostIPC",
        "hostNetwork",
        "hostPID",
        "hostUsers",
        "hostname",
        "hostnameOverride",
        "imagePullSecrets",
        "initContainers",
        "nodeName",
        "nodeSelector",
        "os",
        "overhead",
        "preemptionPolicy",
        "priority",
        "priorityClassName",
        "readinessGates",
        "resourceClaims",
        "resources",
        "restartPolicy",
        "runtimeClassName",
        "schedulerName",
        "schedulingGates",
        "securityContext",
        "serviceAccount",
        "serviceAccountName",
        "setHostnameAsFQDN",
        "shareProcessNamespace",
        "subdomain",
        "terminationGracePeriodSeconds",
        "tolerations",
        "topologySpreadConstraints",
        "volumes",
    ]
)
_CONTAINER = frozenset(
    [
        "args",
        "command",
        "env",
        "envFrom",
        "image",
        "imagePullPolicy",
        "lifecycle",
        "livenessProbe",
        "name",
        "ports",
        "readinessProbe",
        "resizePolicy",
        "resources",
        "restartPolicy",
        "restartPolicyRules",
        "securityContext",
        "startupProbe",
        "stdin",
        "stdinOnce",
        "terminationMessagePath",
        "terminationMessagePolicy",
        "tty",
        "volumeDevices",
        "volumeMounts",
        "workingDir",
    ]
)
_NUMBERS = frozenset(
    [
        "activeDeadlineSeconds",
        "backoffLimit",
        "completions",
        "parallelism",
        "terminationGracePeriodSeconds",
        "ttlSecondsAfterFinished",
    ]
)
_SHOWN_CHARACTERS = 60


def job_errors(manifest: Manifest) -> Iterator[str]:
    """Yield what keeps the manifest from being a Job, in Katib's words."""
    yield from _object_errors(manifest, "", _JOB)
    spec = yield from _inner(manifest, "spec", "", _JOB_SPEC)
    template = yield from _inner(spec, "template", "/spec", _POD_TEMPLATE)
    pod = yield from _inner(template, "spec", "/spec/template", _POD_SPEC)
    for field in ("initContainers", "containers"):
        yield from _container_errors(pod.get(field), f"/spec/template/spec/{field}")


def _inner(outer: Manifest, field: str, at: str, known: frozenset[str]) -> Generator[str, None, Manifest]:
    """Yield what is wrong with the object in this field and return the object, empty where there is none."""
    value, path = outer.get(field), f"{at}/{field}"
    if value is None:
        return {}
    if not isinstance(value, dict):
        yield _cannot(path, value, ": must be an object")
        return {}
    yield from _object_errors(value, path, known)
    return value


def _container_errors(value: JsonValue, at: str) -> Iterator[str]:
    if value is not None and not isinstance(value, list):
        yield _cannot(at, value, ": must be a list")
    for index, container in enumerate(value if isinstance(value, list) else []):
        if isinstance(container, dict):
            yield from _object_errors(container, f"{at}/{index}", _CONTAINER)
            for parts, item, words in program_errors(container, takes_numbers=False):
                yield _cannot("/".join((at, *map(str, (index, *parts)))), item, f": {words}")
        else:
            yield _cannot(f"{at}/{index}", container, ": must be an object")


def _object_errors(value: Manifest, at: str, known: frozenset[str]) -> Iterator[str]:
    for name, item in value.items():
        if name not in known:
            yield _cannot(f"{at}/{name}", item)
        elif name in _NUMBERS and not _is_number(item):
            yield _cannot(f"{at}/{name}", item, ": must be a whole number")


def _is_number(value: JsonValue) -> bool:
    """Tell whether this is a whole number, nothing, or a text that a parameter's value takes the place of."""
    if isinstance(value, str):
        return PLACEHOLDER.search(value) is not None
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def _cannot(path: str, value: JsonValue, why: str = "") -> str:
    shown = json.dumps(value)
    shown = shown if len(shown) <= _SHOWN_CHARACTERS else f"{shown[:_SHOWN_CHARACTERS]}..."
    return f"invalid spec.trialTemplate: unable to convert: {path} - {shown} to Job{why}"
