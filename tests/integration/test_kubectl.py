"""The real kubectl against `kuttab serve`: what it prints, and what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from events.resource import Manifest
from tests.builders import an_experiment_manifest
from tests.services.face import ROOT, Served, eventually, serve
from tests.services.kubectl import find_kubectl

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("kubectl"),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("served")) as found:
        yield found


def a_job_experiment(name: str, script: str = "echo loss=$1", **spec: Any) -> Manifest:
    """Return an Experiment as Katib's users write it: a Job, whose container runs here as a process."""
    container = {
        "name": "main",
        "image": "any",
        "command": ["sh", "-c", script, "worker", "${trialParameters.x}"],
    }
    template = {
        "primaryContainerName": "main",
        "trialParameters": [{"name": "x", "reference": "x"}],
        "trialSpec": {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "spec": {"template": {"spec": {"containers": [container], "restartPolicy": "Never"}}},
        },
    }
    return an_experiment_manifest(name=name, trialTemplate=template, **spec)


def test_an_experiment_runs_to_its_end_and_shows_its_best(served: Served) -> None:
    created = served.kubectl("create", "-f", "-", content=a_job_experiment("digits"))
    served.kubectl("wait", "--for=condition=Succeeded", "experiment/digits", "--timeout=60s")

    table = served.kubectl("get", "experiments", "digits").splitlines()
    found = json.loads(served.kubectl("get", "experiment", "digits", "-o", "json"))
    trials = served.kubectl("get", "trials", "-l", "katib.kubeflow.org/experiment=digits", "--no-headers").splitlines()

    assert created == "experiment.kubeflow.org/digits created\n"
    assert [line.split()[:3] for line in table] == [["NAME", "TYPE", "STATUS"], ["digits", "Succeeded", "True"]]
    best = found["status"]["currentOptimalTrial"]
    assert best["observation"]["metrics"][0]["latest"] == best["parameterAssignments"][0]["value"]
    assert [line.split()[1:3] for line in trials] == [["Succeeded", "True"]] * 3
    assert "ExperimentMaxTrialsReached" in served.kubectl("describe", "experiment", "digits")


def test_a_deleted_experiment_is_gone_when_kubectl_returns(served: Served) -> None:
    served.kubectl("create", "-f", "-", content=a_job_experiment("short-lived", "sleep 60"))

    deleted = served.kubectl("delete", "experiment", "short-lived")

    assert 'experiment.kubeflow.org "short-lived" deleted' in deleted
    assert "NotFound" in served.kubectl("get", "experiment", "short-lived", status=1)


def test_apply_creates_then_edits_the_budget(served: Served) -> None:
    first = served.kubectl("apply", "-f", "-", content=a_job_experiment("applied", "sleep 60", maxTrialCount=2))
    again = served.kubectl("apply", "-f", "-", content=a_job_experiment("applied", "sleep 60", maxTrialCount=9))
    path = "-o=jsonpath={.spec.maxTrialCount}"
    found = served.kubectl("get", "experiment", "applied", path)
    refused = a_job_experiment("applied", "sleep 60", maxTrialCount=9, algorithm={"algorithmName": "tpe"})

    assert (first.split()[-1], again.split()[-1], found) == ("created", "configured", "9")
    assert "are editable" in served.kubectl("apply", "-f", "-", content=refused, status=1)
    served.kubectl("delete", "experiment", "applied")


def test_what_is_wrong_is_printed_field_by_field(served: Served) -> None:
    bad = a_job_experiment("bad", parallelTrialCount=9, objective={"type": "less", "objectiveMetricName": "loss"})

    printed = served.kubectl("create", "-f", "-", content=bad, status=1).splitlines()
    unknown = served.kubectl("create", "-f", "-", content=a_job_experiment("odd", maxTrails=2), status=1)

    assert printed == [
        'The Experiment "bad" is invalid: ',
        "* spec.objective.type: must be minimize or maximize",
        "* spec.parallelTrialCount: should be less than or equal to spec.maxTrialCount",
    ]
    assert 'unknown field "spec.maxTrails"' in unknown


def test_a_watch_shows_an_experiment_come_run_and_go(served: Served) -> None:
    seen: list[str] = []
    command = [find_kubectl(), "get", "experiments", "--watch", "--no-headers", "-l", "watched=yes"]
    with subprocess.Popen(command, env=served.environment, stdout=subprocess.PIPE, text=True) as watch:
        assert watch.stdout is not None
        threading.Thread(target=lambda: seen.extend(watch.stdout or ()), daemon=True).start()
        manifest = a_job_experiment("watched", "sleep 1; echo loss=$1")
        manifest["metadata"] = {"name": "watched", "labels": {"watched": "yes"}}
        served.kubectl("create", "-f", "-", content=manifest)
        eventually(lambda: any("Succeeded" in line for line in seen), "the end is shown")
        count = len(seen)
        served.kubectl("delete", "experiment", "watched")
        eventually(lambda: len(seen) > count, "the deletion is shown")
        watch.terminate()

    assert {line.split()[0] for line in seen} == {"watched"}
    assert "Running" in {line.split()[1] for line in seen}


def test_kubectl_knows_the_resources(served: Served) -> None:
    kinds = served.kubectl("api-resources", "--api-group=kubeflow.org", "--no-headers")
    explained = served.kubectl("explain", "experiment.spec.objective")

    assert {line.split()[0] for line in kinds.splitlines()} == {"experiments", "suggestions", "trials"}
    assert "objectiveMetricName" in explained


def test_over_https_only_who_shows_the_token_is_let_in(tmp_path: Path) -> None:
    write_certificate(tmp_path / "server.pem")

    with serve(tmp_path, "--certificate", "server.pem", KUTTAB_API_TOKEN="right") as served:
        kinds = served.kubectl("get", "experiments")
        refused = served.kubectl("get", "experiments", "--token", "wrong", status=1)

    assert served.url.startswith("https://")
    assert "No resources found" in kinds
    assert "Unauthorized" in refused or "must be logged in" in refused


def write_certificate(path: Path) -> None:
    """Write a key and a certificate of 127.0.0.1 that signs itself."""
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=kuttab -addext subjectAltName=IP:127.0.0.1"
    subprocess.run(
        [*command.split(), "-keyout", "key.pem", "-out", "certificate.pem"],
        cwd=path.parent,
        capture_output=True,
        check=True,
    )
    path.write_text((path.parent / "key.pem").read_text() + (path.parent / "certificate.pem").read_text())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--host", "0.0.0.0"), "0.0.0.0 can be reached from elsewhere: set KUTTAB_API_TOKEN to what callers show"),
        (("--target", "moon"), "target: 'moon' is none; use one of process, kubernetes, batch, external"),
        (("--certificate", "none.pem"), "none.pem: [Errno 2] No such file or directory"),
    ],
)
def test_what_cannot_be_served_is_one_line(options: tuple[str, ...], words: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local_runner", "serve", "--port", "0", *options]

    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (2, f"error: {words}\n")


def test_a_server_with_an_open_watch_stops_in_peace(tmp_path: Path) -> None:
    with serve(tmp_path) as served:
        watch = subprocess.Popen(
            [find_kubectl(), "get", "experiments", "--watch"], env=served.environment, stdout=subprocess.PIPE, text=True
        )
        with watch:
            served.kubectl("create", "-f", "-", content=a_job_experiment("watched", "sleep 60"))
            assert watch.stdout is not None
            watch.stdout.readline()
            os.kill(served.pid, signal.SIGTERM)
            watch.wait(30)

    assert (tmp_path / "serve.err").read_text() == ""
