"""Read EventBridge's envelope: a Batch job's new state, a tick of a schedule, or a CloudEvent on a bus."""

import json
from collections.abc import Callable

from pydantic import JsonValue

from events.envelope import MalformedEventError
from events.experiment import ClockTicked
from events.resource import Manifest
from events.trial import TargetKind, WorkerChanged
from infra.target.worker_environment import read_identity

DETAIL_TYPE = "detail-type"
"""The attribute by which EventBridge's envelope is known: CloudEvents allows no hyphen in a name."""


def from_eventbridge(message: Manifest) -> bytes:
    """Return the CloudEvent that the message means. Raises MalformedEventError with the place."""
    translate = _TRANSLATIONS.get(str(message.get(DETAIL_TYPE)), _detail)
    return json.dumps(translate(message)).encode()


def _detail(message: Manifest) -> JsonValue:
    """Return what somebody put on a bus: the detail is the CloudEvent itself."""
    detail = message.get("detail")
    if not isinstance(detail, dict) or "specversion" not in detail:
        raise MalformedEventError(f"detail: of {message[DETAIL_TYPE]!r:.100} must be a CloudEvent")
    return detail


def _batch_job(message: Manifest) -> JsonValue:
    """Tell which Worker has changed: a Batch event carries the job's environment, and not always its tags."""
    environment = _environment(message)
    try:
        data: Manifest = {**read_identity(environment), "target": TargetKind.BATCH}
    except KeyError as error:
        raise MalformedEventError(f"detail.container.environment: no {error.args[0]}, so no Worker of ours") from error
    return _cloud_event(message, WorkerChanged.type, "/aws/batch", data)


def _environment(message: Manifest) -> dict[str, str]:
    found: JsonValue = message.get("detail")
    for name in ("container", "environment"):
        found = found.get(name) if isinstance(found, dict) else None
    pairs = found if isinstance(found, list) else []
    return {str(it.get("name")): str(it.get("value")) for it in pairs if isinstance(it, dict)}


def _tick(message: Manifest) -> JsonValue:
    return _cloud_event(message, ClockTicked.type, "/aws/events", {})


def _cloud_event(message: Manifest, kind: str, source: str, data: Manifest) -> JsonValue:
    envelope = {name: message.get(name) for name in ("id", "time")}
    return {**envelope, "specversion": "1.0", "source": source, "type": kind, "data": data}


_TRANSLATIONS: dict[str, Callable[[Manifest], JsonValue]] = {
    "Batch Job State Change": _batch_job,
    "Scheduled Event": _tick,
}
