"""A runner for Batch alone, on SQS: a job whose host is taken away is begun anew, and the Trial succeeds."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders import an_experiment_manifest
from tests.e2e.deployment import Deployment
from tests.services.moto_batch import BatchPlace
from tests.services.moto_sqs import patch

PREEMPTED = "Host EC2 (instance i-0f1e2d3c4b5a69788) terminated."
"""AWS's own words."""
SCRIPT = '[ "$KUTTAB_ATTEMPT" = 1 ] && sleep 600; echo "loss=$1"'


@pytest.fixture
def deployment(
    batch_place: BatchPlace, sqs_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Deployment]:
    patch()
    for name, value in batch_place.server.environment.items():
        monkeypatch.setenv(name, value)
    url = f"sqs://?region=us-east-1&prefix={sqs_prefix}&endpoint={batch_place.server.endpoint}&declare=true&wait=1"
    deployed = Deployment(tmp_path, broker_url=url, database_url=f"sqlite+aiosqlite:///{tmp_path}/kuttab.db")
    yield deployed
    deployed.close()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_job_whose_host_was_taken_is_begun_anew_by_a_runner_for_batch(
    deployment: Deployment, batch_place: BatchPlace, tmp_path: Path
) -> None:
    deployment.kuttab("db", "upgrade")
    deployment.start("runner", "--targets", "batch", "--host", "a", name="runner")
    deployment.start("clock", name="clock")
    deployment.wait(lambda: "is at work" in deployment.log("runner"), seconds=60, why="the runner starts")
    deployment.kuttab("submit", str(_an_experiment(tmp_path, batch_place)))
    deployment.wait(lambda: bool(_jobs(batch_place, "RUNNING")), seconds=60, why="the job runs")

    (first,) = _jobs(batch_place, "RUNNING")
    batch_place.server.client("batch").terminate_job(jobId=first["jobId"], reason=PREEMPTED)

    deployment.wait(lambda: deployment.has_ended("jobs"), seconds=240, why="the Experiment ends")
    assert deployment.experiment("jobs")["status"]["trialsSucceeded"] == 1
    (second,) = _jobs(batch_place, "SUCCEEDED")
    assert (first["jobName"][-2:], second["jobName"]) == ("-1", f"{first['jobName'][:-2]}-2")
    assert len(_jobs(batch_place, "FAILED")) == 1


def _an_experiment(folder: Path, place: BatchPlace) -> Path:
    job = {
        "jobQueue": place.job_queue,
        "jobDefinition": place.job_definition,
        "containerOverrides": {"command": ["sh", "-c", SCRIPT, "worker", "${trialParameters.x}"]},
    }
    template = {
        "trialParameters": [{"name": "x", "reference": "x"}],
        "trialSpec": {"apiVersion": "batch.amazonaws.com/v1", "kind": "Job", "spec": job},
    }
    manifest = an_experiment_manifest(name="jobs", trialTemplate=template, maxTrialCount=1, parallelTrialCount=1)
    path = folder / "jobs.yaml"
    path.write_text(json.dumps(manifest))
    return path


def _jobs(place: BatchPlace, state: str) -> list[dict[str, Any]]:
    """Return the place's jobs in this state."""
    found: list[dict[str, Any]] = place.server.client("batch").list_jobs(jobQueue=place.job_queue, jobStatus=state)[
        "jobSummaryList"
    ]
    return found
