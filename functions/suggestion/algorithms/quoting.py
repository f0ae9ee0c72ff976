"""Values of an architecture search as text: JSON in single quotes, which survives Katib's shell, as its images read."""

import json

from pydantic import JsonValue


def to_quoted(value: JsonValue) -> str:
    """Write JSON with single quotes in the place of double ones."""
    return json.dumps(value).replace('"', "'")


def from_quoted(text: str) -> str:
    """Return the JSON that `to_quoted` wrote; an apostrophe in a name makes it none, as for Katib's images."""
    return text.replace("'", '"')
