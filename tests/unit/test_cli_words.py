"""The small parts of the command: ages, tables, kinds, selectors, tails."""

from datetime import timedelta
from pathlib import Path

import pytest

from events.experiment import OptimalTrial
from events.observation import Metric, Observation
from events.search_space import ParameterAssignment
from functions.explanation.durations import render_duration
from local_runner.cli.errors import CommandError
from local_runner.cli.kinds import Kind, split_target
from local_runner.cli.selectors import parse_selector
from local_runner.cli.tailing import copy_new, tail_position
from local_runner.view.live import clock_text
from local_runner.view.table import render_age, render_table
from local_runner.view.words import optimal_text, render_assignments, shorten
from tests.builders import EPOCH, an_experiment


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (200, "3m20s"),
        (601, "10m"),
        (3 * 3600, "3h"),
        (5 * 3600 + 12 * 60, "5h12m"),
        (47 * 3600, "47h"),
        (51 * 3600, "2d3h"),
        (30 * 86400, "30d"),
    ],
)
def test_durations_are_those_of_kubectl(seconds: float, text: str) -> None:
    assert render_duration(seconds) == text


def test_an_age_needs_a_beginning() -> None:
    assert render_age(None, EPOCH) == "<unknown>"
    assert render_age(EPOCH, EPOCH + timedelta(seconds=7)) == "7s"


def test_columns_are_three_spaces_apart_and_the_last_is_not_padded() -> None:
    lines = list(render_table([("NAME", "A"), ("digits-2", "x\ny")]))

    assert lines == ["NAME       A", "digits-2   x y"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0:00"), (7.4, "0:07"), (754, "12:34"), (3723, "1:02:03"), (59.6, "1:00")]
)
def test_clocks_count_minutes_then_hours(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text


def test_long_numbers_are_cut_and_so_is_text_that_fills_a_line() -> None:
    assert shorten("x" * 60) == "x" * 60
    assert shorten("x" * 61) == "x" * 59 + "…"
    assert [shorten(text) for text in ("0.12345678901", "100", "1e-05", "a-very-long-word", "nan")] == [
        "0.123457",
        "100",
        "1e-05",
        "a-very-long-word",
        "nan",
    ]


def test_a_best_value_that_is_no_number_is_the_latest_text() -> None:
    experiment = an_experiment()
    metric = Metric(name="loss", latest="Genotype(normal=[])")
    experiment.optimal = OptimalTrial(best_trial_name="digits-a", observation=Observation(metrics=(metric,)))

    assert optimal_text(experiment) == "Genotype(normal=[])"


def test_assignments_stand_in_one_line() -> None:
    given = [ParameterAssignment(name="lr", value="0.01"), ParameterAssignment(name="n", value="3")]

    assert render_assignments(given) == "lr=0.01 n=3"


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("experiments", Kind.EXPERIMENTS),
        ("exp", Kind.EXPERIMENTS),
        ("Trial", Kind.TRIALS),
        ("trials.v1beta1.kubeflow.org", Kind.TRIALS),
        ("suggestion", Kind.SUGGESTIONS),
    ],
)
def test_kinds_have_many_names(kind: str, found: Kind) -> None:
    assert split_target(kind, ("a",)) == (found, ("a",))


def test_a_name_may_follow_its_kind_after_a_slash() -> None:
    assert split_target("trial/digits-2", ()) == (Kind.TRIALS, ("digits-2",))


def test_an_unknown_kind_is_refused_as_kubectl_does() -> None:
    with pytest.raises(CommandError, match="the server doesn't have a resource type"):
        split_target("pods", ())


@pytest.mark.parametrize(
    ("selector", "is_match"),
    [
        ("", True),
        ("a=1", True),
        ("a==1", True),
        ("a=2", False),
        ("a!=2", True),
        ("b!=2", True),
        ("a", True),
        ("b", False),
        ("!b", True),
        ("!a", False),
        ("a=1, katib.kubeflow.org/experiment = digits", True),
        ("a=1,b=1", False),
        ("a in (1, 2)", True),
        ("a in (2),!b", False),
        ("a notin (2,3),b notin (1)", True),
        ("a notin (1)", False),
    ],
)
def test_selectors_are_those_of_kubectl(selector: str, is_match: bool) -> None:
    labels = {"a": "1", "katib.kubeflow.org/experiment": "digits"}

    assert parse_selector(selector).matches(labels) is is_match


@pytest.mark.parametrize("selector", ["a=b=c", "=", "!a=b", "a,,b", "a in b", "!a in (b)", "a in (b"])
def test_a_selector_that_is_none_is_refused(selector: str) -> None:
    with pytest.raises(CommandError, match="unable to parse label selector"):
        parse_selector(selector)


@pytest.mark.parametrize(
    ("log", "count", "tail"),
    [
        (b"a\nb\nc\n", 2, b"b\nc\n"),
        (b"a\nb\nc", 2, b"b\nc"),
        (b"a\nb\n", 9, b"a\nb\n"),
        (b"a\n\n\n", 1, b"\n"),
        (b"a\nb\n", 0, b""),
        (b"a\nb\n", -1, b"a\nb\n"),
        (b"", 3, b""),
        (b"x" * 200_000 + b"\nend\n", 1, b"end\n"),
        (b"line\n" * 50_000, 30_000, b"line\n" * 30_000),
    ],
)
def test_the_tail_is_the_last_lines(tmp_path: Path, log: bytes, count: int, tail: bytes) -> None:
    path = tmp_path / "log"
    path.write_bytes(log)

    assert log[tail_position(path, count) :] == tail


def test_following_prints_what_is_new(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    path = tmp_path / "log"
    before = copy_new(path, None, 1)
    path.write_bytes(b"a\nb\n\xff")

    first = copy_new(path, before, -1)
    path.write_bytes(b"a\nb\n\xffc\n")
    second = copy_new(path, first, -1)

    assert (before, first, second) == (None, 5, 7)
    assert capfdbinary.readouterr().out == b"a\nb\n\xffc\n"
