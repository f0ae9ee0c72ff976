"""Every kind that Katib's users have: how it is judged and stopped, whose log is read, what bears our labels."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes_validate import validate

from functions.worker import Worker, WorkerPhase
from infra.target.kubernetes_identity import TRIAL, TRIAL_UID
from infra.target.kubernetes_manifest import build_object
from infra.target.worker_environment import PushAccess
from tests.contract.kubernetes_kinds import KINDS
from tests.contract.kubernetes_rig import KubernetesRig
from tests.contract.target_contract import read_all, until, until_logged, until_over
from tests.services.kubernetes import Cluster
from tests.services.kubernetes_store import KINDS as SERVED
from tests.services.kubernetes_store import PODS

pytestmark = pytest.mark.slow
KNOWN_TO_KUBERNETES = "1.32"
WITHOUT_TEMPLATE = {"TrainJob", "Workflow", "PipelineRun"}
"""Their pods come from elsewhere: a runtime, `podMetadata`, steps of tasks."""
each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
async def rig(cluster: Cluster, tmp_path: Path) -> AsyncIterator[KubernetesRig]:
    rig = KubernetesRig(cluster, str(tmp_path))
    yield rig
    await rig.calls.close()


def objects_of(rig: KubernetesRig, worker: Worker) -> list[Any]:
    """Return what the cluster has of this Worker, pods included."""
    selector = f"{TRIAL_UID}={worker.trial.uid}"
    return rig.cluster.do(lambda api: [it for kind in SERVED for it in api.store.list(kind, "labs", selector)])


@each_kind
async def test_it_succeeds_and_the_primary_containers_log_is_read(rig: KubernetesRig, kind: str) -> None:
    worker = KINDS[kind]('echo "$KATIB_TRIAL_NAME loss=1"')

    await rig.target.launch(worker)
    state = await until_over(rig.target, worker)

    assert (state.phase, state.exit_code) == (WorkerPhase.SUCCEEDED, 0)
    assert [line.text for line in await read_all(rig.target, worker)] == [f"{worker.trial.name} loss=1"]


@each_kind
async def test_it_fails_with_the_exit_code_of_the_primary_pod(rig: KubernetesRig, kind: str) -> None:
    worker = KINDS[kind]("sleep 0.2; exit 7")

    await rig.target.launch(worker)
    state = await until_over(rig.target, worker)

    assert (state.phase, state.exit_code) == (WorkerPhase.FAILED, 7)
    assert state.reason


@each_kind
async def test_a_stop_ends_every_pod_and_the_object(rig: KubernetesRig, kind: str) -> None:
    worker = KINDS[kind]("echo started; sleep 60")
    await rig.target.launch(worker)
    await until_logged(rig.target, worker, "started")

    await rig.target.stop(worker)
    state = await until_over(rig.target, worker)

    assert (state.phase, state.reason) == (WorkerPhase.FAILED, "Stopped")
    await until(lambda: is_empty(rig, worker))


async def is_empty(rig: KubernetesRig, worker: Worker) -> bool:
    name = worker.trial.name
    pods: list[Any] = rig.cluster.do(lambda api: api.store.list(PODS, "labs"))
    return not objects_of(rig, worker) and not [it for it in pods if it["metadata"]["name"].startswith(name)]


@each_kind
async def test_what_has_ended_stays_until_it_is_removed(rig: KubernetesRig, kind: str) -> None:
    worker = KINDS[kind]("echo loss=1")
    await rig.target.launch(worker)
    await until_over(rig.target, worker)

    await rig.target.stop(worker)
    kept = await rig.target.look(worker)
    await rig.target.remove(worker)

    assert kept.phase == WorkerPhase.SUCCEEDED
    await until(lambda: is_empty(rig, worker))
    assert (await rig.target.look(worker)).phase == WorkerPhase.MISSING


@each_kind
async def test_the_object_and_its_pods_bear_the_trials_labels(rig: KubernetesRig, kind: str) -> None:
    worker = KINDS[kind]("sleep 0.2")

    await rig.target.launch(worker)
    await until_over(rig.target, worker)

    found = objects_of(rig, worker)
    assert {it["metadata"]["labels"][TRIAL] for it in found} == {worker.trial.name}
    has_pods = any(it.get("kind") == "Pod" for it in found)
    assert has_pods is (kind != "TrainJob")


@each_kind
def test_what_kubernetes_knows_of_it_is_valid_to_the_field(kind: str) -> None:
    manifest: Any = build_object(KINDS[kind]("true"), PushAccess("amqp://broker/"), image="kuttab:1")

    if kind == "Job":
        validate(manifest, desired_version=KNOWN_TO_KUBERNETES, strict=True)
    templates = list(templates_in(manifest["spec"]))
    for template in templates:
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "it"} | template.get("metadata", {})}
        validate(pod | {"spec": template["spec"]}, desired_version=KNOWN_TO_KUBERNETES, strict=True)
    assert bool(templates) is (kind not in WITHOUT_TEMPLATE)


def templates_in(value: Any) -> Any:
    """Yield every pod template."""
    if isinstance(value, dict):
        if "template" in value and "spec" in value["template"]:
            yield value["template"]
        for item in value.values():
            yield from templates_in(item)


async def test_a_run_that_waits_counts_as_running(rig: KubernetesRig) -> None:
    worker = KINDS["PipelineRun"]("sleep 60")

    await rig.target.launch(worker)
    state = await rig.target.look(worker)
    await rig.target.remove(worker)

    assert state.phase == WorkerPhase.RUNNING, "its condition Succeeded is Unknown"
