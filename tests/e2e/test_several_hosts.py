"""Three runners with labels of their own on RabbitMQ and MariaDB: one dies, and each Trial runs where it may, once."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.builders import an_experiment_manifest
from tests.e2e.conftest import Servers
from tests.e2e.deployment import Deployment, count_dead_letters

LABELS = {"a": "gpu=a100,zone=x", "b": "gpu=a100,zone=y", "c": "zone=y,disk=big"}
WANTED = {"gpu": ({"gpu": "a100"}, {"a", "b"}), "zone": ({"zone": "y"}, {"b", "c"}), "any": ({}, {"a", "b", "c"})}
"""Experiment → its selector, and the hosts that satisfy it."""
TRIALS = 6
SCRIPT = """
echo "$KUTTAB_EXPERIMENT $KUTTAB_TRIAL_NAME $KUTTAB_ATTEMPT $STARTED_BY" >> "$STARTS"
while [ ! -e "$GO" ]; do sleep 0.2; done
echo "loss=$1"
"""


def an_experiment(name: str, selector: dict[str, str], folder: Path) -> str:
    """Write an Experiment whose Workers note their start and wait until they may go on."""
    worker = {
        "command": ["/bin/sh", "-c", SCRIPT, "worker", "${trialParameters.x}"],
        "env": {"STARTS": str(folder / "starts"), "GO": str(folder / "go")},
        "runnerSelector": selector,
    }
    template = {
        "trialParameters": [{"name": "x", "reference": "x"}],
        "trialSpec": {"apiVersion": "kuttab.dev/v1", "kind": "Process", "spec": worker},
    }
    budget = {"maxTrialCount": TRIALS, "parallelTrialCount": 2, "maxFailedTrialCount": 1}
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(an_experiment_manifest(name=name, trialTemplate=template, **budget)))
    return str(path)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Deployment:
    """Return a deployment that gives a host up after a few seconds."""
    monkeypatch.setenv("KUTTAB_HOST_SILENCE_SECONDS", "4")
    deployment: Deployment = request.getfixturevalue("deployment")
    return deployment


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_each_trial_runs_once_on_a_host_that_satisfies_it_though_one_dies(
    impatient: Deployment, servers: Servers, tmp_path: Path
) -> None:
    deployment = impatient
    runners = _begin(deployment)
    for name, (selector, _) in WANTED.items():
        deployment.kuttab("submit", an_experiment(name, selector, tmp_path))
    deployment.wait(lambda: len(_starts(tmp_path)) >= 2 * len(WANTED), seconds=90, why="Workers start")
    held = {(trial, attempt) for _, trial, attempt, host in _starts(tmp_path) if host == "a"}

    runners["a"].kill()
    runners["a"].wait()
    (tmp_path / "go").touch()

    deployment.wait(lambda: all(map(deployment.has_ended, WANTED)), seconds=150, why="the Experiments end")
    starts = _starts(tmp_path)
    status = {name: deployment.experiment(name)["status"] for name in WANTED}
    assert {name: (it["trials"], it["trialsSucceeded"]) for name, it in status.items()} == dict.fromkeys(
        WANTED, (TRIALS, TRIALS)
    )
    assert max(Counter((trial, attempt) for _, trial, attempt, _ in starts).values()) == 1, starts
    assert [it for it in starts if it[3] not in WANTED[it[0]][1]] == []
    assert held
    assert _lost(deployment) == held
    assert count_dead_letters(servers[0]) == 0


def _begin(deployment: Deployment) -> dict[str, Any]:
    """Start the clock and a runner for each set of labels."""
    deployment.kuttab("db", "upgrade")
    deployment.start("clock", name="clock")
    runners = {
        name: deployment.start("runner", "--slots", "2", "--host", name, "--labels", labels, name=name)
        for name, labels in LABELS.items()
    }
    for name in runners:
        deployment.wait(lambda name=name: "is at work" in deployment.log(name), seconds=90, why=f"runner {name} starts")
    return runners


def _starts(folder: Path) -> list[tuple[str, str, str, str]]:
    """Return (experiment, trial, attempt, host) of each Worker that has started."""
    path = folder / "starts"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(words[0], words[1], words[2], words[3]) for words in (line.split() for line in lines)]


def _lost(deployment: Deployment) -> set[tuple[str, str]]:
    """Return (trial, attempt) of the attempts that ended with their host."""
    found = json.loads(deployment.kuttab("get", "trials", "-o", "json"))["items"]
    return {
        (trial["metadata"]["name"], str(past["attempt"]))
        for trial in found
        for past in trial["status"].get("attempts", [])
        if past["failureClass"] == "WorkerLost"
    }
