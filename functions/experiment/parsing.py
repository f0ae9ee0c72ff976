"""A manifest as an Experiment resource, and what is wrong with its types, in plain words."""

import json
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pydantic import JsonValue, ValidationError

from events.envelope import field_errors
from events.experiment import ExperimentResource
from events.resource import Manifest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Problem = tuple[str, str]
"""The path of a field and what is wrong with it."""

_FREE_FORM = frozenset({"trialSpec", "customCollector", "httpGet"})
"""Objects of other vocabularies: a null in them may mean something."""

_WORDS = {
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "model_type": "must be an object",
    "string_type": "must be a string",
    "tuple_type": "must be a list",
}

_ENUM_WORDS = {
    "distribution": "distribution: {value} is not supported",
    "kind": "invalid metrics collector kind: {value}",
    "parameterType": "parameterType: {value} is not supported",
    "type": "must be minimize or maximize",
}
"""Katib's words for a value outside of a fixed set, by the name of the field."""

_STAND_INS: dict[str, JsonValue] = {"kind": "StdOut", "name": "", "parameterType": "unknown", "value": "latest"}
"""What takes the place of a wrong value that cannot just be left out, so that the other fields can be looked at."""

_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Parsed:
    """The resource and the problems of its types; where there are any, it has stand-ins for the wrong values."""

    resource: ExperimentResource | None
    problems: tuple[Problem, ...] = ()


def parse(manifest: Manifest) -> Parsed:
    """Read the manifest as Go would: strictly, with null for nothing. The status is the server's and is not read."""
    try:
        text = json.dumps(_without_status(manifest), default=_to_text, allow_nan=False)
    except RecursionError:
        return Parsed(None, (("body", "is nested too deeply"),))
    except (TypeError, ValueError) as error:
        return Parsed(None, (("body", f"holds what JSON cannot write: {error}"),))
    try:
        return Parsed(_read(text))
    except ValidationError as error:
        return Parsed(_read_repaired(text, error), _problems(error))


def _without_status(manifest: JsonValue) -> JsonValue:
    if not isinstance(manifest, dict):
        return manifest
    return _clean({name: value for name, value in manifest.items() if name != "status"})


def _clean(value: JsonValue) -> JsonValue:
    """Leave out what says nothing: Go reads a null, and an empty distribution, as absent."""
    if isinstance(value, dict):
        kept = (
            (name, item) for name, item in value.items() if item is not None and (name, item) != ("distribution", "")
        )
        return {name: item if name in _FREE_FORM else _clean(item) for name, item in kept}
    return [_clean(item) for item in value] if isinstance(value, list) else value


def _to_text(value: object) -> str:
    """Write a date, which YAML makes of an unquoted one, as it stood in the file."""
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _read(text: str) -> ExperimentResource:
    return ExperimentResource.model_validate_json(text, strict=True, by_alias=True, by_name=False)


def _read_repaired(text: str, error: ValidationError) -> ExperimentResource | None:
    """Read the manifest with its wrong values replaced or left out; None where that cannot be done."""
    try:
        manifest = json.loads(text)
        for item in error.errors(include_url=False):
            _repair(manifest, item)
        return _read(json.dumps(manifest))
    except (IndexError, KeyError, RecursionError, TypeError, ValueError):
        return None


def _repair(manifest: JsonValue, item: "ErrorDetails") -> None:
    """Put something of the right type where the error is, or nothing."""
    *parents, last = item["loc"]
    parent = manifest
    for part in parents:
        parent = _child(parent, part)
    is_text = item["type"] == "string_type"
    if isinstance(parent, dict) and (is_text or last in _STAND_INS):
        parent[str(last)] = str(item["input"]) if is_text else _STAND_INS[str(last)]
    elif isinstance(parent, list) and is_text:
        parent[int(last)] = str(item["input"])
    elif isinstance(parent, dict):
        del parent[str(last)]
    else:
        raise TypeError(last)


def _child(parent: JsonValue, part: int | str) -> JsonValue:
    if isinstance(parent, dict):
        return parent[str(part)]
    if isinstance(parent, list):
        return parent[int(part)]
    raise TypeError(part)


def _problems(error: ValidationError) -> tuple[Problem, ...]:
    items = error.errors(include_url=False)
    return tuple((path, _describe(item)) for (path, _), item in zip(field_errors(error), items, strict=True))


def _describe(item: "ErrorDetails") -> str:
    kind, value = item["type"], item["input"]
    if kind == "missing":
        return "must be specified"
    if kind == "enum":
        words = _ENUM_WORDS.get(str(item["loc"][-1]), f"must be {item['ctx']['expected']}")
        return words.format(value=value)
    if kind.startswith("datetime"):
        return "must be a time such as 2026-01-31T12:00:00Z"
    shown = json.dumps(value)
    shown = shown if len(shown) <= _SHOWN_CHARACTERS else f"{shown[:_SHOWN_CHARACTERS]}..."
    hint = ": put it in quotes" if kind == "string_type" and isinstance(value, bool | int | float) else ""
    return f"{_WORDS[kind]}, got {shown}{hint}" if kind in _WORDS else item["msg"]
