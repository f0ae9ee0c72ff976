"""One process with everything in it: Experiments of real Workers run to their ends."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from events.envelope import Event
from events.experiment import ExperimentFinished
from functions.experiment.model import Phase
from functions.trial.model import TrialState
from infra.broker.inbox import Inbox
from infra.settings import Settings
from local_runner.directory import DirectoryBusyError, is_busy
from local_runner.embedded import EmbeddedRunner
from tests.builders import a_delete, a_stop, an_edit
from tests.integration.embedded_rig import (
    a_shell_experiment,
    clean_up,
    eventually,
    finish,
    open_reader,
    quick_settings,
    read_lines,
    run,
    workers_of,
)

pytestmark = pytest.mark.slow


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Settings]:
    """Name a fresh directory, and leave no Worker behind."""
    quick = quick_settings(tmp_path)
    yield quick
    await clean_up(quick)


async def test_a_small_experiment_ends_with_its_optimum(settings: Settings, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    event = a_shell_experiment(f'echo "$1" >> {runs}; echo "loss=$1"; echo "loss=2"', trials=5)

    ((experiment, trials),) = await run(settings, event)

    tried = [float(line) for line in read_lines(runs)]
    assert (experiment.phase, experiment.succeeded, len(trials)) == (Phase.SUCCEEDED, 5, 5)
    assert len(tried) == len(set(tried)) == 5
    assert experiment.optimal_value == min(tried)


async def test_no_more_workers_run_than_the_experiment_allows(settings: Settings, tmp_path: Path) -> None:
    log = tmp_path / "log"
    event = a_shell_experiment(f"echo begin >> {log}; sleep 0.1; echo end >> {log}; echo loss=1", trials=6)

    await run(settings, event)

    running = most = 0
    for line in read_lines(log):
        running += 1 if line == "begin" else -1
        most = max(most, running)
    assert most == 2


async def test_a_host_runs_no_more_workers_than_it_has_slots(settings: Settings, tmp_path: Path) -> None:
    import dataclasses

    log = tmp_path / "log"
    script = f"echo begin >> {log}; sleep 0.1; echo end >> {log}; echo loss=1"
    event = a_shell_experiment(script, trials=4, parallelTrialCount=4)

    await run(dataclasses.replace(settings, slots=1), event)

    assert read_lines(log) == ["begin", "end"] * 4


async def test_failed_workers_fail_the_experiment_at_its_limit(settings: Settings) -> None:
    event = a_shell_experiment("echo oh no >&2; exit 3", trials=4, maxFailedTrialCount=2, parallelTrialCount=1)

    ((experiment, trials),) = await run(settings, event)

    assert (experiment.phase, experiment.failed) == (Phase.FAILED, 2)
    assert {trial.message for trial in trials} == {"exit code 3: oh no"}


async def test_every_event_is_heard_and_the_end_is_among_them(settings: Settings) -> None:
    heard: list[Event] = []
    event = a_shell_experiment("echo loss=1")

    async with EmbeddedRunner(settings, on_event=heard.append) as runner:
        await runner.submit(event)
        await finish(runner, event.experiment.uid)
        await eventually(lambda: asyncio.sleep(0, ExperimentFinished in map(type, heard)), "the end is heard")

    assert heard[0] == event


async def test_a_second_runner_in_the_same_directory_is_refused(settings: Settings) -> None:
    async with EmbeddedRunner(settings):
        assert is_busy(settings.directory)
        with pytest.raises(DirectoryBusyError, match=r"a runner is at work here \(pid \d+\)"):
            await EmbeddedRunner(settings).__aenter__()

    assert not is_busy(settings.directory)
    async with EmbeddedRunner(settings):
        pass


async def test_a_runner_that_leaves_detaches_and_the_next_one_adopts(settings: Settings, tmp_path: Path) -> None:
    runs, go = tmp_path / "runs", tmp_path / "go"
    event = a_shell_experiment(f'echo "$1" >> {runs}; until [ -e {go} ]; do sleep 0.05; done; echo loss=1', trials=2)
    async with EmbeddedRunner(settings) as runner:
        await runner.submit(event)
        await eventually(lambda: asyncio.sleep(0, len(read_lines(runs)) == 2), "both Workers run")
    alive = workers_of(settings)
    go.touch()

    async with EmbeddedRunner(settings) as runner:
        (experiment,) = await finish(runner, event.experiment.uid)
        trials = await runner.reader.all_trials(experiment.uid)

    assert len(alive) == 2
    assert (experiment.succeeded, [trial.attempt for trial in trials]) == (2, [1, 1])
    assert len(read_lines(runs)) == 2


async def test_stop_workers_ends_what_runs(settings: Settings) -> None:
    event = a_shell_experiment("echo loss=1; sleep 60", trials=2)
    async with EmbeddedRunner(settings) as runner:
        await runner.submit(event)
        await eventually(lambda: asyncio.sleep(0, len(workers_of(settings)) == 2), "both Workers run")

        await runner.stop_workers(event.experiment.uid)

        trials = await runner.reader.all_trials(event.experiment.uid)
        await eventually(lambda: asyncio.sleep(0, not workers_of(settings)), "no Worker is left")
    assert {trial.state for trial in trials} == {TrialState.KILLED}


async def test_the_inbox_takes_submit_edit_and_stop_from_another_program(settings: Settings) -> None:
    event = a_shell_experiment("echo loss=1; sleep 60", trials=2, parallelTrialCount=1)
    uid = event.experiment.uid
    inbox = Inbox(settings.directory / "inbox")
    async with EmbeddedRunner(settings) as runner, open_reader(settings) as reader:
        inbox.publish(event)
        await eventually(lambda: reader.all_trials(uid), "the Experiment was admitted")
        inbox.publish(an_edit(uid, parallel=2, most=2, id="edit"))
        await eventually(lambda: asyncio.sleep(0, len(workers_of(settings)) == 2), "the edit gave a second slot")
        inbox.publish(a_stop(uid))
        (experiment,) = await finish(runner, uid)

    assert experiment.is_stopped
    assert list((settings.directory / "inbox").glob("*.msg")) == []


async def test_what_was_submitted_before_the_runner_came_is_run(settings: Settings) -> None:
    event = a_shell_experiment("echo loss=1")
    Inbox(settings.directory / "inbox").publish(event)

    async with EmbeddedRunner(settings) as runner:
        (experiment,) = await finish(runner, event.experiment.uid)

    assert experiment.phase == Phase.SUCCEEDED


async def test_delete_leaves_neither_rows_nor_workers(settings: Settings) -> None:
    event = a_shell_experiment("echo loss=1; sleep 60", trials=2)
    uid = event.experiment.uid
    async with EmbeddedRunner(settings) as runner:
        await runner.submit(event)
        await eventually(lambda: asyncio.sleep(0, len(workers_of(settings)) == 2), "both Workers run")

        Inbox(settings.directory / "inbox").publish(a_delete(uid))

        async def is_gone() -> bool:
            return await runner.reader.experiment_of_uid(uid) is None

        await eventually(is_gone, "the rows are gone")
        assert workers_of(settings) == []
        assert await runner.reader.all_trials(uid) == []
