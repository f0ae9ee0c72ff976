"""Kubernetes' syntax of labels and annotations, in its words: Workers and what `kubectl` shows bear them."""

import json
import re
from collections.abc import Iterator, Mapping

from events.resource import ObjectMeta
from functions.experiment.parsing import Problem

NAME_CHARACTERS = 63
PREFIX_CHARACTERS = 253
ANNOTATIONS_BYTES = 256 * 1024
"""Of all keys and values together."""

_NAME = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_PREFIX = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_ALPHANUMERIC = "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
_NAME_WORDS = (
    f"must consist of {_ALPHANUMERIC} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is"
    f" '{_NAME}')"
)
_VALUE_WORDS = (
    f"a valid label must be an empty string or consist of {_ALPHANUMERIC} (e.g. 'MyValue',  or 'my_value',  or"
    f" '12345', regex used for validation is '({_NAME})?')"
)
_EXAMPLE = "(e.g. 'example.com/MyName')"
_PREFIX_WORDS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and"
    f" end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_PREFIX}')"
)


def validate_metadata(metadata: ObjectMeta) -> Iterator[Problem]:
    """Yield what is wrong with the labels and the annotations."""
    yield from validate_labels("metadata.labels", metadata.labels)
    at, annotations = "metadata.annotations", metadata.annotations
    for key in annotations:
        yield from (_invalid(at, key, words) for words in _key_errors(key.lower()))
    if sum(len(text.encode()) for pair in annotations.items() for text in pair) > ANNOTATIONS_BYTES:
        yield at, f"Too long: may not be more than {ANNOTATIONS_BYTES} bytes"


def validate_labels(at: str, labels: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what is wrong with these labels."""
    for key, value in labels.items():
        yield from (_invalid(at, key, words) for words in _key_errors(key))
        if len(value) > NAME_CHARACTERS:
            yield _invalid(at, value, f"must be no more than {NAME_CHARACTERS} characters")
        if value and not re.fullmatch(_NAME, value):
            yield _invalid(at, value, _VALUE_WORDS)


def _invalid(at: str, value: str, words: str) -> Problem:
    """Return the problem in one line, whatever the value holds."""
    return at, f"Invalid value: {json.dumps(value, ensure_ascii=False)}: {words}"


def _key_errors(key: str) -> Iterator[str]:
    """Yield what keeps the key from being a qualified name: a name, with a domain and a slash before it or not."""
    *prefixes, name = key.split("/")
    if len(prefixes) > 1:
        yield f"a qualified name {_NAME_WORDS} with an optional DNS subdomain prefix and '/' {_EXAMPLE}"
        return
    for prefix in prefixes:
        yield from _prefix_errors(prefix)
    if len(name) > NAME_CHARACTERS:
        yield f"name part must be no more than {NAME_CHARACTERS} characters"
    if not re.fullmatch(_NAME, name):
        yield f"name part {_NAME_WORDS if name else 'must be non-empty'}"


def _prefix_errors(prefix: str) -> Iterator[str]:
    if not prefix:
        yield "prefix part must be non-empty"
        return
    if len(prefix) > PREFIX_CHARACTERS:
        yield f"prefix part must be no more than {PREFIX_CHARACTERS} characters"
    if not re.fullmatch(_PREFIX, prefix):
        yield f"prefix part {_PREFIX_WORDS}"
