"""Success and failure conditions: GJSON paths over the live object, in which an absent path is no match."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pygjson


@dataclass(frozen=True, slots=True)
class Match:
    """What a condition found: the object that it selected says why."""

    reason: str = ""
    message: str = ""


def find_match(found: Mapping[str, Any], condition: str) -> Match | None:
    """Return the match as Katib sees it: an object, or the first of a list that is not empty; a value never matches."""
    if not condition:
        return None
    result = pygjson.get(json.dumps(found), condition)
    if not result.exists():
        return None
    if result.type_ is list:
        several = result.value
        return _read(several[0]) if several else None
    return _read(result) if result.type_ is dict else None


def _read(result: pygjson.Result) -> Match:
    fields = result.value if result.type_ is dict else {}
    said = {name: str(fields[name].value) for name in ("reason", "message") if name in fields and fields[name].value}
    return Match(**said)
