"""Metric points are found in lines as Katib finds them, less its defects."""

import re
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.objective import Collector, CollectorKind, CollectorSource, FileSystemPath, Filter, MetricsCollectorSpec
from functions.observation.collectors.text import (
    DEFAULT_FILTER,
    JsonCollector,
    TextCollector,
    filter_errors,
    get_collector,
    parse_time,
)
from functions.worker import LogLine

KATIB_FILTER = r"{metricName: ([\w|-]+), metricValue: ((-?\d+)(\.\d+)?)}"
"""Of Katib's example for the File collector."""


def found(text: str, names: tuple[str, ...] = ("loss", "accuracy"), *filters: str) -> list[tuple[str, str]]:
    points = TextCollector(names, filters).parse([LogLine(0, text)])
    return [(point.name, point.value) for point in points]


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("loss=0.25", [("loss", "0.25")]),
        ("epoch=3 accuracy = 0.93, loss =2.1e-3", [("accuracy", "0.93"), ("loss", "2.1e-3")]),
        ("loss=-1 loss=+.5E+2", [("loss", "-1"), ("loss", "+.5E+2")]),
        ("loss=1.", [("loss", "1")]),
        ("loss: 0.3", []),
        ("training-loss=3", []),
        ("val|loss=3", []),
        ("nothing here", []),
        ("loss=nan", []),
        ("loss=inf", []),
        ("loss=", []),
        ("loss=\N{ARABIC-INDIC DIGIT ONE}", []),
    ],
)
def test_the_default_filter_finds_what_katibs_does_and_no_empty_value(text: str, points: list[tuple[str, str]]) -> None:
    assert found(text) == points


@given(st.text("ab|-_ =\t+.5eE1", max_size=40))
def test_the_default_filter_finds_the_same_in_one_pass(text: str) -> None:
    katibs = [
        (match.start(), match[1], match[2])
        for match in re.finditer(DEFAULT_FILTER, text, re.ASCII)
        if match[2].strip("+-")
    ]

    points = TextCollector(()).parse([LogLine(0, text)])

    assert [(point.position, point.name, point.value) for point in points] == katibs


def test_a_long_word_takes_no_time() -> None:
    began = time.process_time()

    assert found("loss" * 16_000 + " loss=1") == [("loss", "1")]

    assert time.process_time() - began < 1


def test_a_position_is_the_lines_and_the_matchs() -> None:
    lines = [LogLine(100, "loss=1 loss=2"), LogLine(200, "accuracy=1")]

    points = TextCollector(("loss", "accuracy")).parse(lines)

    assert [(point.position, point.value) for point in points] == [(100, "1"), (107, "2"), (200, "1")]


def test_a_filter_of_the_user_captures_what_is_no_number() -> None:
    text = "Best-Genotype=Genotype(normal=[('max_pool', 0)]) "

    assert found(text, ("Best-Genotype",), r"([\w-]+)=(Genotype.*)") == [
        ("Best-Genotype", "Genotype(normal=[('max_pool', 0)])")
    ]
    assert found("loss=nan", ("loss",), r"(\w+)=(\S+)") == [("loss", "nan")]


def test_katibs_example_filter_finds_its_lines() -> None:
    text = "2021-12-02T05:27:27Z INFO {metricName: accuracy, metricValue: 0.93};{metricName: loss, metricValue: 1}"

    assert found(text, ("accuracy", "loss"), KATIB_FILTER) == [("accuracy", "0.93"), ("loss", "1")]


def test_several_filters_each_add_points_and_the_last_wins_at_one_place() -> None:
    filters = (r"(loss)=(\d+)", r"(loss)=(\d+\.\d+)", r"(accuracy): (\S+)")

    assert found("loss=1.5 accuracy: 2", ("loss", "accuracy"), *filters) == [("loss", "1.5"), ("accuracy", "2")]


def test_a_metric_or_filter_may_hold_a_semicolon() -> None:
    assert found("a;b=3", ("a;b",), r"(a;b)=(\d+)") == [("a;b", "3")]


def test_a_group_that_takes_no_part_is_no_value() -> None:
    assert found("loss=", ("loss",), r"(\w+)=(\d+)?") == []


def test_values_fit_into_an_event() -> None:
    ((_, value),) = found("loss=" + "x" * 10_000, ("loss",), r"(\w+)=(x+)")

    assert len(value) == 4_096


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00.123456789+01:30", datetime(2026, 1, 31, 10, 30, 0, 123456, tzinfo=UTC)),
        (1638422847.25, datetime(2021, 12, 2, 5, 27, 27, 250000, tzinfo=UTC)),
        ("2026-01-31", None),
        ("2026-01-31T12:00:00", None),
        ("2026-13-31T12:00:00Z", None),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+23:00", None),
        ("loss=1", None),
        (float("nan"), None),
        (1e300, None),
        (10**400, None),
        ([], None),
    ],
)
def test_a_time_is_rfc_3339_or_seconds_or_none(value: object, time: datetime | None) -> None:
    assert parse_time(value) == time


def test_the_time_stands_before_the_first_space() -> None:
    timed, untimed = TextCollector(("loss",)).parse(
        [LogLine(0, "2026-01-31T12:00:00Z loss=1"), LogLine(50, "at loss=1")]
    )

    assert timed.time == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert untimed.time is None


def test_json_lines_hold_numbers_or_texts() -> None:
    lines = [
        LogLine(0, '{"epoch": 1, "loss": "0.22", "accuracy": 0.5, "timestamp": 1638422847.25}'),
        LogLine(90, ""),
        LogLine(91, '{"loss": 1e-3, "accuracy": true, "timestamp": "2021-12-02T05:27:27Z"}'),
    ]

    points = JsonCollector(("accuracy", "loss")).parse(lines)

    assert [(point.position, point.name, point.value) for point in points] == [
        (0, "accuracy", "0.5"),
        (0, "loss", "0.22"),
        (91, "loss", "0.001"),
    ]
    assert [point.time.microsecond for point in points if point.time] == [250_000, 250_000, 0]


@pytest.mark.parametrize("bad", ["loss=1", '{"loss": ', "[1]", "[" * 60_000, '{"loss": ' + "1" * 5_000 + "}"])
def test_a_bad_json_line_is_skipped_and_counted(bad: str) -> None:
    collector = JsonCollector(("loss",))

    points = collector.parse([LogLine(0, bad), LogLine(70_000, '{"loss": 2}')])

    assert [point.value for point in points] == ["2"]
    assert collector.bad_line_count == 1


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        (("(loss=(",), "invalid filter"),
        ((r"(\w+)=[[a-z]]+(.)",), "invalid filter"),
        ((r"\w+=(\d+)",), "two top subexpressions are required"),
        ((r"(?:\w+)=(\d+)",), "two top subexpressions are required"),
    ],
)
def test_a_filter_that_cannot_be_used_is_an_error(filters: tuple[str, ...], message: str) -> None:
    ((path, said),) = filter_errors(filters)

    assert path == "spec.metricsCollectorSpec.source.filter.metricsFormat"
    assert said.startswith(message)


@pytest.mark.parametrize(
    "text",
    [
        KATIB_FILTER,
        r"([\w-]+)=([[:digit:]]+)\z",
        r"(?P<name>loss)=(?P<value>\d+)",
        r"(?<name>loss)=(?<value>\d+)",
    ],
)
def test_what_go_writes_is_understood(text: str) -> None:
    assert list(filter_errors([text])) == []


def test_posix_classes_and_the_end_of_text_mean_what_they_mean_in_go() -> None:
    assert found("loss=12", ("loss",), r"([[:alpha:]]+)=([[:digit:]]+)\z") == [("loss", "12")]
    assert found(r"loss\z=12", ("loss",), r"(loss)\\z=(\d+)") == [("loss", "12")]


def a_spec(kind: CollectorKind, file_format: str | None = None) -> MetricsCollectorSpec:
    source = CollectorSource(file_system_path=FileSystemPath(path="/m", format=file_format), filter=Filter())
    return MetricsCollectorSpec(collector=Collector(kind=kind), source=source)


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        (None, TextCollector),
        (MetricsCollectorSpec(), TextCollector),
        (a_spec(CollectorKind.FILE, "TEXT"), TextCollector),
        (a_spec(CollectorKind.FILE, "JSON"), JsonCollector),
        (a_spec(CollectorKind.PUSH), type(None)),
        (a_spec(CollectorKind.CUSTOM), TextCollector),
        (a_spec(CollectorKind.TENSORFLOW_EVENT), JsonCollector),
        (a_spec(CollectorKind.PROMETHEUS_METRIC), JsonCollector),
    ],
)
def test_each_kind_has_its_reader_or_none(spec: MetricsCollectorSpec | None, kind: type) -> None:
    assert isinstance(get_collector(spec, ("loss",)), kind)
