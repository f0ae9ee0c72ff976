"""A template that stands in a ConfigMap: where an Experiment wants it from, and its text put into the Experiment.

Whoever submits an Experiment looks the text up (in a file, in a cluster) and puts it in: functions see the result only,
so that a Trial never depends on a ConfigMap that has changed or gone meanwhile.
"""

from collections.abc import Callable

from pydantic import JsonValue, ValidationError

from events.resource import Manifest
from events.trial import ConfigMapSource
from functions.trial.manifest import map_text, mask_placeholders, unmask_placeholders


def find_config_map(manifest: Manifest) -> ConfigMapSource | None:
    """Return where the template is wanted from; None where it is there already, or the place is not complete."""
    given = _config_map(manifest)
    try:
        source = ConfigMapSource.model_validate(given) if given else ConfigMapSource()
    except ValidationError:
        return None  # admission says what is wrong
    is_complete = source.config_map_name and source.config_map_namespace and source.template_path
    return source if is_complete and source.trial_spec is None else None


def put_template(manifest: Manifest, text: str, *, parse: Callable[[str], JsonValue]) -> Manifest:
    """Return the Experiment with the template that this text is, as data; its placeholders may stand anywhere.

    Raises ValueError where the text is no object, and whatever `parse` raises.
    """
    masked, names = mask_placeholders(text)
    template = map_text(parse(masked), lambda each: unmask_placeholders(each, names))
    if not isinstance(template, dict):
        message = f"unable to convert spec.trialTemplate: {text} to unstructured"
        raise ValueError(message)  # noqa: TRY004 - the text is wrong, no caller's type
    spec = manifest["spec"]
    assert isinstance(spec, dict)
    outer = spec["trialTemplate"]
    assert isinstance(outer, dict)
    config_map = {**_config_map(manifest), "trialSpec": template}
    return {**manifest, "spec": {**spec, "trialTemplate": {**outer, "configMap": config_map}}}


def _config_map(manifest: Manifest) -> Manifest:
    value: JsonValue = manifest
    for name in ("spec", "trialTemplate", "configMap"):
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}
