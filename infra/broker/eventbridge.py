"""Read EventBridge's envelope: a Batch job's new state, a tick of a schedule, or a CloudEvent on a bus."""

import json
from collections.abc import Callable

from pydantic import JsonValue

from events.envelope import MalformedEventError, encode
from events.experiment import ClockTicked
from events.resource import Manifest
from infra.target.batch_events import worker_changed_of

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
    """Tell which Worker has changed."""
    detail = message.get("detail")
    event = worker_changed_of(detail) if isinstance(detail, dict) else None
    if event is None:
        raise MalformedEventError("detail: no job of ours, or in a state that says nothing")
    found: JsonValue = json.loads(encode(event))
    return found


def _tick(message: Manifest) -> JsonValue:
    about = {name: message.get(name) for name in ("id", "time")}
    return {**about, "specversion": "1.0", "source": "/aws/events", "type": ClockTicked.type}


_TRANSLATIONS: dict[str, Callable[[Manifest], JsonValue]] = {
    "Batch Job State Change": _batch_job,
    "Scheduled Event": _tick,
}
