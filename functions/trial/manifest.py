"""What a manifest is made of: placeholders, containers and commands, read without knowing its kind."""

import re
import shlex
from collections.abc import Callable, Iterator, Sequence

from pydantic import JsonValue

from events.resource import Manifest

PLACEHOLDER = re.compile(r"\$\{trialParameters\.(.+?)\}")
METADATA = re.compile(r"\$\{trialSpec\.(?P<key>.+?)\}")
INDEXED = re.compile(r"(?P<key>Labels|Annotations)\[(?P<index>.+)\]")

KUTTAB_API = "kuttab.dev/v1"
BATCH_API = "batch.amazonaws.com/v1"

_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh"})
_SHELL_SYNTAX = frozenset("();<>|&")
_MASK = "\ue000{}\ue001"
"""Stands for a placeholder while its text is parsed: private-use characters that shell and YAML read as letters."""
_MASKED = re.compile("\ue000(\\d+)\ue001")


def map_text(value: JsonValue, change: Callable[[str], str]) -> JsonValue:
    """Return the value with every text in it changed, the keys of objects as well."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [map_text(item, change) for item in value]
    if isinstance(value, dict):
        return {change(key): map_text(item, change) for key, item in value.items()}
    return value


def placeholders(value: JsonValue) -> set[str]:
    """Return the names of the trialParameters that a manifest, or its text, refers to."""
    names: set[str] = set()

    def note(text: str) -> str:
        names.update(PLACEHOLDER.findall(text))
        return text

    map_text(value, note)
    return names


def is_process(manifest: Manifest) -> bool:
    """Tell whether this is our own kind for a process of a host."""
    return manifest.get("apiVersion") == KUTTAB_API and manifest.get("kind") == "Process"


def takes_assignments(manifest: Manifest) -> bool:
    """Tell whether Workers of this kind read their assignments themselves, so that placeholders are optional."""
    return manifest.get("apiVersion") == KUTTAB_API and manifest.get("kind") in ("External", "Simulated")


def pod_specs_of(value: JsonValue) -> Iterator[Manifest]:
    """Yield every object that has a list of containers, the outer ones first."""
    if isinstance(value, dict):
        if isinstance(value.get("containers"), list):
            yield value
        for item in value.values():
            yield from pod_specs_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from pod_specs_of(item)


def containers_of(value: JsonValue) -> Iterator[Manifest]:
    """Yield the containers of every pod spec in the manifest."""
    for pod in pod_specs_of(value):
        containers = pod["containers"]
        assert isinstance(containers, list)
        yield from (container for container in containers if isinstance(container, dict))


def with_split_commands(value: JsonValue, container_name: str) -> JsonValue:
    """Return the manifest with command and args of the containers of this name split into words."""
    if isinstance(value, list):
        return [with_split_commands(item, container_name) for item in value]
    if not isinstance(value, dict):
        return value
    changed = {key: with_split_commands(item, container_name) for key, item in value.items()}
    if isinstance(changed.get("containers"), list):
        containers = changed["containers"]
        assert isinstance(containers, list)
        changed["containers"] = [_split_container(each, container_name) for each in containers]
    return changed


def _split_container(container: JsonValue, name: str) -> JsonValue:
    if not isinstance(container, dict) or container.get("name") != name:
        return container
    lists = {key: found for key in ("command", "args") if isinstance(found := container.get(key), list)}
    if _is_script([word for found in lists.values() for word in found if isinstance(word, str)]):
        return container
    return {**container, **{key: [word for item in found for word in _split(item)] for key, found in lists.items()}}


def _is_script(command: list[str]) -> bool:
    """Tell whether the command hands a script to a shell, which will read it as it stands."""
    first, option = [*command, "", ""][:2]
    is_command_option = option.startswith("-") and not option.startswith("--") and option.endswith("c")
    return first.rpartition("/")[2] in _SHELLS and is_command_option


def _split(element: JsonValue) -> list[JsonValue]:
    """Split one element as a shell would, except where a shell would read more than plain words.

    Such an element (a `python -c` script, an unbalanced quote) cannot have worked in Katib: it stays whole.
    """
    if not isinstance(element, str):
        return [element]
    masked, names = mask_placeholders(element)
    try:
        words = _read_words(masked)
    except ValueError:
        return [element]
    if "\n" in element or any(set(word) <= _SHELL_SYNTAX for word in words if word):
        return [element]
    return [unmask_placeholders(word, names) for word in words]


def mask_placeholders(text: str) -> tuple[str, list[str]]:
    """Replace each placeholder, whose name may hold spaces and quotes, by one word that a parser reads as letters."""
    names: list[str] = []

    def stand_in(found: re.Match[str]) -> str:
        names.append(found[0])
        return _MASK.format(len(names) - 1)

    return PLACEHOLDER.sub(stand_in, text), names


def unmask_placeholders(text: str, names: Sequence[str]) -> str:
    """Put the placeholders back."""
    return _MASKED.sub(lambda found: names[int(found[1])], text)


def _read_words(text: str) -> list[str]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    return list(lexer)
