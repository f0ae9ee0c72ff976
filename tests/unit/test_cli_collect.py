"""`kuttab collect`: a filter is tried on a log."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from local_runner.cli.main import cli

LOG = b"""starting
2026-03-01T12:00:00Z loss=0.5 accuracy=0.9
epoch 2: {metricName: loss, metricValue: 0.4}\rloss=nan loss=0.3
"""


def collect(*arguments: str, given: bytes = LOG) -> Result:
    return CliRunner().invoke(cli, ["collect", *arguments, "-"], input=given)


def test_katibs_filter_finds_its_metrics_with_line_and_time() -> None:
    result = collect()

    assert result.stdout.splitlines() == [
        "2\tloss\t0.5\t2026-03-01T12:00:00Z",
        "2\taccuracy\t0.9\t2026-03-01T12:00:00Z",
        "4\tloss\t0.3\t-",
    ]
    assert (result.stderr, result.exit_code) == ("3 found in 4 lines\n", 0)


def test_a_filter_and_a_metric_are_tried() -> None:
    result = collect("--metric", "loss", "--filter", r"{metricName: (\w+), metricValue: ([\d.]+)}", "--all")

    assert result.stdout.splitlines()[2] == "3\tloss\t0.4\t-"
    assert result.stdout.splitlines()[0] == "1\t-\tstarting"
    assert result.stderr == "1 found in 4 lines\n"


def test_json_lines_are_read_and_bad_ones_are_counted() -> None:
    result = collect("--format", "JSON", given=b'{"loss": 0.5, "epoch": "1", "timestamp": 1}\nloss=1\n')

    assert sorted(result.stdout.splitlines()) == [
        "1\tepoch\t1\t1970-01-01T00:00:01Z",
        "1\tloss\t0.5\t1970-01-01T00:00:01Z",
    ]
    assert result.stderr == "2 found in 2 lines; 1 of them hold no JSON object and are passed over\n"


def test_nothing_found_is_status_1() -> None:
    assert collect("--metric", "recall").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--filter", "(a"), "error: --filter: invalid filter: "),
        (("--filter", "(a)"), "error: --filter: two top subexpressions are required\n"),
        (("--filter", "(a)(b)", "--format", "JSON"), "error: --filter: must be left out with --format JSON\n"),
    ],
)
def test_a_filter_that_cannot_be_used_is_said_in_one_line(arguments: tuple[str, ...], message: str) -> None:
    result = collect(*arguments)

    assert result.exit_code == 2
    assert result.stderr.startswith(message)
    assert result.stderr.count("\n") == 1


def test_a_long_file_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local_runner.cli.collect._READ_BYTES", 1000)
    path = tmp_path / "log"
    path.write_bytes(b"x" * 70_000 + b"\n" + b"loss=1\n" * 300)

    result = CliRunner().invoke(cli, ["collect", str(path)])

    assert result.stderr == "300 found in 302 lines\n"
