"""CloudEvents 1.0 envelope: what every message carries besides its own data; encode() and decode()."""

import os
import time as system_time
from datetime import UTC, datetime
from typing import ClassVar

from pydantic import ConfigDict, Field, JsonValue, ValidationError
from pydantic_core import from_json, to_json

from .resource import Strict, Timestamp, to_wire_time

CONTENT_TYPE = "application/cloudevents+json"
CLIENT_SOURCE = "/kuttab/client"
MAX_MESSAGE_BYTES = 256 * 1024
"""The smallest ceiling of the brokers (SQS until 2025); larger messages are refused before they are sent."""

ATTRIBUTES = {
    "id": "id",
    "source": "source",
    "time": "time",
    "causationid": "caused_by",
    "traceparent": "traceparent",
    "redelivery": "redelivery",
}
"""CloudEvents attribute → field of Event; CloudEvents allows only lower-case letters and digits in these names."""

_COMPUTED = {"specversion", "type", "subject", "datacontenttype", "dataschema", "partitionkey", "correlationid"}


class MalformedEventError(ValueError):
    """The bytes are no CloudEvent that we know: correct the publisher; the message is in the dead-letter queue."""


def new_id() -> str:
    """Return a UUIDv7 (RFC 9562): a client's events sort by the time they were made."""
    millis = system_time.time_ns() // 1_000_000  # noqa: TID251 - a client's event is made at a moment, by chance
    noise = int.from_bytes(os.urandom(10), "big")  # noqa: TID251 - a client's event is made at a moment, by chance
    value = (
        (millis & (1 << 48) - 1) << 80 | 0x7 << 76 | (noise >> 64 & 0xFFF) << 64 | 0b10 << 62 | noise & (1 << 62) - 1
    )
    digits = f"{value:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _now() -> datetime:
    return datetime.fromtimestamp(system_time.time(), UTC)  # noqa: TID251 - a client's event is made at a moment, by chance


class Event(Strict):
    """A fact or a request, past tense. The fields here are the envelope's; a subclass adds the data."""

    model_config = ConfigDict(extra="forbid")
    type: ClassVar[str] = ""

    id: str = Field(default_factory=new_id, min_length=1, max_length=128)
    source: str = CLIENT_SOURCE
    time: Timestamp = Field(default_factory=_now)
    caused_by: str | None = None
    traceparent: str | None = None
    redelivery: int = Field(default=0, ge=0)
    """How often a handler asked for another delivery; waiting does not count as failing."""
    extensions: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def subject(self) -> str:
        """The resource that this is about."""
        return ""

    @property
    def partition_key(self) -> str:
        """What groups events that touch the same rows: the experiment's uid."""
        return ""

    @property
    def announcement_key(self) -> tuple[str, ...]:
        """Announcements with equal keys say the same; one of them is enough."""
        return (self.type, self.subject)


ENVELOPE_FIELDS = frozenset(Event.model_fields)
_RESERVED = ENVELOPE_FIELDS | {field.alias for field in Event.model_fields.values()}


def encode(event: Event) -> bytes:
    """Write the event as one CloudEvents 1.0 JSON object (structured mode)."""
    message: dict[str, object] = {
        **event.extensions,
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": to_wire_time(event.time),
        "datacontenttype": "application/json",
        "partitionkey": event.partition_key,
        "data": event.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=set(ENVELOPE_FIELDS)),
    }
    optional = {"causationid": event.caused_by, "traceparent": event.traceparent}
    message |= {attribute: value for attribute, value in optional.items() if value}
    if event.redelivery:
        message["redelivery"] = event.redelivery
    return to_json(message)


def decode(body: bytes | str) -> Event:
    """Read one CloudEvent; unknown data is ignored, unknown attributes are kept in `extensions`.

    Raises MalformedEventError with the place of the first few errors.
    """
    message = _parse(body)
    kind = message.get("type")
    event_class = _event_types().get(kind) if isinstance(kind, str) else None
    if event_class is None:
        text = f"type: {kind!r:.100} is not an event type that this version knows"
        raise MalformedEventError(text)
    data = message.get("data", {})
    if not isinstance(data, dict):
        text = f"data: must be a JSON object, got {type(data).__name__}"
        raise MalformedEventError(text)
    fields = {field: message[name] for name, field in ATTRIBUTES.items() if message.get(name) is not None}
    known = ATTRIBUTES.keys() | _COMPUTED | {"data", "data_base64"}
    extensions = {name: value for name, value in message.items() if name not in known}
    payload = {name: value for name, value in data.items() if name not in _RESERVED}
    try:
        return event_class.model_validate({**payload, **fields, "extensions": extensions}, extra="ignore")
    except ValidationError as error:
        raise MalformedEventError(describe_errors(error)) from error


def _event_types() -> dict[str, type[Event]]:
    from .types import EVENT_TYPES  # noqa: PLC0415 - the list imports every event, and each of them this module

    return EVENT_TYPES


def _parse(body: bytes | str) -> dict[str, JsonValue]:
    try:
        message = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        text = f"body: not JSON: {error}"
        raise MalformedEventError(text) from error
    if not isinstance(message, dict):
        text = f"body: must be a JSON object, got {type(message).__name__}"
        raise MalformedEventError(text)
    if message.get("specversion") != "1.0":
        text = f"specversion: must be '1.0', got {message.get('specversion')!r}"
        raise MalformedEventError(text)
    missing = [name for name in ("id", "source", "type") if not isinstance(message.get(name), str) or not message[name]]
    if missing:
        text = f"{missing[0]}: required"
        raise MalformedEventError(text)
    return message


def describe_errors(error: ValidationError, prefix: str = "", most: int = 20) -> str:
    """Render pydantic's errors as `field.path: message`, a line each."""
    return "\n".join(f"{path}: {message}" for path, message in field_errors(error, prefix)[:most])


def field_errors(error: ValidationError, prefix: str = "") -> list[tuple[str, str]]:
    """Return pydantic's errors as (Kubernetes-style field path, message)."""
    found = []
    for item in error.errors(include_url=False, include_context=False):
        path = prefix
        for part in item["loc"]:
            path += f"[{part}]" if isinstance(part, int) else f".{part}"
        found.append((path.lstrip(".") or "body", item["msg"]))
    return found
