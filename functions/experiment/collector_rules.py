"""The rules of how metrics leave the Worker."""

import re
from collections.abc import Iterator

from events.objective import CollectorKind, FileSystemPath, MetricsCollectorSpec
from functions.experiment.parsing import Problem
from functions.observation.collectors.text import filter_errors

_AT = "spec.metricsCollectorSpec"
_SOURCE = f"{_AT}.source"
_FILE = f"{_SOURCE}.fileSystemPath"
_PLACES = frozenset({"File", "Directory"})
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
_MAX_PORT = 65_535


def validate_collector(spec: MetricsCollectorSpec) -> Iterator[Problem]:
    """Yield what is wrong with the collector."""
    yield from _validate_kind(spec)
    if spec.kind != CollectorKind.PUSH:
        yield from filter_errors(spec.filters)


def _validate_kind(spec: MetricsCollectorSpec) -> Iterator[Problem]:
    match spec.kind:
        case CollectorKind.FILE:
            yield from _validate_file(spec)
        case CollectorKind.TENSORFLOW_EVENT:
            yield from _validate_directory(spec)
        case CollectorKind.PROMETHEUS_METRIC:
            yield from _validate_endpoint(spec)
        case CollectorKind.CUSTOM:
            yield from _validate_custom(spec)


def _place_of(spec: MetricsCollectorSpec) -> FileSystemPath | None:
    return spec.source.file_system_path if spec.source else None


def _is_absolute(file: FileSystemPath) -> bool:
    return file.path is not None and file.path.startswith("/")


def _validate_file(spec: MetricsCollectorSpec) -> Iterator[Problem]:
    file = _place_of(spec) or FileSystemPath()
    if not _is_absolute(file) or file.kind != "File":
        yield f"{_FILE}.path", "file path where metrics file exists is required"
    if file.format not in {"TEXT", "JSON"}:
        yield f"{_FILE}.format", "format of metrics file is required for metrics collector"
    if file.format == "JSON" and spec.source and spec.source.filter is not None:
        yield f"{_SOURCE}.filter", "filter must be nil when format of metrics file is json"


def _validate_directory(spec: MetricsCollectorSpec) -> Iterator[Problem]:
    file = _place_of(spec) or FileSystemPath()
    if not _is_absolute(file) or file.kind != "Directory":
        words = f"directory path where tensorflow event files exist is required by .{_FILE}.path"
        yield _SOURCE, words
    if file.format:
        yield f"{_FILE}.format", "must be empty"


def _validate_endpoint(spec: MetricsCollectorSpec) -> Iterator[Problem]:
    endpoint = (spec.source.http_get if spec.source else None) or {}
    port, path = endpoint.get("port"), endpoint.get("path")
    kind = f"metrics collector kind: {spec.kind}"
    if isinstance(port, bool) or not _PORT.fullmatch(str(port)) or not 0 < int(str(port)) <= _MAX_PORT:
        yield f"{_SOURCE}.httpGet.port", f"must be a positive integer value for {kind}"
    if not isinstance(path, str) or not path.startswith("/"):
        yield f"{_SOURCE}.httpGet.path", f"path is invalid for {kind}"
    if str(endpoint.get("scheme") or "HTTP").upper() not in {"HTTP", "HTTPS"}:
        yield f"{_SOURCE}.httpGet.scheme", f"must be HTTP or HTTPS for {kind}"


def _validate_custom(spec: MetricsCollectorSpec) -> Iterator[Problem]:
    file = _place_of(spec)
    if spec.collector is None or not spec.collector.custom_collector:
        yield f"{_AT}.collector.customCollector", f"metrics collector kind: {spec.kind} is required"
    if file is not None and (not _is_absolute(file) or file.kind not in _PLACES):
        yield _FILE, f".{_SOURCE} is invalid"
