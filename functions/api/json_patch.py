"""JSON patch (RFC 6902), as far as somebody changes an Experiment by it: test, add, replace and remove."""

import copy

from pydantic import JsonValue

from functions.api.problems import bad_request

_OPERATIONS = frozenset({"add", "remove", "replace", "test"})


def apply_operations(found: JsonValue, operations: JsonValue) -> JsonValue:
    """Return the value with the operations carried out in order. Raises ApiError where one cannot be."""
    if not isinstance(operations, list):
        raise bad_request("a JSON patch must be a list of operations")
    whole: JsonValue = copy.deepcopy(found)
    for operation in operations:
        if not isinstance(operation, dict) or operation.get("op") not in _OPERATIONS:
            raise bad_request(f"op: must be one of {', '.join(sorted(_OPERATIONS))}")
        path = operation.get("path")
        if not isinstance(path, str) or not path.startswith("/"):
            raise bad_request(f"path: {path!r} does not begin with /")
        try:
            _carry_out(whole, str(operation["op"]), path, operation.get("value"))
        except (LookupError, ValueError, TypeError) as error:
            raise bad_request(f"{operation['op']} {path}: there is no such place, or another value") from error
    return whole


def _carry_out(whole: JsonValue, action: str, path: str, value: JsonValue) -> None:
    *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/")]
    place = whole
    for part in parents:
        place = _step(place, part)
    if isinstance(place, dict):
        _change_object(place, action, last, value)
    elif isinstance(place, list):
        _change_list(place, action, last, value)
    else:
        raise TypeError(last)


def _step(place: JsonValue, part: str) -> JsonValue:
    if isinstance(place, dict):
        return place[part]
    if isinstance(place, list):
        return place[_index(part)]
    raise TypeError(part)


def _change_object(place: dict[str, JsonValue], action: str, name: str, value: JsonValue) -> None:
    if action == "add":
        place[name] = value
    elif action == "remove":
        del place[name]
    elif place[name] != value and action == "test":
        raise ValueError(name)
    else:
        place[name] = value


def _change_list(place: list[JsonValue], action: str, name: str, value: JsonValue) -> None:
    index = len(place) if name == "-" and action == "add" else _index(name)
    if action == "add":
        if index > len(place):
            raise IndexError(index)
        place.insert(index, value)
    elif action == "remove":
        del place[index]
    elif place[index] != value and action == "test":
        raise ValueError(name)
    else:
        place[index] = value


def _index(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError(text)
    return int(text)
