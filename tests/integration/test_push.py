"""Workers that call report_metrics: many points, a Worker that is killed, a token that is forged."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from events.experiment import ExperimentCreated
from functions.trial.model import TrialState
from infra.settings import Settings
from local_runner.embedded import EmbeddedRunner
from tests.integration.embedded_rig import (
    a_process_experiment,
    clean_up,
    eventually,
    finish,
    quick_settings,
    run,
)

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PUSH = {"metricsCollectorSpec": {"collector": {"kind": "Push"}}}
BEGIN = f"import os, sys, signal; sys.path.insert(0, {str(ROOT)!r}); from events import report_metrics\n"


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Settings]:
    quick = quick_settings(tmp_path)
    yield quick
    await clean_up(quick)


def a_python_experiment(script: str, **more: Any) -> ExperimentCreated:
    return a_process_experiment(sys.executable, "-c", BEGIN + script, **PUSH, **more)


def _patient(settings: Settings) -> Settings:
    """Return settings with a grace that no machine is too busy for."""
    return replace(settings, limits=replace(settings.limits, settle_grace_seconds=600.0))


async def test_many_quick_points_all_count(settings: Settings) -> None:
    event = a_python_experiment("for step in range(300): report_metrics({'loss': 300 - step, 'step': step})", trials=2)

    ((experiment, trials),) = await run(_patient(settings), event)

    assert [trial.state for trial in trials] == [TrialState.SUCCEEDED] * 2
    assert experiment.optimal_value == 1
    for trial in trials:
        metric = trial.fold.metrics["loss"]
        assert (metric.count, metric.max, metric.min, metric.latest) == (300, "300", "1", "1")
        (pusher,) = trial.pushers.values()
        assert (pusher.whole, pusher.count) == (300, 300)


async def test_a_push_trial_ends_when_its_count_is_there_and_not_after_the_grace(settings: Settings) -> None:
    ((_, (trial,)),) = await run(_patient(settings), a_python_experiment("report_metrics({'loss': 1})"))

    assert trial.state == TrialState.SUCCEEDED


async def test_a_killed_worker_fails_and_what_it_reported_is_kept(settings: Settings) -> None:
    script = "for step in range(20): report_metrics({'loss': step})\nos.kill(os.getpid(), signal.SIGKILL)"
    event = a_python_experiment(script, maxFailedTrialCount=1)

    async with EmbeddedRunner(settings) as runner:
        await runner.submit(event)
        await finish(runner, event.experiment.uid)
        (trial,) = await runner.reader.all_trials(event.experiment.uid)
        await eventually(lambda: asyncio.to_thread(_has_points, settings, 20), "all points are kept")

    assert (trial.state, trial.reason) == (TrialState.FAILED, "Signaled")


def _has_points(settings: Settings, count: int) -> bool:
    with closing(sqlite3.connect(settings.directory / "kuttab.db")) as connection:
        return connection.execute("SELECT COUNT(*) FROM observation_logs").fetchone() == (count,)


async def test_a_forged_token_is_a_dead_letter_and_changes_nothing(settings: Settings) -> None:
    script = "report_metrics({'loss': 1})"
    forge = "import os; os.environ['KUTTAB_TOKEN'] = 'f' * 64\n" + script
    honest, forger = (a_python_experiment(it, name=name) for it, name in ((script, "honest"), (forge, "forger")))

    results = await run(settings, honest, forger)

    states = {experiment.name: trial.state for experiment, (trial,) in results}
    reasons = [path.read_text() for path in (settings.directory / "dead-letters").glob("*.reason")]
    assert states == {"honest": TrialState.SUCCEEDED, "forger": TrialState.METRICS_UNAVAILABLE}
    assert reasons
    assert all("kuttabtoken: is not the token of attempt 1 of forger-" in reason for reason in reasons)


async def test_a_worker_that_outlives_the_runner_pushes_into_the_inbox(settings: Settings, tmp_path: Path) -> None:
    go, done = tmp_path / "go", tmp_path / "done"
    script = (
        "import time\nreport_metrics({'loss': 3})\n"
        f"while not os.path.exists({str(go)!r}): time.sleep(0.01)\n"
        "report_metrics({'loss': 2})\n"
        f"open({str(done)!r}, 'w').close()"
    )
    event = a_python_experiment(script)
    async with EmbeddedRunner(settings) as runner:
        await runner.submit(event)

        async def has_pushed() -> bool:
            return any(trial.pushers for trial in await runner.reader.all_trials(event.experiment.uid))

        await eventually(has_pushed, "the first point is here")

    go.touch()
    await eventually(lambda: asyncio.to_thread(done.exists), "the Worker has pushed the rest")
    async with EmbeddedRunner(settings) as runner:
        (experiment,) = await finish(runner, event.experiment.uid)

    assert experiment.optimal_value == 2
