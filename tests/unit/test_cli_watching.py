"""The watch: how it ends, and what the first and the second Ctrl-C do."""

import asyncio
import os
import signal
from collections.abc import Sequence
from typing import Any

import pytest

from events.envelope import Event
from functions.errors import KuttabError
from functions.experiment.model import Experiment
from functions.experiment.reasons import EndReason
from local_runner.cli import watching
from local_runner.cli.errors import ExitStatus
from local_runner.cli.watching import Watch
from local_runner.view.look import Look
from tests.builders import EPOCH, UID
from tests.unit.cli_material import FakeReader, a_past


class FakeRunner:
    """A runner that stops Workers when a test's Experiment is stopped."""

    def __init__(self, experiment: Experiment, trials: Sequence[Any] = ()) -> None:
        self.reader = FakeReader(experiment, trials)
        self.stopped: list[str] = []
        self.failure: KuttabError | None = None

    async def stop_workers(self, uid: str) -> None:
        self.stopped.append(uid)
        if self.failure:
            raise self.failure
        assert self.reader.experiment
        self.reader.experiment.end(EndReason.STOPPED, at=EPOCH)


class FakeView:
    """Remembers what it is told, and presses keys when a test says so."""

    def __init__(self, *signals: int) -> None:
        self.said: list[str] = []
        self.ended: list[Look] = []
        self.is_closed = False
        self._signals = list(signals)

    def hear(self, event: Event) -> None:
        pass

    def show(self, looks: Sequence[Look]) -> None:
        if self._signals:
            os.kill(os.getpid(), self._signals.pop(0))

    def say(self, text: str) -> None:
        self.said.append(text)

    def end(self, looks: Sequence[Look]) -> None:
        self.ended = list(looks)

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(watching, "SECOND_THOUGHT_SECONDS", 0.1)


async def test_a_success_is_status_0() -> None:
    experiment, trials = a_past([0.5], maxTrialCount=1)
    view = FakeView()

    status = await Watch(FakeRunner(experiment, trials), view, [UID]).run()

    assert status == ExitStatus.SUCCEEDED
    assert [look.experiment for look in view.ended] == [experiment]


async def test_a_failure_is_status_1() -> None:
    experiment, trials = a_past([None], maxFailedTrialCount=1)

    assert await Watch(FakeRunner(experiment, trials), FakeView(), [UID]).run() == ExitStatus.FAILED


async def test_a_deleted_experiment_is_status_1() -> None:
    experiment, trials = a_past([0.5], maxTrialCount=1)
    experiment.delete(at=EPOCH)

    assert await Watch(FakeRunner(experiment, trials), FakeView(), [UID]).run() == ExitStatus.FAILED


async def test_nothing_to_watch_is_status_0() -> None:
    experiment, _ = a_past([])

    assert await Watch(FakeRunner(experiment), FakeView(), []).run() == ExitStatus.SUCCEEDED


async def test_the_first_ctrl_c_detaches_after_a_pause_and_stops_nothing() -> None:
    experiment, trials = a_past([], running=2)
    runner, view = FakeRunner(experiment, trials), FakeView(signal.SIGINT)

    status = await Watch(runner, view, [UID]).run()

    assert status == ExitStatus.INTERRUPTED
    assert runner.stopped == []
    assert view.said == [
        "Detaching in 0.1 s; press Ctrl-C again to stop the Workers as well.",
        "Detached: 2 Trials of digits live on. Go on: kuttab resume digits",
    ]
    assert view.is_closed


async def test_the_second_ctrl_c_stops_the_workers() -> None:
    experiment, trials = a_past([], running=1)
    runner, view = FakeRunner(experiment, trials), FakeView(signal.SIGINT, signal.SIGINT)

    status = await Watch(runner, view, [UID]).run()

    assert status == ExitStatus.INTERRUPTED
    assert runner.stopped == [UID]
    assert "Stopping the Workers." in view.said


async def test_workers_that_do_not_stop_are_said() -> None:
    experiment, trials = a_past([], running=1)
    runner, view = FakeRunner(experiment, trials), FakeView(signal.SIGINT, signal.SIGINT)
    runner.failure = KuttabError("Workers of digits are still alive")

    status = await Watch(runner, view, [UID]).run()

    assert status == ExitStatus.INTERRUPTED
    assert "error: Workers of digits are still alive" in view.said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_request_to_end_detaches_at_once(number: int) -> None:
    experiment, trials = a_past([], running=1)
    runner, view = FakeRunner(experiment, trials), FakeView(number)

    status = await Watch(runner, view, [UID]).run()

    assert status == ExitStatus.INTERRUPTED
    assert runner.stopped == []
    assert view.said == ["Detached: 1 Trial of digits lives on. Go on: kuttab resume digits"]


async def test_an_end_during_the_pause_is_the_end() -> None:
    experiment, trials = a_past([], running=1)
    runner, view = FakeRunner(experiment, trials), FakeView(signal.SIGINT)
    asyncio.get_running_loop().call_later(0.03, lambda: runner.reader.experiment.delete(at=EPOCH))  # type: ignore[union-attr]

    assert await Watch(runner, view, [UID]).run() == ExitStatus.FAILED


async def test_the_terminal_is_given_back_when_a_view_breaks() -> None:
    class BrokenView(FakeView):
        def show(self, looks: Sequence[Look]) -> None:
            raise BrokenPipeError

    experiment, trials = a_past([], running=1)
    view = BrokenView()

    with pytest.raises(BrokenPipeError):
        await Watch(FakeRunner(experiment, trials), view, [UID]).run()

    assert view.is_closed
