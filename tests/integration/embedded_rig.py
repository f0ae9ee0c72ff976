"""An embedded runner with quick clocks, Experiments of shell Workers, and patience instead of sleeps."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from events.envelope import new_id
from events.experiment import ExperimentCreated
from functions.experiment.model import Experiment
from functions.limits import Limits
from functions.trial.model import Trial
from infra.settings import Settings
from infra.store.engine import make_engine
from infra.store.reader import SQLReader
from infra.target.process import ProcessTarget
from infra.target.processes import all_processes
from local_runner.embedded import EmbeddedRunner
from tests.builders import a_reference, an_experiment_manifest

PATIENCE_SECONDS = 60.0
"""Longer than anything here takes, also on a busy machine."""
_POLL_SECONDS = 0.02


def quick_settings(directory: Path, **limits: float) -> Settings:
    """Return settings under which a minute of the protocol is a second."""
    quick = {"nudge_base_seconds": 1.0, "missing_grace_seconds": 0.5, "reread_grace_seconds": 0.5, **limits}
    return Settings(
        directory=directory / ".kuttab",
        supervise_seconds=0.05,
        tick_seconds=0.2,
        limits=Limits(settle_grace_seconds=5.0, **quick),  # type: ignore[arg-type]
    )


def a_shell_experiment(script: str, *, name: str = "shell", trials: int = 1, **spec: Any) -> ExperimentCreated:
    """Return an Experiment whose Workers run the script with the parameter x, unlike any other's, as `$1`."""
    return a_process_experiment(
        "/bin/sh", "-c", script, "worker", "${trialParameters.x}", name=name, trials=trials, **spec
    )


def a_process_experiment(*command: str, name: str = "shell", trials: int = 1, **spec: Any) -> ExperimentCreated:
    template = {
        "primaryContainerName": "main",
        "trialParameters": [{"name": "x", "reference": "x"}],
        "trialSpec": {
            "apiVersion": "kuttab.dev/v1",
            "kind": "Process",
            "spec": {"command": list(command), "env": {"X": "${trialParameters.x}"}, "stopGraceSeconds": 1},
        },
    }
    budget = {"maxTrialCount": trials, "parallelTrialCount": min(2, trials)}
    resource = an_experiment_manifest(name=name, trialTemplate=template, **{**budget, **spec})
    return ExperimentCreated(experiment=a_reference(new_id(), name=name), resource=resource)


async def finish(runner: EmbeddedRunner, *uids: str, patience_seconds: float = PATIENCE_SECONDS) -> list[Experiment]:
    """Wait until the Experiments have ended and none of their Workers is left."""
    async with asyncio.timeout(patience_seconds):
        return [await runner.wait_until_finished(uid) for uid in uids]


async def run(
    settings: Settings, *events: ExperimentCreated, patience_seconds: float = PATIENCE_SECONDS
) -> list[tuple[Experiment, Sequence[Trial]]]:
    """Run the Experiments to their end, beside each other."""
    async with EmbeddedRunner(settings) as runner:
        for event in events:
            await runner.submit(event)
        uids = [event.experiment.uid for event in events]
        ended = await finish(runner, *uids, patience_seconds=patience_seconds)
        return [(experiment, await runner.reader.all_trials(experiment.uid)) for experiment in ended]


async def eventually(holds: Callable[[], Awaitable[Any]], what: str) -> Any:
    """Return the first true answer. Raises AssertionError where none comes in time."""
    clock = asyncio.get_running_loop()
    deadline = clock.time() + PATIENCE_SECONDS
    while clock.time() < deadline:
        if answer := await holds():
            return answer
        await asyncio.sleep(_POLL_SECONDS)
    raise AssertionError(f"it never came true that {what}")


@asynccontextmanager
async def open_reader(settings: Settings) -> AsyncIterator[SQLReader]:
    """Read a directory's database from outside."""
    engine = make_engine(settings.database_url)
    try:
        yield SQLReader(engine)
    finally:
        await engine.dispose()


def read_lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def workers_of(settings: Settings) -> list[int]:
    """Return the pids of the processes whose working files lie in this directory."""
    mark = str(settings.directory.absolute()).encode()
    found = []
    for stat in all_processes():
        try:
            command = Path(f"/proc/{stat.pid}/cmdline").read_bytes()
        except OSError:
            continue
        if mark in command and stat.pid != os.getpid() and b"shim.sh" in command:
            found.append(stat.pid)
    return found


async def clean_up(settings: Settings) -> None:
    """Kill what may be left of a test's Workers."""
    target = ProcessTarget(settings.directory / "workers")
    for uid, _ in await target.list_workers():
        await target.purge(uid)
    shutil.rmtree(settings.directory, ignore_errors=True)
