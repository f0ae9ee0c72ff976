"""Runners for Kubernetes on RabbitMQ and MariaDB: one is killed in the middle, another goes on with its Jobs."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.builders import an_experiment_manifest
from tests.e2e.conftest import Servers
from tests.e2e.deployment import Deployment, count_dead_letters
from tests.services.kubernetes import Cluster
from tests.services.kubernetes_store import JOBS, PODS

TRIALS = 6
SCRIPT = """
echo "$KUTTAB_TRIAL_NAME $KUTTAB_ATTEMPT" >> "$STARTS"
echo "epoch 1 loss=$1"
while [ ! -e "$GO" ]; do sleep 0.2; done
echo "epoch 2 loss=0.5"
"""


@pytest.fixture
def reached(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Deployment:
    """Return a deployment whose processes reach the tests' cluster."""
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(tmp_path)))
    deployment: Deployment = request.getfixturevalue("deployment")
    return deployment


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_killed_runners_jobs_are_gone_on_with_by_another_and_none_runs_twice(
    reached: Deployment, cluster: Cluster, servers: Servers, tmp_path: Path
) -> None:
    deployment = reached
    deployment.kuttab("db", "upgrade")
    deployment.start("clock", name="clock")
    victim = deployment.start("runner", "--targets", "kubernetes", "--host", "a", name="a")
    deployment.wait(lambda: "is at work" in deployment.log("a"), seconds=90, why="runner a starts")
    deployment.kuttab("submit", str(an_experiment(tmp_path)))
    deployment.wait(lambda: bool(starts(tmp_path)), seconds=90, why="a pod starts")

    victim.kill()
    victim.wait()
    deployment.start("runner", "--targets", "kubernetes", "--host", "b", name="b")
    deployment.wait(lambda: "is at work" in deployment.log("b"), seconds=90, why="runner b starts")
    running = next(it for it in trials_of(deployment) if it["status"].get("startTime"))
    deployment.wait(lambda: bool(first_epoch(deployment, running)), seconds=90, why="b reads the logs on")
    (tmp_path / "go").touch()

    deployment.wait(lambda: deployment.has_ended("jobs"), seconds=240, why="the Experiment ends")
    status = deployment.experiment("jobs")["status"]
    assert (status["trials"], status["trialsSucceeded"]) == (TRIALS, TRIALS)
    assert max(starts(tmp_path).values()) == 1
    assert {key.split()[1] for key in starts(tmp_path)} == {"1"}, "no attempt was begun anew"
    assert {latest_loss(it) for it in trials_of(deployment)} == {"0.5"}, "the end of each log was read"
    deployment.wait(lambda: not left_in(cluster), seconds=60, why="what has ended is removed")
    assert count_dead_letters(servers[0]) == 0


def an_experiment(folder: Path) -> Path:
    variables = {"STARTS": str(folder / "starts"), "GO": str(folder / "go")}
    container = {
        "name": "training",
        "image": "busybox",
        "command": ["sh", "-c", SCRIPT, "worker", "${trialParameters.x}"],
        "env": [{"name": name, "value": value} for name, value in variables.items()],
    }
    pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container]}
    template = {
        "primaryContainerName": "training",
        "trialParameters": [{"name": "x", "reference": "x"}],
        "trialSpec": {"apiVersion": "batch/v1", "kind": "Job", "spec": {"backoffLimit": 0, "template": {"spec": pod}}},
    }
    budget = {"maxTrialCount": TRIALS, "parallelTrialCount": 3, "maxFailedTrialCount": 1}
    strategies = {"metricStrategies": [{"name": "loss", "value": "latest"}]}
    objective = {"type": "minimize", "objectiveMetricName": "loss", **strategies}
    path = folder / "jobs.yaml"
    path.write_text(
        json.dumps(an_experiment_manifest(name="jobs", trialTemplate=template, objective=objective, **budget))
    )
    return path


def starts(folder: Path) -> Counter[str]:
    """Count the starts of each attempt's container."""
    path = folder / "starts"
    return Counter(path.read_text().splitlines() if path.exists() else [])


def trials_of(deployment: Deployment) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(deployment.kuttab("get", "trials", "-o", "json"))["items"]
    return found


def first_epoch(deployment: Deployment, trial: dict[str, Any]) -> str:
    """Return what `kuttab logs` prints of a running pod."""
    text = deployment.kuttab("logs", trial["metadata"]["name"])
    return text if "epoch 1" in text and "epoch 2" not in text else ""


def latest_loss(trial: dict[str, Any]) -> str:
    (metric,) = trial["status"]["observation"]["metrics"]
    latest: str = metric["latest"]
    return latest


def left_in(cluster: Cluster) -> list[Any]:
    return cluster.do(lambda api: [*api.store.list(JOBS, ""), *api.store.list(PODS, "")])
