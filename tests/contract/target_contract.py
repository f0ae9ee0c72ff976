"""What every target promises, whatever runs its Workers: subclass TargetContract and give it a rig."""

import asyncio
import shlex
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pytest

from events.reference import ExperimentRef, TrialRef
from events.resource import Manifest
from functions.worker import LaunchRefusedError, LogLine, Target, Worker, WorkerPhase, WorkerState

PATIENCE_SECONDS = 20.0
"""For a machine that is busy; nothing here waits longer than it must."""


class Rig(Protocol):
    """A target, and manifests whose Workers behave as a test needs."""

    target: Target
    directory: Path | str

    def manifest(
        self, text: str = "", *, exit_code: int = 0, seconds: float = 0.0, until: Path | None = None
    ) -> Manifest:
        """Return what prints the text, waits so long or until there is this file, and ends so."""
        ...

    def impossible_manifest(self) -> Manifest:
        """Return what can never run here."""
        ...


def waiting(seconds: float, until: Path | None) -> str:
    """Return the shell's words for a pause, or for waiting for a file, which no busy machine makes too short."""
    return f"until [ -e {shlex.quote(str(until))} ]; do sleep 0.02; done" if until else f"sleep {seconds}"


def a_worker(manifest: Manifest, *, uid: str = "", attempt: int = 1) -> Worker:
    uid = uid or uuid4().hex
    return Worker(
        experiment=ExperimentRef(namespace="labs", name="digits", uid="experiment-uid"),
        trial=TrialRef(name=f"digits-{uid[:8]}", uid=uid, number=1),
        attempt=attempt,
        manifest=manifest,
        primary_container_name="training",
    )


async def until(is_reached: Callable[[], Awaitable[object]]) -> None:
    """Poll until the condition holds; a test that hangs fails here and says so."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await is_reached():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.01)


async def until_over(target: Target, worker: Worker) -> WorkerState:
    """Look until the Worker has ended."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (state := await target.look(worker)).is_over:  # noqa: ASYNC110 - as in `until`
            await asyncio.sleep(0.01)
    return state


async def until_logged(target: Target, worker: Worker, text: str) -> None:
    """Look into the log until a line is this text."""

    async def is_logged() -> bool:
        chunk = await target.read_log(worker, 0, is_over=False)
        return any(line.text == text for line in chunk.lines)

    await until(is_logged)


async def read_all(target: Target, worker: Worker, start: int = 0) -> list[LogLine]:
    """Read the log of a Worker that is over to its end."""
    lines: list[LogLine] = []
    while True:
        chunk = await target.read_log(worker, start, is_over=True)
        assert chunk.start == start
        lines += chunk.lines
        start = chunk.end
        if not chunk.has_more:
            return lines


class TargetContract:
    """Behaviour that the handlers rely on."""

    async def test_a_worker_runs_and_succeeds(self, rig: Rig) -> None:
        go = Path(rig.directory) / "go"
        worker = a_worker(rig.manifest("loss=0.5\n", until=go))

        await rig.target.launch(worker)
        at_first = await rig.target.look(worker)
        go.touch()
        state = await until_over(rig.target, worker)

        assert at_first.phase == WorkerPhase.RUNNING
        assert (state.phase, state.exit_code) == (WorkerPhase.SUCCEEDED, 0)
        assert state.started_at is not None
        assert state.ended_at is not None
        assert state.ended_at >= state.started_at

    async def test_a_failed_worker_says_how(self, rig: Rig) -> None:
        worker = a_worker(rig.manifest("no such file: data.csv\n", exit_code=3))

        await rig.target.launch(worker)
        state = await until_over(rig.target, worker)

        assert (state.phase, state.exit_code) == (WorkerPhase.FAILED, 3)
        assert state.reason
        assert "3" in state.message

    async def test_an_attempt_runs_once_however_often_it_is_launched(self, rig: Rig) -> None:
        worker = a_worker(rig.manifest("here\n", seconds=0.2))

        references = await asyncio.gather(*(rig.target.launch(worker) for _ in range(5)))
        await until_over(rig.target, worker)
        late = await rig.target.launch(worker)

        assert {*references, late} == {late}
        assert [line.text for line in await read_all(rig.target, worker)] == ["here"]

    async def test_each_attempt_has_a_worker_of_its_own(self, rig: Rig) -> None:
        first = a_worker(rig.manifest("first\n", exit_code=1))
        second = a_worker(rig.manifest("second\n"), uid=first.trial.uid, attempt=2)

        for worker in (first, second):
            await rig.target.launch(worker)
        states = [await until_over(rig.target, worker) for worker in (first, second)]
        sources = {(await rig.target.read_log(worker, 0, is_over=True)).source for worker in (first, second)}

        assert [state.phase for state in states] == [WorkerPhase.FAILED, WorkerPhase.SUCCEEDED]
        assert [line.text for line in await read_all(rig.target, second)] == ["second"]
        assert len(sources) == 2

    async def test_an_unknown_worker_is_missing_and_harmless(self, rig: Rig) -> None:
        worker = a_worker(rig.manifest())

        await rig.target.stop(worker)
        await rig.target.remove(worker)
        state = await rig.target.look(worker)
        chunk = await rig.target.read_log(worker, 0, is_over=True)

        assert state.phase == WorkerPhase.MISSING
        assert (chunk.lines, chunk.end, chunk.has_more) == ((), 0, False)

    async def test_what_can_never_run_is_refused_with_a_reason(self, rig: Rig) -> None:
        worker = a_worker(rig.impossible_manifest())

        with pytest.raises(LaunchRefusedError) as refused:
            await rig.target.launch(worker)

        assert refused.value.reason
        assert refused.value.message

    async def test_a_line_has_the_same_position_wherever_the_reading_begins(self, rig: Rig) -> None:
        worker = a_worker(rig.manifest("one\ntwo=2\n\nthree=3\n"))
        await rig.target.launch(worker)
        await until_over(rig.target, worker)

        lines = await read_all(rig.target, worker)
        again = [await read_all(rig.target, worker, line.position) for line in lines]

        assert [line.text for line in lines if line.text] == [
            "one",
            "two=2",
            "three=3",
        ]  # CloudWatch keeps no empty ones
        assert again == [lines[index:] for index in range(len(lines))]
        assert all(before.position < after.position for before, after in pairwise(lines))

    async def test_a_long_log_is_read_in_chunks_that_leave_nothing_out(self, rig: Rig) -> None:
        worker = a_worker(rig.manifest("".join(f"step={number} {'x' * 900}\n" for number in range(100)) * 8))
        await rig.target.launch(worker)
        await until_over(rig.target, worker)

        first = await rig.target.read_log(worker, 0, is_over=True)
        lines = await read_all(rig.target, worker)

        assert first.has_more
        assert sum(len(line.text) for line in first.lines) < 512 * 1024
        assert [int(line.text[5:7]) for line in lines] == [*range(100)] * 8

    async def test_an_unfinished_line_waits_until_the_worker_is_over(self, rig: Rig) -> None:
        go = Path(rig.directory) / "go"
        worker = a_worker(rig.manifest("whole\nunfinished", until=go))
        await rig.target.launch(worker)

        await until_logged(rig.target, worker, "whole")
        early = await rig.target.read_log(worker, 0, is_over=False)
        go.touch()
        await until_over(rig.target, worker)
        late = await rig.target.read_log(worker, early.end, is_over=True)

        assert [line.text for line in early.lines] == ["whole"]
        assert [line.text for line in late.lines] == ["unfinished"]

    async def test_a_stopped_worker_ends(self, rig: Rig) -> None:
        worker = a_worker(rig.manifest("started\n", seconds=60))
        await rig.target.launch(worker)
        await until_logged(rig.target, worker, "started")

        await rig.target.stop(worker)
        await rig.target.stop(worker)
        state = await until_over(rig.target, worker)

        assert state.phase == WorkerPhase.FAILED

    async def test_a_removed_worker_is_gone_and_does_not_come_back(self, rig: Rig) -> None:
        worker = a_worker(rig.manifest("started\n", seconds=60))
        await rig.target.launch(worker)
        await until_logged(rig.target, worker, "started")

        await rig.target.remove(worker)
        await rig.target.remove(worker)
        state = await rig.target.look(worker)

        assert state.phase == WorkerPhase.MISSING
