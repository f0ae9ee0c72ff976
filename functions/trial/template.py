"""A Trial's manifest from its template: values are put into the parsed object as data, never into text parsed again."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from events.resource import Manifest
from events.search_space import ParameterAssignment
from events.trial import TargetKind, TrialTemplate
from functions.trial.manifest import (
    BATCH_API,
    INDEXED,
    KUTTAB_API,
    METADATA,
    PLACEHOLDER,
    is_process,
    map_text,
    placeholders,
    pod_specs_of,
    with_split_commands,
)
from functions.trial.template_rules import template_errors

__all__ = ["placeholders", "render", "split_commands", "target_of", "template_errors"]

_TARGETS = {
    (KUTTAB_API, "Process"): TargetKind.PROCESS,
    (KUTTAB_API, "External"): TargetKind.EXTERNAL,
    (KUTTAB_API, "Simulated"): TargetKind.SIMULATED,
    (BATCH_API, "Job"): TargetKind.BATCH,
}


def render(
    template: TrialTemplate, *, assignments: Sequence[ParameterAssignment], trial_name: str, namespace: str
) -> Manifest:
    """Return the manifest with its placeholders filled and the Trial's name and namespace.

    Every placeholder is replaced once: what a value holds, a quote or another placeholder, stays as it is. A value is
    text, as in Katib, also where the placeholder is all of a field. Raises ValueError where a parameter of the
    template has no value.
    """
    manifest = template.manifest or {}
    given = {assignment.name: assignment.value for assignment in assignments}
    values = {
        parameter.name: _value_of(parameter.reference, given, manifest, trial_name=trial_name, namespace=namespace)
        for parameter in template.trial_parameters or ()
    }
    filled = map_text(manifest, lambda text: PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text))
    assert isinstance(filled, dict)
    metadata = filled.get("metadata")
    kept = metadata if isinstance(metadata, dict) else {}
    return {**filled, "metadata": {**kept, "name": trial_name, "namespace": namespace}}


def _value_of(reference: str, given: Mapping[str, str], manifest: Manifest, *, trial_name: str, namespace: str) -> str:
    """Look a reference up: a parameter of the search space, or something of the Trial and its template."""
    if reference in given:
        return given[reference]
    found = METADATA.search(reference)
    if found is None:
        message = f"unable to find non-meta parameter from TrialParameters in ParameterAssignment: {reference}"
        raise ValueError(message)
    indexed = INDEXED.fullmatch(found["key"])
    known: dict[str, JsonValue] = {
        "Name": trial_name,
        "Namespace": namespace,
        "Kind": manifest.get("kind"),
        "APIVersion": manifest.get("apiVersion"),
    }
    value = _metadata_of(manifest, indexed["key"], indexed["index"]) if indexed else known.get(found["key"])
    if not isinstance(value, str):
        message = f"illegal reference of trial metadata: {reference}"
        raise ValueError(message)  # noqa: TRY004 - the template's value is wrong, no caller's type
    return value


def _metadata_of(manifest: Manifest, field: str, key: str) -> JsonValue:
    metadata = manifest.get("metadata")
    entries = metadata.get(field.lower()) if isinstance(metadata, dict) else None
    return entries.get(key) if isinstance(entries, dict) else None


def split_commands(template: TrialTemplate) -> TrialTemplate:
    """Return the template with its primary container's command and args split into words, as a shell would.

    Katib joins them with spaces and lets a shell read the result, values included, so its files are full of
    `--architecture="${trialParameters.x}"`. Splitting first gives the same words, and no value is read by a shell.
    Left as they are: `sh -c` with its script, whatever else is more than plain words to a shell, and the kind Process,
    whose command is an exact list of arguments. Nothing is expanded: no `$HOME`, no `*`.
    """
    if template.manifest is None or is_process(template.manifest):
        return template
    manifest = with_split_commands(template.manifest, template.primary_container_name)
    return template.replace(trial_spec=manifest)


def target_of(manifest: Manifest, override: str | None = None) -> TargetKind:
    """Return where the Worker of this manifest runs: as its kind says, unless something else that can is asked for.

    Raises ValueError where the override names no target, or one that cannot run this kind.
    """
    api_version, kind = manifest.get("apiVersion"), manifest.get("kind")
    natural = _TARGETS.get((str(api_version), str(kind)), TargetKind.KUBERNETES)
    if override is None:
        return natural
    if override not in set(TargetKind):
        message = f"{override!r} is not a target: use one of {', '.join(TargetKind)}"
        raise ValueError(message)
    chosen = TargetKind(override)
    is_pod_here = chosen == TargetKind.PROCESS and natural == TargetKind.KUBERNETES and any(pod_specs_of(manifest))
    if chosen in {natural, TargetKind.EXTERNAL} or is_pod_here:
        return chosen
    message = f"target {chosen} cannot run {api_version} {kind}, which is for {natural}"
    raise ValueError(message)
