"""The rules of how metrics leave the Worker."""

from collections.abc import Iterator

from events.objective import CollectorKind, FileSystemPath, MetricsCollectorSpec
from functions.experiment.parsing import Problem
from functions.observation.collectors.text import filter_errors

READABLE = (CollectorKind.STDOUT, CollectorKind.FILE, CollectorKind.PUSH)
"""The kinds that this version reads."""

_AT = "spec.metricsCollectorSpec"
_FILE = f"{_AT}.source.fileSystemPath"
_FILTERED = frozenset({CollectorKind.STDOUT, CollectorKind.FILE})


def validate_collector(spec: MetricsCollectorSpec) -> Iterator[Problem]:
    """Yield what is wrong with the collector."""
    kind = spec.kind
    if kind not in READABLE:
        text = f"this version cannot read metrics of collector kind: {kind}; use {', '.join(READABLE)}"
        yield f"{_AT}.collector.kind", text
    if kind == CollectorKind.FILE:
        yield from _validate_file(spec)
    if kind in _FILTERED:
        yield from filter_errors(spec.filters)


def _validate_file(spec: MetricsCollectorSpec) -> Iterator[Problem]:
    file = (spec.source.file_system_path if spec.source else None) or FileSystemPath()
    if not file.path or not file.path.startswith("/") or file.kind != "File":
        yield f"{_FILE}.path", "file path where metrics file exists is required"
    if file.format not in {"TEXT", "JSON"}:
        yield f"{_FILE}.format", "format of metrics file is required for metrics collector"
    if file.format == "JSON" and spec.filters:
        yield f"{_AT}.source.filter", "filter must be nil when format of metrics file is json"
