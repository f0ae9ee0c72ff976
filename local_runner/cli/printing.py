"""What `kuttab get` prints: a table, or the objects themselves."""

import json
from collections.abc import Iterator, Sequence

import yaml

from local_runner.cli.kinds import Kind
from local_runner.cli.resources import HEADERS, WIDE_HEADERS, Item
from local_runner.view.table import render_table


def render_lines(items: Sequence[Item], kind: Kind, *, is_wide: bool, has_namespace: bool) -> Iterator[str]:
    """Yield the table, headers first."""
    headers = [*(["NAMESPACE"] if has_namespace else []), *HEADERS[kind], *(WIDE_HEADERS[kind] if is_wide else [])]
    rows = [headers]
    for item in items:
        namespace = [item.resource.metadata.namespace] if has_namespace else []
        rows.append([*namespace, *item.cells, *(item.wide if is_wide else [])])
    return render_table(rows)


def render_objects(items: Sequence[Item], output: str, *, is_single: bool) -> str:
    """Return one object, or a List of them, as YAML or JSON."""
    manifests = [item.resource.to_manifest() for item in items]
    whole: object = manifests[0] if is_single and len(manifests) == 1 else _to_list(manifests)
    if output == "json":
        return json.dumps(whole, indent=4, ensure_ascii=False) + "\n"
    return yaml.safe_dump(whole, sort_keys=True, allow_unicode=True, default_flow_style=False)


def _to_list(manifests: Sequence[object]) -> dict[str, object]:
    return {"apiVersion": "v1", "items": manifests, "kind": "List", "metadata": {"resourceVersion": ""}}
