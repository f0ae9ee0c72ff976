"""What our own kind must be to be started at all."""

import json
from collections.abc import Iterator

from events.resource import Manifest
from functions.catalog import LABEL_COUNT
from functions.trial.container_rules import place_of, program_errors
from functions.trial.manifest import PLACEHOLDER

_SPEC = "spec.trialTemplate.trialSpec"
_PROCESS_FIELDS = frozenset(
    {
        "args",
        "command",
        "env",
        "heartbeatSeconds",
        "runnerSelector",
        "stopGraceSeconds",
        "timeoutSeconds",
        "workingDir",
    }
)


def process_errors(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Yield (field path, message) of what keeps our own kind from ever being started."""
    spec = manifest.get("spec")
    fields = spec if isinstance(spec, dict) else {}
    command = fields.get("command")
    if not isinstance(command, list) or not command or not command[0]:
        yield f"{_SPEC}.spec.command", "must be a list: the program and its arguments"
    for parts, value, words in program_errors(fields, takes_numbers=True):
        if parts != ("command",):
            yield f"{_SPEC}.spec.{place_of(parts)}", f"{words}, got {json.dumps(value)}"
    for name in ("timeoutSeconds", "stopGraceSeconds", "heartbeatSeconds"):
        if name in fields and not _is_duration(fields[name]):
            yield f"{_SPEC}.spec.{name}", "must be a number of seconds that is not negative"
    yield from _selector_errors(fields.get("runnerSelector", {}))
    for name in sorted(set(fields) - _PROCESS_FIELDS):
        yield f"{_SPEC}.spec.{name}", f"is not a field of Process: it has {', '.join(sorted(_PROCESS_FIELDS))}"


def _selector_errors(selector: object) -> Iterator[tuple[str, str]]:
    """Yield what keeps every host from satisfying the selector: its values are compared as text, as they stand."""
    path = f"{_SPEC}.spec.runnerSelector"
    if not isinstance(selector, dict):
        yield path, "must be a mapping of labels, such as {gpu: a100}"
    elif len(selector) > LABEL_COUNT:
        yield path, f"must not have more than {LABEL_COUNT} labels: no host has more"
    else:
        for key, value in selector.items():
            if not isinstance(value, str):
                yield f"{path}.{key}", "must be text: put quotes around a number or a truth value"
            elif PLACEHOLDER.search(value):
                yield (
                    f"{path}.{key}",
                    "must not depend on a parameter: all Trials of an Experiment ask for the same host",
                )


def _is_duration(value: object) -> bool:
    """Tell whether this is a number, or a text that a parameter's value becomes part of."""
    if isinstance(value, str):
        return PLACEHOLDER.search(value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
