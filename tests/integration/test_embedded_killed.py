"""`kill -9` of the runner loses nothing: Workers live on, the next runner adopts them, and no Trial is run twice."""

import asyncio
import signal
import sys
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from events.envelope import encode
from events.experiment import ExperimentCreated
from functions.experiment.model import Phase
from functions.trial.model import TrialState
from infra.settings import Settings
from local_runner.embedded import EmbeddedRunner
from tests.integration.embedded_rig import (
    a_shell_experiment,
    clean_up,
    eventually,
    finish,
    quick_settings,
    read_lines,
    workers_of,
)

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
REPORTS = 10


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Settings]:
    """Name a fresh directory, and leave no Worker behind."""
    quick = quick_settings(tmp_path)
    yield quick
    await clean_up(quick)


def _a_chatty_experiment(directory: Path, *, trials: int) -> ExperimentCreated:
    """Return Workers that say when they begin and end, and report now and then in between; they end once they `go`."""
    script = (
        f'echo "$1" >> {directory}/begun; i=0;'
        f' while [ $i -lt {REPORTS} ]; do echo "loss=0.$i"; i=$((i+1)); sleep 0.05; done;'
        f' until [ -e {directory}/go ]; do sleep 0.02; done; echo "$1" >> {directory}/ended'
    )
    return a_shell_experiment(script, trials=trials)


async def _start_runner(directory: Path, event: ExperimentCreated | None = None) -> Process:
    arguments = [str(directory)]
    if event is not None:
        file = directory / "event.json"
        await asyncio.to_thread(file.write_bytes, encode(event))
        arguments.append(str(file))
    command = [sys.executable, "-m", "tests.integration.embedded_program", *arguments]
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT)


async def _kill(runner: Process) -> None:
    runner.send_signal(signal.SIGKILL)
    assert await runner.wait() == -signal.SIGKILL


async def _until_lines(path: Path, count: int) -> None:
    await eventually(lambda: asyncio.sleep(0, len(read_lines(path)) >= count), f"{path.name} has {count} lines")


async def test_workers_live_on_without_a_runner_and_what_they_wrote_is_read(settings: Settings, tmp_path: Path) -> None:
    event = _a_chatty_experiment(tmp_path, trials=2)
    runner = await _start_runner(tmp_path, event)
    await _until_lines(tmp_path / "begun", 2)
    await _kill(runner)
    adopted = len(workers_of(settings))
    (tmp_path / "go").touch()
    await _until_lines(tmp_path / "ended", 2)

    async with EmbeddedRunner(settings) as resumed:
        (experiment,) = await finish(resumed, event.experiment.uid)
        trials = await resumed.reader.all_trials(experiment.uid)
        points = [await resumed.reader.points(it.uid, it.log_source) for it in trials]

    assert adopted == 2
    assert (experiment.phase, [trial.attempt for trial in trials]) == (Phase.SUCCEEDED, [1, 1])
    assert [[point.value for point in each] for each in points] == [[f"0.{i}" for i in range(REPORTS)]] * 2


@pytest.mark.parametrize("kills", [[1], [3], [1, 2, 5]], ids=lambda kills: "after " + ", ".join(map(str, kills)))
async def test_an_experiment_ends_with_exactly_the_promised_trials_none_run_twice(
    settings: Settings, tmp_path: Path, kills: list[int]
) -> None:
    (tmp_path / "go").touch()
    event: ExperimentCreated | None = _a_chatty_experiment(tmp_path, trials=6)
    assert event is not None
    uid = event.experiment.uid
    for begun in kills:
        runner = await _start_runner(tmp_path, event)
        await _until_lines(tmp_path / "begun", begun)
        await _kill(runner)
        event = None

    async with EmbeddedRunner(settings) as resumed:
        (experiment,) = await finish(resumed, uid)
        trials = await resumed.reader.all_trials(uid)
        points = [await resumed.reader.points(it.uid, it.log_source) for it in trials]

    begun_by = Counter(read_lines(tmp_path / "begun"))
    assert (experiment.phase, experiment.created_count, experiment.succeeded) == (Phase.SUCCEEDED, 6, 6)
    assert begun_by == Counter({trial.assignments[0].value: 1 for trial in trials})
    assert {trial.state for trial in trials} == {TrialState.SUCCEEDED}
    assert {len(each) for each in points} == {REPORTS}
    assert workers_of(settings) == []


async def test_a_worker_that_died_with_its_runner_is_run_again(settings: Settings, tmp_path: Path) -> None:
    """A power cut takes both: the attempt is lost, and the Trial gets another."""
    event = a_shell_experiment(f"echo $1 >> {tmp_path}/begun; [ -e {tmp_path}/go ] || sleep 60; echo loss=1")
    runner = await _start_runner(tmp_path, event)
    await _until_lines(tmp_path / "begun", 1)
    await _kill(runner)
    import os

    for pid in workers_of(settings):
        os.killpg(pid, signal.SIGKILL)
    (tmp_path / "go").touch()

    async with EmbeddedRunner(settings) as resumed:
        (experiment,) = await finish(resumed, event.experiment.uid)
        (trial,) = await resumed.reader.all_trials(experiment.uid)

    assert (experiment.phase, trial.attempt, trial.state) == (Phase.SUCCEEDED, 2, TrialState.SUCCEEDED)
    assert len(read_lines(tmp_path / "begun")) == 2
