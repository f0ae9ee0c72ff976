"""Experiments whose Workers are AWS Batch jobs, run from this machine: moto runs the jobs as processes."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from events.envelope import new_id
from events.experiment import ExperimentCreated
from functions.experiment.model import Phase
from functions.trial.model import TrialState
from infra.settings import Settings
from local_runner.embedded import EmbeddedRunner
from tests.builders import a_reference, an_experiment_manifest
from tests.integration.embedded_rig import clean_up, eventually, open_reader, quick_settings
from tests.services.moto_batch import BatchPlace

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


def a_manifest(place: BatchPlace, script: str, **spec: Any) -> dict[str, Any]:
    command = ["sh", "-c", script, "worker", "${trialParameters.x}"]
    template = {
        "trialParameters": [{"name": "x", "reference": "x"}],
        "trialSpec": {
            "apiVersion": "batch.amazonaws.com/v1",
            "kind": "Job",
            "spec": {
                "jobQueue": place.job_queue,
                "jobDefinition": place.job_definition,
                "containerOverrides": {"command": command},
            },
        },
    }
    budget = {"maxTrialCount": 2, "parallelTrialCount": 2}
    return an_experiment_manifest(name="jobs", trialTemplate=template, **{**budget, **spec})


@pytest.fixture
async def settings(tmp_path: Path, batch_place: BatchPlace, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Settings]:
    for name, value in batch_place.server.environment.items():
        monkeypatch.setenv(name, value)
    quick = quick_settings(tmp_path)
    yield quick
    await clean_up(quick)


def an_event(manifest: dict[str, Any]) -> ExperimentCreated:
    return ExperimentCreated(experiment=a_reference(new_id(), name="jobs"), resource=manifest)


def test_kuttab_run_needs_no_target_for_a_file_of_batch_jobs(batch_place: BatchPlace, tmp_path: Path) -> None:
    (tmp_path / "jobs.yaml").write_text(json.dumps(a_manifest(batch_place, 'echo "loss=$1"')))
    environment = {**os.environ, **batch_place.server.environment, "PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        [sys.executable, "-m", "local_runner", "run", "jobs.yaml", "--json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    finished = [event["data"] for event in events if event.get("type") == "kuttab.trial.finished.v1"]
    assert [it["outcome"] for it in finished] == ["Succeeded", "Succeeded"]
    assert all(it["lastRange"]["points"] for it in finished)


async def test_metrics_arrive_while_the_job_runs_and_a_stop_ends_it(
    settings: Settings, batch_place: BatchPlace
) -> None:
    event = an_event(a_manifest(batch_place, 'echo "loss=$1"; sleep 90', maxTrialCount=1, parallelTrialCount=1))

    async with EmbeddedRunner(settings) as runner, open_reader(settings) as reader:
        await runner.submit(event)

        async def has_metrics() -> bool:
            return any(trial.cursor for trial in await reader.all_trials(event.experiment.uid))

        await eventually(has_metrics, "a running job's metrics are stored")
        await runner.stop_workers(event.experiment.uid)
        (trial,) = await reader.all_trials(event.experiment.uid)

    batch = batch_place.server.client("batch")
    assert trial.state == TrialState.KILLED
    assert batch.describe_jobs(jobs=[trial.reference])["jobs"][0]["status"] == "FAILED"


async def test_a_job_that_can_never_run_fails_its_trial_with_amazons_own_words(
    settings: Settings, batch_place: BatchPlace
) -> None:
    manifest = a_manifest(batch_place, "true", maxFailedTrialCount=1)
    manifest["spec"]["trialTemplate"]["trialSpec"]["spec"]["jobDefinition"] = "no-such-definition"
    event = an_event(manifest)

    async with EmbeddedRunner(settings) as runner, open_reader(settings) as reader:
        await runner.submit(event)
        experiment = await runner.wait_until_finished(event.experiment.uid)
        trial = (await reader.all_trials(event.experiment.uid))[0]

    assert experiment.phase == Phase.FAILED
    assert trial.state == TrialState.FAILED
    assert "Job definition no-such-definition does not exist" in trial.message
