"""Values of an architecture search as text: JSON in single quotes, which survives Katib's shell, as its images read."""

import json

from pydantic import JsonValue


def to_quoted(value: JsonValue) -> str:
    """Write JSON with single quotes in the place of double ones."""
    return json.dumps(value).replace('"', "'")
