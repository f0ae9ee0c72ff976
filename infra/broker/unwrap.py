"""Take the CloudEvent out of a message body: plain, or in one of kombu's envelopes, or in EventBridge's."""

import base64
import binascii
import json

from infra.broker.eventbridge import DETAIL_TYPE, from_eventbridge


def unwrap(body: bytes) -> bytes:
    """Return the innermost body.

    Plain JSON first, base64 second, never the other way round: almost any short text decodes as base64.
    Raises MalformedEventError for an envelope of EventBridge with nothing for us in it.
    """
    found = body
    for _ in range(2):
        try:
            message = json.loads(found)
        except (ValueError, RecursionError):
            try:
                found = base64.b64decode(found, validate=True)
            except (binascii.Error, ValueError):
                return body
            continue
        if isinstance(message, dict) and DETAIL_TYPE in message:
            return from_eventbridge(message)
        if not isinstance(message, dict) or not {"body", "properties", "content-type"} <= message.keys():
            return found
        return _inner(message)
    return body


def _inner(message: dict[str, object]) -> bytes:
    """Return the body of kombu's envelope, which says itself whether it is base64."""
    properties = message["properties"]
    text = str(message["body"])
    is_encoded = isinstance(properties, dict) and properties.get("body_encoding") == "base64"
    try:
        return base64.b64decode(text) if is_encoded else text.encode()
    except (binascii.Error, ValueError):
        return text.encode()
