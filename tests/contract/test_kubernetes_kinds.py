"""Kinds beside Jobs: which pod counts, what says that they have ended, and what collects their metrics."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from events.envelope import Event
from events.objective import Collector, CollectorKind, CollectorSource, MetricsCollectorSpec
from events.trial import WorkerChanged
from functions.worker import Worker, WorkerPhase
from infra.target.kubernetes import KubernetesTarget
from infra.target.kubernetes_identity import TRIAL_UID
from infra.target.kubernetes_watch import KubernetesWatches
from tests.contract.kubernetes_rig import FAILED, SUCCEEDED, KubernetesRig, a_worker, sh
from tests.contract.target_contract import read_all, until, until_over
from tests.services.kubernetes import Cluster
from tests.services.kubernetes_store import PODS

pytestmark = pytest.mark.slow
MASTER = {"training.kubeflow.org/job-role": "master"}


@pytest.fixture
async def rig(cluster: Cluster, tmp_path: Path) -> AsyncIterator[KubernetesRig]:
    rig = KubernetesRig(cluster, str(tmp_path))
    yield rig
    await rig.calls.close()


async def log_of(rig: KubernetesRig, worker: Worker) -> list[str]:
    await rig.target.launch(worker)
    await until_over(rig.target, worker)
    return [line.text for line in await read_all(rig.target, worker)]


def a_pytorch_job(master: str, worker: str) -> Any:
    def replica(script: str) -> Any:
        container = {"name": "pytorch", "image": "any", "command": ["sh", "-c", script]}
        return {"replicas": 1, "restartPolicy": "Never", "template": {"spec": {"containers": [container]}}}

    replicas = {"Master": replica(master), "Worker": replica(worker)}
    return {"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob", "spec": {"pytorchReplicaSpecs": replicas}}


def a_training(master: str, worker: str) -> Worker:
    return a_worker(
        a_pytorch_job(master, worker),
        primary_container_name="pytorch",
        primary_pod_labels=MASTER,
        success_condition=SUCCEEDED,
        failure_condition=FAILED,
    )


async def test_of_several_pods_the_primary_ones_log_is_read(rig: KubernetesRig) -> None:
    worker = a_training('echo "$KATIB_TRIAL_NAME loss=1"', "echo loss=9; sleep 0.3")

    assert await log_of(rig, worker) == [f"{worker.trial.name} loss=1"]
    pods = rig.cluster.do(lambda api: api.store.list(PODS, "labs", f"{TRIAL_UID}={worker.trial.uid}"))
    assert len(pods) == 2
    assert {pod["metadata"]["labels"]["katib.kubeflow.org/trial"] for pod in pods} == {worker.trial.name}


async def test_a_training_that_failed_says_what_its_pod_says(rig: KubernetesRig) -> None:
    worker = a_training("exit 7", "true")

    await rig.target.launch(worker)
    state = await until_over(rig.target, worker)

    assert (state.phase, state.exit_code) == (WorkerPhase.FAILED, 7)


@pytest.mark.parametrize(("script", "phase"), [("echo loss=1", "Succeeded"), ("exit 1", "Failed")])
async def test_a_workflow_is_judged_by_the_phase_that_its_conditions_name(
    rig: KubernetesRig, script: str, phase: str
) -> None:
    container = {"image": "any", "command": ["sh", "-c", script]}
    spec = {"entrypoint": "train", "templates": [{"name": "train", "container": container}]}
    worker = a_worker(
        {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "spec": spec},  # type: ignore[dict-item]
        primary_container_name="main",
        success_condition='status.[@this].#(phase=="Succeeded")#',
        failure_condition='status.[@this].#(phase=="Failed")#',
    )

    await rig.target.launch(worker)
    state = await until_over(rig.target, worker)

    assert state.phase == phase


async def test_a_collector_of_ones_own_prints_the_metrics(rig: KubernetesRig) -> None:
    script = "trap 'sleep 0.2; cat /data/out; exit 0' TERM; while true; do sleep 0.05; done"
    container: Any = {"name": "mine", "image": "any", "command": ["sh", "-c", script]}
    source = CollectorSource.model_validate({"fileSystemPath": {"path": "/data/out", "kind": "File"}})
    custom = Collector(kind=CollectorKind.CUSTOM, custom_collector=container)
    worker = a_worker(
        sh("sleep 0.3; echo loss=1 > /data/out"), collector=MetricsCollectorSpec(collector=custom, source=source)
    )

    assert "loss=1" in await log_of(rig, worker)


async def test_a_prometheus_endpoint_is_scraped_in_the_pod(rig: KubernetesRig, tmp_path: Path) -> None:
    (tmp_path / "metrics").write_text("loss 0.5\n")
    port = 20_000 + int(str(id(rig))[-4:])
    server = f"cd {tmp_path}; timeout 4 python3 -m http.server {port} --bind 127.0.0.1 2>/dev/null; exit 0"
    source = CollectorSource.model_validate({"httpGet": {"path": "/metrics", "port": port}})
    collector = MetricsCollectorSpec(collector=Collector(kind=CollectorKind.PROMETHEUS_METRIC), source=source)

    lines = await log_of(rig, a_worker(sh(server), collector=collector, metric_names=("loss",)))

    assert any('"loss": "0.5"' in line for line in lines), lines


class Heard:
    """What a watch has published."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    async def publish(self, events: Sequence[Event]) -> None:
        self.events += events

    async def until(self, worker: Worker, count: int) -> None:
        async def is_heard() -> bool:
            return sum(isinstance(it, WorkerChanged) and it.trial == worker.trial for it in self.events) >= count

        await until(is_heard)


@pytest.fixture
async def heard(rig: KubernetesRig) -> AsyncIterator[Heard]:
    heard = Heard()
    watches = KubernetesWatches(rig.calls, heard.publish)
    rig.target = KubernetesTarget(rig.calls, watches=watches)
    yield heard
    await watches.close()


async def test_the_end_of_a_worker_is_heard_with_its_identity(rig: KubernetesRig, heard: Heard) -> None:
    worker = a_worker(sh("sleep 0.3"), attempt=1)

    await rig.target.launch(worker)
    await heard.until(worker, 1)

    event = heard.events[0]
    assert isinstance(event, WorkerChanged)
    assert (event.experiment, event.trial, event.attempt) == (worker.experiment, worker.trial, 1)
    assert (await rig.target.look(worker)).phase == WorkerPhase.SUCCEEDED


async def test_a_deleted_object_is_heard(rig: KubernetesRig, heard: Heard) -> None:
    worker = a_worker(sh("sleep 60"))

    await rig.target.launch(worker)
    await rig.target.remove(worker)

    await heard.until(worker, 1)


async def test_a_watch_whose_version_has_expired_lists_anew_and_misses_nothing(
    rig: KubernetesRig, heard: Heard
) -> None:
    first = a_worker(sh("true"))
    await rig.target.launch(first)
    await heard.until(first, 1)

    rig.cluster.do(lambda api: api.store.forget())
    second = a_worker(sh("sleep 0.2"))
    await rig.target.launch(second)
    rig.cluster.do(lambda api: api.store.forget())

    await heard.until(second, 1)


async def test_a_watch_goes_on_after_the_server_was_away(rig: KubernetesRig, heard: Heard) -> None:
    rig.cluster.inject("GET", "/namespaces/labs/jobs", 503, "ServiceUnavailable", times=6)
    worker = a_worker(sh("sleep 0.2"))

    await rig.target.launch(worker)

    await heard.until(worker, 1)
