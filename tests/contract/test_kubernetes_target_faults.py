"""What a cluster refuses, delays or loses: one clear message and the right class, or another try later."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from lightkube import KubeConfig
from lightkube.config.models import Cluster as Address
from lightkube.config.models import User

from events.reference import ExperimentRef
from events.trial import WorkerOutcome
from functions.errors import Retry
from functions.trial.failure import classify, is_retried
from functions.worker import LaunchRefusedError, Worker, WorkerPhase
from infra.target.kubernetes import KubernetesTarget
from infra.target.kubernetes_calls import KubernetesCalls
from infra.target.kubernetes_config import client_of
from tests.contract.kubernetes_rig import KubernetesRig, a_worker, sh
from tests.contract.target_contract import until, until_logged, until_over
from tests.services.kubernetes import Cluster
from tests.services.kubernetes_pods import MISSING_IMAGE, NOWHERE
from tests.services.kubernetes_store import JOBS, PODS

pytestmark = pytest.mark.slow


@pytest.fixture
async def rig(cluster: Cluster, tmp_path: Path) -> AsyncIterator[KubernetesRig]:
    rig = KubernetesRig(cluster, str(tmp_path))
    yield rig
    await rig.calls.close()


async def refusal(rig: KubernetesRig, worker: Worker) -> LaunchRefusedError:
    with pytest.raises(LaunchRefusedError) as refused:
        await rig.target.launch(worker)
    return refused.value


async def test_a_kind_that_the_cluster_does_not_know_is_named(rig: KubernetesRig) -> None:
    error = await refusal(rig, a_worker(rig.impossible_manifest()))

    words = "the cluster knows no kind Nothing of example.com/v1: is its operator installed?"
    assert (error.reason, error.message) == ("UnknownKind", words)


async def test_a_namespace_that_is_not_there_is_named(rig: KubernetesRig) -> None:
    nowhere = ExperimentRef(namespace="nowhere", name="digits", uid="experiment-uid")

    error = await refusal(rig, replace(a_worker(sh("true")), experiment=nowhere))

    assert error.reason == "NotFound"
    assert 'namespaces "nowhere" not found' in error.message


async def test_a_manifest_that_is_wrong_comes_back_with_the_servers_words(rig: KubernetesRig) -> None:
    error = await refusal(rig, a_worker(sh("true", restartPolicee="Never")))

    assert error.reason == "Invalid"
    assert "restartPolicee" in error.message


@pytest.mark.parametrize(
    ("message", "reason", "retried"),
    [
        ('jobs.batch is forbidden: User "x" cannot create resource "jobs"', "Forbidden", False),
        ('jobs.batch "x" is forbidden: exceeded quota: small, requested: count/jobs.batch=1', "QuotaExceeded", True),
    ],
)
async def test_what_is_forbidden_is_refused_and_a_quota_is_tried_again(
    rig: KubernetesRig, message: str, reason: str, retried: bool
) -> None:
    rig.cluster.inject("POST", "/jobs", 403, "Forbidden", message)

    error = await refusal(rig, a_worker(sh("true")))

    assert (error.reason, message in error.message) == (reason, True)
    assert classify(WorkerOutcome.REFUSED, error.reason) == "LaunchFailed"
    assert is_retried(WorkerOutcome.REFUSED, error.reason) == retried


async def test_a_busy_server_is_asked_again(rig: KubernetesRig) -> None:
    rig.cluster.inject("POST", "/jobs", 429, "TooManyRequests", times=2, headers={"Retry-After": "1"})
    rig.cluster.inject("POST", "/jobs", 503, "ServiceUnavailable")

    assert await rig.target.launch(a_worker(sh("true")))


async def test_a_server_that_asks_for_a_long_pause_gets_it(rig: KubernetesRig) -> None:
    rig.cluster.inject("POST", "/jobs", 429, "TooManyRequests", headers={"Retry-After": "20"})

    with pytest.raises(Retry) as waiting:
        await rig.target.launch(a_worker(sh("true")))

    assert waiting.value.delay_seconds == 20


async def test_an_expired_token_is_renewed(cluster: Cluster) -> None:
    cluster.do(lambda api: setattr(api, "token", "fresh"))
    tokens = ["stale", "fresh"]

    def open_client() -> httpx2.AsyncClient:
        user = User(token=tokens.pop(0))
        return client_of(KubeConfig.from_one(cluster=Address(server=cluster.url), user=user).get())

    calls = KubernetesCalls(open_client)
    assert await KubernetesTarget(calls).launch(a_worker(sh("true")))
    await calls.close()


async def test_a_token_that_stays_refused_is_waited_for(cluster: Cluster) -> None:
    cluster.do(lambda api: setattr(api, "token", "another"))
    calls = KubernetesCalls(lambda: client_of(KubeConfig.from_server(cluster.url).get()))

    with pytest.raises(Retry, match=r"does not accept our credentials \(expired\?\)"):
        await KubernetesTarget(calls).launch(a_worker(sh("true")))
    await calls.close()


async def test_a_server_that_is_away_is_waited_for() -> None:
    calls = KubernetesCalls(lambda: client_of(KubeConfig.from_server("http://127.0.0.1:9").get()))

    with pytest.raises(Retry, match="connection"):
        await KubernetesTarget(calls).launch(a_worker(sh("true")))
    await calls.close()


async def test_somebody_elses_object_of_the_name_is_left_alone(rig: KubernetesRig) -> None:
    worker = a_worker(sh("true"))
    theirs: Any = {**sh("sleep 60"), "metadata": {"name": worker.trial.name}}
    rig.cluster.do(lambda api: api.store.create(JOBS, "labs", theirs))

    error = await refusal(rig, worker)
    await rig.target.stop(worker)
    await rig.target.remove(worker)

    assert error.reason == "AlreadyExists"
    assert rig.cluster.do(lambda api: len(api.store.list(JOBS, "labs"))) == 1


async def test_a_pod_that_is_never_scheduled_fails_after_its_time_with_the_schedulers_words(rig: KubernetesRig) -> None:
    worker = a_worker(sh("true", nodeSelector=NOWHERE))
    await rig.target.launch(worker)
    patient = await rig.target.look(worker)

    state = await until_over(rig.target, replace(worker, pending_timeout_seconds=1))

    assert (patient.phase, patient.reason) == (WorkerPhase.RUNNING, "Unschedulable")
    assert (state.phase, state.reason) == (WorkerPhase.FAILED, "PendingTimedOut")
    assert state.message.startswith("did not start within 1 seconds: Unschedulable: 0/3 nodes are available")
    assert not is_retried(WorkerOutcome.FAILED, state.reason)


async def test_an_image_that_cannot_be_pulled_is_the_reason(rig: KubernetesRig) -> None:
    manifest: Any = sh("true")
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = MISSING_IMAGE
    worker = a_worker(manifest)
    await rig.target.launch(worker)

    state = await until_over(rig.target, replace(worker, pending_timeout_seconds=1))

    assert state.reason == "ImagePullBackOff"
    assert f'Back-off pulling image "{MISSING_IMAGE}"' in state.message
    assert is_retried(WorkerOutcome.FAILED, state.reason)


@pytest.mark.parametrize("reason", ["PreemptionByScheduler", "EvictionByEvictionAPI", "TerminationByKubelet"])
async def test_a_disrupted_pod_is_preempted(rig: KubernetesRig, reason: str) -> None:
    worker = a_worker(sh("echo started; sleep 60"))
    await rig.target.launch(worker)
    await until_logged(rig.target, worker, "started")
    await until(lambda: has_started(rig, worker))

    rig.cluster.do(lambda api: fail(api, disruption={"reason": reason, "message": "a more urgent pod came"}))
    state = await until_over(rig.target, worker)

    assert (state.reason, classify(WorkerOutcome.FAILED, state.reason)) == (reason, "Preempted")
    assert "a more urgent pod came" in state.message


async def has_started(rig: KubernetesRig, worker: Worker) -> bool:
    pod = await rig.target._find_pod(worker)
    return pod is not None and pod.has_started


def fail(api: Any, *, disruption: dict[str, str]) -> None:
    """Have the cluster say that it has ended the pod, and the Job with it."""
    for pod in api.store.list(PODS, "labs"):
        target = {"type": "DisruptionTarget", "status": "True", **disruption}
        pod["status"] = {"phase": "Failed", "conditions": [target]}
        api.store.update(PODS, pod)


async def test_an_attempt_that_ran_out_of_time_is_a_timeout(rig: KubernetesRig) -> None:
    manifest: Any = sh("sleep 60")
    manifest["spec"]["activeDeadlineSeconds"] = 1

    worker = a_worker(manifest)
    await rig.target.launch(worker)
    state = await until_over(rig.target, worker)

    assert (state.reason, classify(WorkerOutcome.FAILED, state.reason)) == ("DeadlineExceeded", "Timeout")


async def test_a_log_that_vanished_is_said_and_what_was_read_stands(rig: KubernetesRig) -> None:
    worker = a_worker(sh("echo loss=1"))
    await rig.target.launch(worker)
    await until_over(rig.target, worker)
    whole = await rig.target.read_log(worker, 0, is_over=True)
    rig.cluster.do(lambda api: [api.store.drop(PODS, pod) for pod in api.store.list(PODS, "labs")])
    other = KubernetesTarget(rig.calls)

    chunk = await other.read_log(worker, whole.end, is_over=True)

    assert (chunk.source, chunk.start, chunk.end, chunk.lines) == ("", whole.end, whole.end, ())
    assert chunk.problem == "its pod is gone, and the log with it"


async def test_an_object_that_somebody_deleted_is_missing(rig: KubernetesRig) -> None:
    worker = a_worker(sh("sleep 60"))
    await rig.target.launch(worker)
    rig.cluster.do(lambda api: [api.store.drop(JOBS, job) for job in api.store.list(JOBS, "labs")])

    state = await rig.target.look(worker)

    assert (state.phase, state.reason) == (WorkerPhase.MISSING, "WorkerLost")
    assert worker.trial.name in state.message


async def test_a_stopped_workers_last_lines_are_read_before_its_pod_goes(rig: KubernetesRig, tmp_path: Path) -> None:
    go = tmp_path / "go"
    script = (
        f"trap 'exit 0' TERM; echo first; while [ ! -e {go} ]; do sleep 0.05; done; echo last; printf half; sleep 60"
    )
    worker = a_worker(sh(script))
    await rig.target.launch(worker)
    await until_logged(rig.target, worker, "first")
    read = await rig.target.read_log(worker, 0, is_over=False)
    go.touch()
    await until(lambda: has_written(rig, b"half"))

    await rig.target.stop(worker)
    state = await until_over(rig.target, worker)
    chunk = await rig.target.read_log(worker, read.end, is_over=True)
    other = await KubernetesTarget(rig.calls).read_log(worker, read.end, is_over=True)

    assert state.reason == "Stopped"
    assert [line.text for line in chunk.lines] == ["last"], "half a line may be half a number"
    assert (chunk.source, chunk.start, chunk.has_more) == (read.source, read.end, False)
    assert other.problem == "its pod is gone, and the log with it"


async def has_written(rig: KubernetesRig, text: bytes) -> bool:
    containers = rig.cluster.do(lambda api: [it for pod in api.kubelet.containers.values() for it in pod.values()])
    return any(text in it.unfinished or any(text in line for _, line in it.lines) for it in containers)


async def test_a_log_that_cannot_be_read_puts_no_stop_off(rig: KubernetesRig) -> None:
    worker = a_worker(sh("echo first; sleep 60"))
    await rig.target.launch(worker)
    await until_logged(rig.target, worker, "first")
    rig.cluster.inject("GET", "/log", 500, "InternalError", times=100)

    await rig.target.stop(worker)
    state = await until_over(rig.target, worker)

    assert state.reason == "Stopped"
