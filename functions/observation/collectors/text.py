"""Lines of a log → metric points: Katib's filters for text, one object a line for JSON."""

import json
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

from events.objective import CollectorKind, MetricsCollectorSpec
from events.observation import MetricPoint
from functions.worker import LogLine

DEFAULT_FILTER = r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)"
"""Katib's. It finds an empty value in `loss=nan` and a sign alone in `loss=-inf`; such a match is no report."""

_LINEAR_DEFAULT = r"([\w|-]++)(?:\s*+=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?))?"
"""Finds the same, and besides each word without a value, which is no report. Katib's is tried anew at every letter of a
word: one line of 64 KiB takes it half a minute, in which no heartbeat is written."""

MAX_VALUE_CHARACTERS = 4_096
"""What an event holds; more is cut."""

_PATH = "spec.metricsCollectorSpec.source.filter.metricsFormat"
_TWO_GROUPS = re.compile(r".*\(.*\).*\(.*\).*", re.DOTALL)
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_EARLIEST_YEAR = 1970
"""Katib writes year 1 for no time; nothing has trained before this."""
_POSIX_CLASSES = {
    "[:alnum:]": "a-zA-Z0-9",
    "[:alpha:]": "a-zA-Z",
    "[:digit:]": "0-9",
    "[:lower:]": "a-z",
    "[:space:]": r"\s",
    "[:upper:]": "A-Z",
    "[:word:]": r"\w",
    "[:xdigit:]": "0-9A-Fa-f",
}


class Parser(Protocol):
    """Finds metric points in lines. The same lines always give the same points."""

    def parse(self, lines: Sequence[LogLine]) -> tuple[MetricPoint, ...]:
        """Return the points in the order of their positions; each lies within its line."""
        ...


def get_collector(spec: MetricsCollectorSpec | None, metric_names: Sequence[str]) -> Parser | None:
    """Return what reads the lines that a target gives; None where the Worker pushes its points itself."""
    spec = spec or MetricsCollectorSpec()
    file = spec.source.file_system_path if spec.source else None
    match spec.kind:
        case CollectorKind.PUSH:
            return None
        case CollectorKind.TENSORFLOW_EVENT | CollectorKind.PROMETHEUS_METRIC:
            return JsonCollector(metric_names)
        case CollectorKind.FILE if file and file.format == "JSON":
            return JsonCollector(metric_names)
        case _:
            return TextCollector(metric_names, spec.filters)


def filter_errors(filters: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield (field path, message) of filters that cannot be used, in Katib's words."""
    for text in filters:
        try:
            pattern = compile_filter(text)
        except (re.error, FutureWarning, OverflowError, RecursionError) as error:
            yield _PATH, f"invalid filter: {error}: {text}"
            continue
        if pattern.groups < 2 or not _TWO_GROUPS.match(text):  # noqa: PLR2004 - a name and a value
            yield _PATH, "two top subexpressions are required"


@lru_cache(maxsize=256)
def compile_filter(text: str) -> re.Pattern[str]:
    r"""Compile a filter of Go's RE2 syntax: ASCII classes, `\z`, `[[:digit:]]`, `(?<name>…)`.

    Raises re.error, or FutureWarning for what Python reads otherwise. A filter that backtracks for ever is possible
    here, unlike in RE2; lines are short, and the filter is the user's own.
    """
    text = _LINEAR_DEFAULT if text == DEFAULT_FILTER else text
    text = re.sub(r"(?<!\\)((?:\\\\)*)\\z", r"\1\\Z", text)
    text = re.sub(r"(?<!\\)((?:\\\\)*)\(\?<(?=\w)", r"\1(?P<", text)
    for name, characters in _POSIX_CLASSES.items():
        text = text.replace(name, characters)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return re.compile(text, re.ASCII)


class TextCollector:
    """Finds `name=value` in lines, as Katib does: by filters with two groups, in lines that hold a metric's name.

    An empty value, or a sign alone, is no report. Text that is no number, such as `nan`, is kept where a filter
    captures it; whether it counts is not judged here. Without names every metric is wanted.
    """

    def __init__(self, metric_names: Sequence[str], filters: Sequence[str] = ()) -> None:
        self._names = frozenset(metric_names)
        self._filters = [compile_filter(text) for text in filters or (DEFAULT_FILTER,)]

    def parse(self, lines: Sequence[LogLine]) -> tuple[MetricPoint, ...]:
        """Return the points in the order of their positions: a line's position and the match's place in it."""
        return tuple(point for line in lines for point in self._parse_line(line))

    def _parse_line(self, line: LogLine) -> list[MetricPoint]:
        if self._names and not any(name in line.text for name in self._names):
            return []
        time = parse_time(line.text.partition(" ")[0])
        found: dict[tuple[int, str], MetricPoint] = {}
        for pattern in self._filters:
            for match in pattern.finditer(line.text):
                name, value = (text.strip() if text else "" for text in match.group(1, 2))
                is_wanted = name in self._names if self._names else name
                if is_wanted and value.strip("+-"):
                    position = line.position + match.start()
                    found[position, name] = _point(position, name, value, time)
        return [found[key] for key in sorted(found)]


class JsonCollector:
    """Reads one JSON object a line; a metric's value may be a number or a text, `timestamp` seconds or RFC 3339.

    Without names every field that has such a value is wanted.
    """

    def __init__(self, metric_names: Sequence[str]) -> None:
        self._names = tuple(dict.fromkeys(metric_names))
        self.bad_line_count = 0
        """Lines that hold no object; they are skipped. Katib gives the whole file up."""

    def parse(self, lines: Sequence[LogLine]) -> tuple[MetricPoint, ...]:
        """Return the points; those of one line share its position."""
        return tuple(point for line in lines if line.text.strip() for point in self._parse_line(line))

    def _parse_line(self, line: LogLine) -> list[MetricPoint]:
        try:
            entry = json.loads(line.text)
        except (ValueError, RecursionError):
            entry = None
        if not isinstance(entry, dict):
            self.bad_line_count += 1
            return []
        time = parse_time(entry.get("timestamp"))
        values = {name: _to_value(entry.get(name)) for name in self._names or (it for it in entry if it != "timestamp")}
        return [_point(line.position, name, value, time) for name, value in values.items() if value]


def _to_value(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    return repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _point(position: int, name: str, value: str, time: datetime | None) -> MetricPoint:
    return MetricPoint(position=position, name=name, value=value[:MAX_VALUE_CHARACTERS], time=time)


def parse_time(value: object) -> datetime | None:
    """Return the moment that an RFC 3339 text or a number of seconds names; None where it is neither."""
    try:
        if isinstance(value, str) and _RFC_3339.fullmatch(value):
            moment = datetime.fromisoformat(value).astimezone(UTC)
        elif isinstance(value, int | float) and math.isfinite(value):
            moment = datetime.fromtimestamp(value, UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.year >= _EARLIEST_YEAR else None
