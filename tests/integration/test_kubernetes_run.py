"""Experiments whose Workers are objects of a cluster, run from this machine; the cluster's pods are processes."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from events.envelope import new_id
from events.experiment import ExperimentCreated, ExperimentDeleteRequested
from functions.experiment.model import Phase
from functions.trial.model import TrialState
from infra.settings import Settings
from local_runner.embedded import EmbeddedRunner
from tests.builders import a_reference, an_experiment_manifest
from tests.contract.kubernetes_kinds import KINDS
from tests.integration.embedded_rig import clean_up, eventually, open_reader, quick_settings
from tests.services.kubernetes import Cluster
from tests.services.kubernetes_pods import OUR_IMAGE
from tests.services.kubernetes_store import JOBS, PODS
from tests.services.kubernetes_store import KINDS as SERVED

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


def a_manifest(
    script: str, *, pod: dict[str, Any] | None = None, job: dict[str, Any] | None = None, **spec: Any
) -> Any:
    """Return an Experiment of Jobs whose container runs the script with the parameter x as `$1`."""
    command = ["sh", "-c", script, "worker", "${trialParameters.x}"]
    container = {"name": "training", "image": "busybox", "command": command}
    pod_spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container], **(pod or {})}
    template = {
        "primaryContainerName": "training",
        "trialParameters": [{"name": "x", "reference": "x"}],
        "trialSpec": {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "spec": {"backoffLimit": 0, "template": {"spec": pod_spec}, **(job or {})},
        },
        **spec.pop("template", {}),
    }
    budget = {"maxTrialCount": 2, "parallelTrialCount": 2}
    return an_experiment_manifest(name="jobs", trialTemplate=template, **{**budget, **spec})


@pytest.fixture
async def settings(tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Settings]:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(tmp_path)))
    quick = quick_settings(tmp_path)
    yield quick
    await clean_up(quick)


def an_event(manifest: dict[str, Any]) -> ExperimentCreated:
    return ExperimentCreated(experiment=a_reference(new_id(), name="jobs"), resource=manifest)


def test_kuttab_run_takes_the_cluster_that_is_configured(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "jobs.yaml").write_text(json.dumps(a_manifest('echo "loss=$1"')))
    kubeconfig = str(cluster.kubeconfig(tmp_path))

    done = subprocess.run(
        [sys.executable, "-m", "local_runner", "run", "jobs.yaml", "--json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "KUBECONFIG": kubeconfig},
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
    assert cluster.do(lambda api: len(api.store.list(PODS, ""))) == 0


async def test_metrics_arrive_while_the_job_runs_and_a_stop_ends_it(settings: Settings, cluster: Cluster) -> None:
    event = an_event(a_manifest('echo "epoch 1 loss=$1"; sleep 90', maxTrialCount=1, parallelTrialCount=1))

    async with EmbeddedRunner(settings) as runner, open_reader(settings) as reader:
        await runner.submit(event)

        async def has_metrics() -> bool:
            return any(trial.cursor for trial in await reader.all_trials(event.experiment.uid))

        await eventually(has_metrics, "a running job's metrics are stored")
        await runner.stop_workers(event.experiment.uid)
        (trial,) = await reader.all_trials(event.experiment.uid)

    assert trial.state == TrialState.KILLED
    assert cluster.do(lambda api: api.store.list(JOBS, "")) == []


async def test_a_trial_that_is_retained_keeps_its_job(settings: Settings, cluster: Cluster) -> None:
    event = an_event(a_manifest('echo "loss=$1"', template={"retain": True}))

    async with EmbeddedRunner(settings) as runner:
        await runner.submit(event)
        experiment = await runner.wait_until_finished(event.experiment.uid)

    assert experiment.phase == Phase.SUCCEEDED
    assert cluster.do(lambda api: len(api.store.list(JOBS, ""))) == 2


@pytest.mark.parametrize("kind", ["Job", "MPIJob", "TrainJob", "PipelineRun"])
async def test_what_is_retained_goes_with_its_experiment(settings: Settings, cluster: Cluster, kind: str) -> None:
    worker = KINDS[kind]('echo "loss=${trialParameters.x}"')
    template = {
        "retain": True,
        "primaryContainerName": worker.primary_container_name,
        "primaryPodLabels": dict(worker.primary_pod_labels),
        "successCondition": worker.success_condition,
        "failureCondition": worker.failure_condition,
        "trialSpec": worker.manifest,
    }
    event = an_event(a_manifest("", template=template))

    async with EmbeddedRunner(settings) as runner, open_reader(settings) as reader:
        await runner.submit(event)
        experiment = await runner.wait_until_finished(event.experiment.uid)
        kept = sorted(objects_of(cluster, kind))
        await runner.publish([ExperimentDeleteRequested(experiment=event.experiment)])

        async def is_gone() -> bool:
            return await reader.experiment_of_uid(event.experiment.uid) is None

        await eventually(is_gone, "the Experiment is purged")

        async def is_empty() -> bool:
            return not objects_of(cluster, kind) and not cluster.do(lambda api: api.store.list(PODS, ""))

        await eventually(is_empty, "the cluster has deleted what it was told to")

    assert experiment.phase == Phase.SUCCEEDED
    assert len(kept) == 2


def objects_of(cluster: Cluster, kind: str) -> list[str]:
    """Return what the cluster has of a kind, with its name."""
    of = [it for it in SERVED if it.kind == kind]
    return [f"{kind} {it['metadata']['name']}" for it in cluster.do(lambda api: api.store.list(of[0], ""))]


async def test_a_file_is_collected_by_a_sidecar(settings: Settings, cluster: Cluster) -> None:
    spec = {
        "metricsCollectorSpec": {
            "collector": {"kind": "File"},
            "source": {"fileSystemPath": {"path": "/var/log/katib/metrics.log", "kind": "File", "format": "TEXT"}},
        }
    }
    manifest = a_manifest('echo "epoch 1 loss=$1" > /var/log/katib/metrics.log', **spec)
    event = an_event(manifest)
    object.__setattr__(settings, "image", OUR_IMAGE)

    async with EmbeddedRunner(settings) as runner, open_reader(settings) as reader:
        await runner.submit(event)
        experiment = await runner.wait_until_finished(event.experiment.uid)
        trials = await reader.all_trials(event.experiment.uid)

    assert experiment.phase == Phase.SUCCEEDED, [trial.message for trial in trials]
    assert [trial.state for trial in trials] == [TrialState.SUCCEEDED] * 2
