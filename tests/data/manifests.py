"""Experiment manifests for tests: one that breaks no rule, and edits of it by field path."""

import re
from pathlib import Path

import yaml
from pydantic import JsonValue

from events.resource import Manifest

FOLDER = Path(__file__).parent
GONE = object()
"""The value of a field that an edit takes away."""


def a_manifest(edits: dict[str, object] | None = None, *, file: str = "digits.yaml") -> Manifest:
    """Return the file's Experiment with the fields at these paths changed, such as `spec.parameters[0].name`."""
    manifest: Manifest = yaml.safe_load((FOLDER / file).read_text(encoding="utf-8"))
    for path, value in (edits or {}).items():
        _edit(manifest, path, value)
    return manifest


def _edit(manifest: Manifest, path: str, value: object) -> None:
    *parents, last = (int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", path))
    node: JsonValue = manifest
    for part in parents:
        node = node.setdefault(part, {}) if isinstance(node, dict) else node[part]  # type: ignore[index, arg-type]
    if value is GONE:
        del node[last]  # type: ignore[index, arg-type]
    elif isinstance(node, list) and last == len(node):
        node.append(value)  # type: ignore[arg-type]
    else:
        node[last] = value  # type: ignore[index, call-overload]
