"""JSON types as YAML in block style: the little that a generated document needs, without a YAML library."""

import json
import re
from collections.abc import Iterator

from pydantic import JsonValue

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")
_WORDS_OF_YAML = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_INDENT = "  "


def to_yaml(value: JsonValue) -> str:
    """Return the YAML text of this value."""
    return "\n".join(_lines(value)) + "\n"


def _lines(value: JsonValue) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _entry(f"{_scalar(name)}:", item)
    elif isinstance(value, list) and value:
        for item in value:
            first, *rest = _lines(item)
            yield f"- {first}"
            yield from (f"{_INDENT}{line}" for line in rest)
    else:
        yield _scalar(value)


def _entry(label: str, value: JsonValue) -> Iterator[str]:
    if isinstance(value, dict | list) and value:
        yield label
        yield from (f"{_INDENT}{line}" for line in _lines(value))
    else:
        yield f"{label} {_scalar(value)}"


def _scalar(value: JsonValue) -> str:
    """Write a word as it is and everything else as JSON, which YAML understands."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS_OF_YAML:
        return value
    return json.dumps(value, ensure_ascii=False)
