"""What a program is started with, in a container or as a process: command and args are texts, env has usable names."""

import re
from collections.abc import Iterator

from pydantic import JsonValue

from events.resource import Manifest
from functions.trial.manifest import PLACEHOLDER

Problem = tuple[tuple[str | int, ...], JsonValue, str]
"""Where it is within the fields, the value there, and what it must be."""

_ENV_NAME = re.compile(r"[ -<>-~]+")
_ENV_NAME_WORDS = "a valid environment variable name must consist only of printable ASCII characters other than '='"
"""Kubernetes' rule and words; a process could not be started with another name either."""


def program_errors(fields: Manifest, *, takes_numbers: bool) -> Iterator[Problem]:
    """Yield what keeps the program from being started; `takes_numbers` lets values of env be bare numbers.

    In a command they are refused everywhere: YAML reads `1.10`, `010` or `yes` as something else than is written.
    """
    for name in ("command", "args"):
        yield from _word_errors(name, fields.get(name))
    kinds = (str, int, float) if takes_numbers else (str,)
    match fields.get("env"):
        case list(entries):
            yield from (problem for index, it in enumerate(entries) for problem in _entry_errors(index, it, kinds))
        case dict(values) if takes_numbers:
            yield from (problem for name, value in values.items() for problem in _pair_errors(name, value, kinds))
        case None:
            return
        case other:
            yield ("env",), other, "must be a list of names and values"


def place_of(parts: tuple[str | int, ...]) -> str:
    """Write a place as paths of fields have it, such as `command[1]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".")


def _word_errors(name: str, value: JsonValue) -> Iterator[Problem]:
    if value is not None and not isinstance(value, list):
        yield (name,), value, "must be a list"
        return
    for index, word in enumerate(value or ()):
        if not isinstance(word, str):
            hint = ": put it in quotes" if isinstance(word, bool | int | float) else ""
            yield (name, index), word, f"must be a string{hint}"


def _entry_errors(index: int, entry: JsonValue, kinds: tuple[type, ...]) -> Iterator[Problem]:
    if not isinstance(entry, dict):
        yield ("env", index), entry, "must be an object with name and value"
        return
    name, value = entry.get("name"), entry.get("value")
    if not isinstance(name, str) or not name:
        yield ("env", index, "name"), name, "must be specified"
    elif not _is_usable(name):
        yield ("env", index, "name"), name, _ENV_NAME_WORDS
    if value is not None and not isinstance(value, kinds):
        yield ("env", index, "value"), value, _value_words(value)


def _pair_errors(name: str, value: JsonValue, kinds: tuple[type, ...]) -> Iterator[Problem]:
    if not _is_usable(name):
        yield ("env",), name, _ENV_NAME_WORDS if name else "has a variable without a name"
    if value is not None and not isinstance(value, kinds):
        yield ("env", name), value, _value_words(value)


def _value_words(value: JsonValue) -> str:
    return f"must be a string{': put it in quotes' if isinstance(value, bool | int | float) else ''}"


def _is_usable(name: str) -> bool:
    """Tell whether a variable may have the name, whatever takes the place of its placeholders."""
    return _ENV_NAME.fullmatch(PLACEHOLDER.sub("_", name)) is not None
