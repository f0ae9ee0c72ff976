"""Experiment files: YAML or JSON documents, read as Kubernetes' tools read them, with the line of a mistake."""

import math
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from pydantic import JsonValue

from events.resource import Manifest
from functions.errors import KuttabError

if TYPE_CHECKING:
    from yaml.nodes import MappingNode

MAX_FILE_BYTES = 1024 * 1024
"""Kubernetes takes objects of at most this size; an Experiment is some kilobytes."""
MAX_VALUES = 100_000
"""Values of one document with its aliases written out: a few lines of nested aliases can mean billions."""
STDIN = "-"

_FLOAT_TAG = "tag:yaml.org,2002:float"
_NUMBER_TAGS = (_FLOAT_TAG, "tag:yaml.org,2002:int", "tag:yaml.org,2002:timestamp")
_INT = re.compile(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)$")
_FLOAT = re.compile(
    r"(?:[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)


class DocumentError(KuttabError):
    """A file cannot be read: the message begins with the file, and the line where there is one."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file, and how messages about it begin."""

    place: str
    manifest: Manifest


class _Loader(yaml.SafeLoader):
    """YAML in which `1e-3` is a number, times and dates are text, and a key stands once."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own name
        first: [(tag, pattern) for tag, pattern in found if tag not in _NUMBER_TAGS]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
        if first != "="
    }
    # Copies: what another library teaches PyYAML's own loader (CloudFormation's tags, say) is not taught to ours.
    yaml_constructors = dict(yaml.SafeLoader.yaml_constructors)  # noqa: RUF012 - as above
    yaml_multi_constructors = {}  # noqa: RUF012 - as above

    def construct_mapping(self, node: "MappingNode", deep: bool = False) -> dict[object, object]:  # noqa: FBT001, FBT002 - PyYAML's signature
        """Build a mapping; raises where a key is given twice, of which PyYAML would silently take the last."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                problem = f"key {key.value!r} is given twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else "")
        return dict(super().construct_mapping(node, deep))


_Loader.add_implicit_resolver(_FLOAT_TAG, _FLOAT, list("-+0123456789."))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", _INT, list("-+0123456789"))


def load_documents(name: str) -> tuple[Document, ...]:
    """Return the documents of a file, or of standard input for `-`; a List is taken apart. Raises DocumentError."""
    shown = "standard input" if name == STDIN else name
    manifests = [each for value in _parse(_read(name, shown), shown) for each in _take_apart(value, shown)]
    if not manifests:
        raise DocumentError(f"{shown}: holds no Experiment")
    if len(manifests) == 1:
        return (Document(shown, manifests[0]),)
    return tuple(Document(f"{shown}: document {index}", it) for index, it in enumerate(manifests, start=1))


def parse_text(text: str, shown: str) -> JsonValue:
    """Return the first document of a text, None where it has none. Raises DocumentError."""
    return next(_parse(text, shown), None)


def _read(name: str, shown: str) -> str:
    try:
        if name == STDIN:
            body = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                body = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise DocumentError(f"{shown}: {error.strerror or error}") from error
    if len(body) > MAX_FILE_BYTES:
        raise DocumentError(f"{shown}: is larger than {MAX_FILE_BYTES // 1024} KiB")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        raise DocumentError(f"{shown}:{line}: is not UTF-8 text") from error


def _parse(text: str, shown: str) -> Iterator[JsonValue]:
    """Yield the documents as JSON values."""
    try:
        loader = _Loader(text)
        while loader.check_node():
            node = loader.get_node()
            assert node is not None
            _refuse_what_is_not_finite(node, loader)
            value = loader.construct_document(node)
            if value is not None:
                yield _Copy().to_json(value)
    except yaml.MarkedYAMLError as error:
        raise DocumentError(_with_line(shown, error)) from error
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise DocumentError(f"{shown}:{line}: {error.reason}") from error
    except RecursionError as error:
        raise DocumentError(f"{shown}: is nested too deeply") from error
    except ValueError as error:
        raise DocumentError(f"{shown}: {error}") from error


def _refuse_what_is_not_finite(root: "yaml.Node", loader: _Loader) -> None:
    """Raise where a number is infinite or none: JSON cannot write it, and here its path and its line are known."""
    for path, node in _walk(root):
        if not isinstance(node, yaml.ScalarNode) or node.tag != _FLOAT_TAG:
            continue
        if not math.isfinite(loader.construct_yaml_float(node)):
            problem = f"{path}: {node.value} is no number that JSON can write"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def _walk(root: "yaml.Node") -> Iterator[tuple[str, "yaml.Node"]]:
    """Yield each node once with its path, in the order of the file; aliases may lead in circles."""
    waiting, seen = [("", root)], set()
    while waiting:
        path, node = waiting.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield path, node
            waiting += reversed(list(_children(path, node)))


def _children(path: str, node: "yaml.Node") -> Iterator[tuple[str, "yaml.Node"]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield f"{path}.{key.value if isinstance(key, yaml.ScalarNode) else '?'}".removeprefix("."), value
    elif isinstance(node, yaml.SequenceNode):
        yield from ((f"{path}[{index}]", item) for index, item in enumerate(node.value))


def _with_line(shown: str, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    place = f"{shown}:{mark.line + 1}" if mark else shown
    return f"{place}: {' '.join(str(error.problem or error.context or error).split())}"


@dataclass(slots=True)
class _Copy:
    """One document as JSON has it; counts its values, so that aliases cannot grow without bound."""

    count: int = field(default=0)

    def to_json(self, value: object) -> JsonValue:
        """Return the value with text keys. Raises ValueError where JSON cannot write it."""
        self.count += 1
        if self.count > MAX_VALUES:
            raise ValueError(f"has more than {MAX_VALUES} values with its aliases written out")
        if isinstance(value, dict):
            return {_to_key(key): self.to_json(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.to_json(item) for item in value]
        if value is None or isinstance(value, bool | int | float | str):
            return value
        raise ValueError(f"a value of type {type(value).__name__} is nothing that JSON can write")


def _to_key(key: object) -> str:
    if isinstance(key, bool):
        return str(key).lower()
    if isinstance(key, str | int | float):
        return str(key)
    raise ValueError(f"a key must be text, got {key}")


def _take_apart(value: JsonValue, shown: str) -> Iterator[Manifest]:
    """Yield the object, or the items of a List as `kubectl get -o yaml` writes it."""
    if not isinstance(value, dict):
        raise DocumentError(f"{shown}: must be an object with apiVersion, kind, metadata and spec")
    items = value.get("items")
    if value.get("kind") == "List" and isinstance(items, list):
        for item in items:
            yield from _take_apart(item, shown)
    else:
        yield value
