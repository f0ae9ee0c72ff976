"""What our own kind must be to be started at all."""

from collections.abc import Iterator

from events.resource import Manifest
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
    for name in ("timeoutSeconds", "stopGraceSeconds", "heartbeatSeconds"):
        if name in fields and not _is_duration(fields[name]):
            yield f"{_SPEC}.spec.{name}", "must be a number of seconds that is not negative"
    for name in sorted(set(fields) - _PROCESS_FIELDS):
        yield f"{_SPEC}.spec.{name}", f"is not a field of Process: it has {', '.join(sorted(_PROCESS_FIELDS))}"


def _is_duration(value: object) -> bool:
    """Tell whether this is a number, or a text that a parameter's value becomes part of."""
    if isinstance(value, str):
        return PLACEHOLDER.search(value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
