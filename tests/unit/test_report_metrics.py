"""report_metrics(): what it publishes, what it prints where nobody listens, and what it refuses."""

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from events import report_metrics
from events.client import report
from events.client.errors import PublishError
from events.envelope import decode
from events.observation import TOKEN, MetricReported
from infra.broker.unwrap import unwrap

ROOT = Path(__file__).parents[2]
IDENTITY = {
    "KUTTAB_TRIAL_NAME": "digits-b2c4d6f8",
    "KUTTAB_TRIAL_UID": "trial-uid",
    "KUTTAB_TRIAL_NUMBER": "3",
    "KUTTAB_EXPERIMENT": "digits",
    "KUTTAB_EXPERIMENT_UID": "experiment-uid",
    "KUTTAB_NAMESPACE": "labs",
    "KUTTAB_ATTEMPT": "2",
    "KUTTAB_TOKEN": "token",
}


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be a Worker that pushes into this folder."""
    for name, value in {**IDENTITY, "KUTTAB_BROKER_URL": f"filesystem://{tmp_path / 'inbox'}"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(report, "_reporters", {})
    return tmp_path / "inbox"


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a script that somebody runs by hand."""
    for name in (*IDENTITY, "KUTTAB_BROKER_URL"):
        monkeypatch.delenv(name, raising=False)


def reported(inbox: Path) -> list[MetricReported]:
    events = [decode(unwrap(path.read_bytes())) for path in inbox.glob("*.msg")]
    found = [event for event in events if isinstance(event, MetricReported)]
    return sorted(found, key=lambda event: (event.range.source, event.range.start, event.range.is_last))


def test_points_are_numbered_and_bear_identity_rank_and_token(inbox: Path) -> None:
    report_metrics({"loss": 0.5, "accuracy": "0.90"}, timestamp=1_700_000_000.25)
    report_metrics({"loss": 1})

    first, second = reported(inbox)
    assert (first.experiment.namespace, first.experiment.uid, first.trial.number, first.attempt) == (
        "labs",
        "experiment-uid",
        3,
        2,
    )
    assert [(it.position, it.name, it.value) for it in first.range.points] == [
        (0, "loss", "0.5"),
        (0, "accuracy", "0.90"),
    ]
    assert first.range.points[0].time == datetime(2023, 11, 14, 22, 13, 20, 250_000, tzinfo=UTC)
    assert (second.range.start, second.range.end, second.range.points[0].value) == (1, 2, "1")
    assert first.range.pushed
    assert first.range.source == second.range.source
    assert first.range.source.startswith("push-1-")
    assert first.extensions == {TOKEN: "token"}


def test_the_count_is_said_when_the_process_ends(inbox: Path) -> None:
    report_metrics({"loss": 0.5})
    report._close(os.getpid())

    last = reported(inbox)[-1].range
    assert (last.start, last.end, last.is_last, last.points) == (1, 1, True, ())


def test_threads_share_one_numbering(inbox: Path) -> None:
    threads = [threading.Thread(target=report_metrics, args=({"loss": at},)) for at in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [event.range.start for event in reported(inbox)] == list(range(16))
    assert len({event.range.source for event in reported(inbox)}) == 1


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_child_processes_number_their_own_points_and_say_their_counts(inbox: Path, tmp_path: Path, method: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import multiprocessing, sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from events import report_metrics\n"
        "def work(value):\n"
        "    report_metrics({'loss': value})\n"
        "if __name__ == '__main__':\n"
        "    report_metrics({'loss': 0})\n"
        f"    children = [multiprocessing.get_context({method!r}).Process(target=work, args=(it,)) for it in (1, 2)]\n"
        "    [child.start() for child in children]\n"
        "    [child.join() for child in children]\n"
    )

    subprocess.run([sys.executable, program], check=True, timeout=60)

    found = reported(inbox)
    assert len({event.range.source for event in found}) == 3
    assert [(it.range.start, it.range.end, it.range.is_last) for it in found] == [(0, 1, False), (1, 1, True)] * 3


def test_what_could_not_be_published_goes_with_the_next_report(inbox: Path) -> None:
    inbox.write_text("a file in the way")
    with pytest.raises(PublishError):
        report_metrics({"loss": 1})
    inbox.unlink()

    report_metrics({"loss": 2})

    assert [event.range.points[0].value for event in reported(inbox)] == ["1", "2"]


@pytest.mark.usefixtures("nobody")
def test_without_a_worker_the_values_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    report_metrics({"loss": 0.5, "epochs": 3})
    report_metrics({"loss": 0.25}, timestamp="2026-03-01T13:00:00+01:00")
    report_metrics({})

    assert capsys.readouterr().out == "loss=0.5 epochs=3\n2026-03-01T12:00:00Z loss=0.25\n"


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize("value", ["high", None, [1, 2], "0.5%"])
def test_what_is_no_number_is_refused_with_the_metrics_name(value: object, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=r"metric .loss.: .* is not a number"):
        report_metrics({"accuracy": 1.0, "loss": value})  # type: ignore[dict-item]

    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize("timestamp", ["yesterday", float("nan"), 1e300, [1]])
def test_what_is_no_moment_is_refused(timestamp: object) -> None:
    with pytest.raises(ValueError, match="timestamp: "):
        report_metrics({"loss": 1}, timestamp=timestamp)  # type: ignore[arg-type]


def test_a_moment_may_be_a_datetime_of_any_zone() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)

    assert report._to_moment(noon.astimezone(timezone(timedelta(hours=5)))) == noon
    assert report._to_moment(noon.astimezone().replace(tzinfo=None)) == noon


class Tensor:
    """What numpy and torch give for one element."""

    def __float__(self) -> float:
        return 0.125


def test_values_are_written_as_python_writes_numbers() -> None:
    values = (0.1, 3, True, "1e-3", " 2 ", Tensor(), float("nan"))

    assert [report._to_text("loss", value) for value in values] == ["0.1", "3", "1", "1e-3", "2", "0.125", "nan"]


def test_importing_it_loads_no_broker_library() -> None:
    program = "import sys; from events import report_metrics; print('kombu' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
