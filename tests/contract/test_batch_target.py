"""BatchTarget keeps the contract of targets, and what its own documentation says besides."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from functions.errors import Retry
from functions.worker import WorkerPhase
from infra.target.batch import BatchTarget
from infra.target.batch_identity import job_name
from tests.contract.batch_rig import BatchRig
from tests.contract.target_contract import TargetContract, a_worker, read_all, until, until_logged, until_over
from tests.services.moto_batch import BatchPlace

pytestmark = pytest.mark.slow


@pytest.fixture
def rig(batch_place: BatchPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchRig]:
    for name, value in batch_place.server.environment.items():
        monkeypatch.setenv(name, value)
    rig = BatchRig(batch_place, str(tmp_path))
    yield rig
    rig.calls.close()


class TestBatchTarget(TargetContract):
    """The contract, by jobs."""


async def test_a_job_is_found_again_by_a_process_that_did_not_submit_it(rig: BatchRig) -> None:
    worker = a_worker(rig.manifest("here\n", seconds=0.2))
    job_id = await rig.target.launch(worker)
    other = BatchTarget(rig.calls, log_grace_seconds=0)

    again = await other.launch(replace(worker, claimed_seconds_ago=1.0))
    await until_over(other, worker)
    late = await BatchTarget(rig.calls).launch(worker)

    assert again == late == job_id
    assert [line.text for line in await read_all(other, worker)] == ["here"]


async def test_a_launch_that_takes_over_waits_until_an_earlier_job_would_be_listed(rig: BatchRig) -> None:
    worker = a_worker(rig.manifest())

    with pytest.raises(Retry) as waiting:
        await rig.target.launch(replace(worker, claimed_seconds_ago=5.0))
    job_id = await rig.target.launch(replace(worker, claimed_seconds_ago=25.0))

    assert waiting.value.delay_seconds == pytest.approx(16.0)
    assert job_id


async def test_of_two_jobs_of_one_attempt_the_second_is_terminated(rig: BatchRig) -> None:
    worker = a_worker(rig.manifest("started\n", seconds=60))
    first = await rig.target.launch(worker)
    await until_logged(rig.target, worker, "started")
    second = await submit_again(rig, first)

    kept = await BatchTarget(rig.calls).launch(worker)

    async def is_second_gone() -> bool:
        return (await rig.target.look(replace(worker, reference=second))).phase == WorkerPhase.MISSING

    assert kept == first
    await until(is_second_gone)
    assert (await rig.target.look(worker)).phase == WorkerPhase.RUNNING
    await rig.target.remove(worker)


async def submit_again(rig: BatchRig, job_id: str) -> str:
    """Submit a second job with the name, tags and command of the first."""
    batch: Any = rig.place.server.client("batch")
    job = batch.describe_jobs(jobs=[job_id])["jobs"][0]
    tags = {name: value for name, value in job["tags"].items() if name.startswith("KUTTAB_")}
    where = {"jobQueue": rig.place.job_queue, "jobDefinition": rig.place.job_definition}
    container = {"command": job["container"]["command"]}
    answer = batch.submit_job(jobName=job["jobName"], tags=tags, containerOverrides=container, **where)
    return str(answer["jobId"])


async def test_a_job_of_the_same_name_that_is_somebody_elses_is_left_alone(rig: BatchRig) -> None:
    worker = a_worker(rig.manifest("ours\n"))
    where = {"jobQueue": rig.place.job_queue, "jobDefinition": rig.place.job_definition}
    batch = rig.place.server.client("batch")
    foreign = batch.submit_job(jobName=job_name(worker), containerOverrides={"command": ["sleep", "60"]}, **where)

    job_id = await rig.target.launch(worker)
    await until_over(rig.target, worker)
    await rig.target.remove(worker)

    assert job_id != foreign["jobId"]
    assert batch.describe_jobs(jobs=[foreign["jobId"]])["jobs"][0]["status"] == "RUNNING"
    batch.terminate_job(jobId=foreign["jobId"], reason="end of the test")


async def test_a_worker_learns_which_trial_it_is(rig: BatchRig) -> None:
    worker = a_worker(rig.sh("echo $KATIB_TRIAL_NAME $KUTTAB_TRIAL_UID $KUTTAB_ATTEMPT"))

    await rig.target.launch(worker)
    await until_over(rig.target, worker)

    assert [line.text for line in await read_all(rig.target, worker)] == [f"{worker.trial.name} {worker.trial.uid} 1"]


async def test_a_job_definition_takes_parameters_and_a_time_limit_from_the_template(rig: BatchRig) -> None:
    batch = rig.place.server.client("batch")
    container = {"image": "busybox", "vcpus": 1, "memory": 128, "command": ["sh", "-c", "Ref::script"]}
    name = f"{rig.place.job_definition}-with-parameters"
    batch.register_job_definition(jobDefinitionName=name, type="container", containerProperties=container)
    script = {"script": "echo epoch 1; sleep 60"}
    spec = {"jobDefinition": name, "parameters": script, "timeout": {"attemptDurationSeconds": "1"}}
    worker = a_worker(rig.sh("", **spec, containerOverrides={}))

    await rig.target.launch(worker)
    state = await until_over(rig.target, worker)

    assert (state.phase, state.reason) == (WorkerPhase.FAILED, "DeadlineExceeded")
    assert [line.text for line in await read_all(rig.target, worker)] == ["epoch 1"]


async def test_looks_of_one_moment_share_a_call(rig: BatchRig) -> None:
    workers = [a_worker(rig.manifest()) for _ in range(3)]
    references = [await rig.target.launch(worker) for worker in workers]
    launched = [replace(it, reference=ref) for it, ref in zip(workers, references, strict=True)]
    calls: list[int] = []
    target = BatchTarget(rig.calls)
    describe = rig.calls.describe
    target._describer._fetch = lambda ids: (calls.append(len(ids)), describe(ids))[1]  # type: ignore[func-returns-value]

    await asyncio.gather(*(target.look(worker) for worker in launched))

    assert calls == [3]


async def test_the_end_of_a_log_is_waited_for(rig: BatchRig) -> None:
    worker = a_worker(rig.manifest("loss=1\n"))
    patient = BatchTarget(rig.calls, log_grace_seconds=30)
    await patient.launch(worker)
    await until_over(patient, worker)

    with pytest.raises(Retry) as waiting:
        await patient.read_log(worker, 0, is_over=True)

    assert 0 < waiting.value.delay_seconds < 35


async def test_a_log_that_is_gone_is_one_clear_message(rig: BatchRig) -> None:
    worker = a_worker(rig.manifest("loss=1\n"))
    await rig.target.launch(worker)
    await until_over(rig.target, worker)
    logs = rig.place.server.client("logs")
    job = await rig.target._find(worker)
    assert job is not None
    logs.delete_log_stream(logGroupName=job.log_group, logStreamName=job.log_stream)

    chunk = await rig.target.read_log(worker, 5, is_over=True)

    assert (chunk.start, chunk.end, chunk.lines) == (5, 5, ())
    assert chunk.problem == (
        f"there is no log stream {job.log_stream} in /aws/batch/job: it was deleted, or its retention has ended"
    )


async def test_a_job_that_batch_has_forgotten_is_missing(rig: BatchRig) -> None:
    worker = replace(a_worker(rig.manifest()), reference="0000-forgotten")

    state = await rig.target.look(worker)

    assert (state.phase, state.reason) == (WorkerPhase.MISSING, "WorkerLost")
    assert "0000-forgotten" in state.message


async def test_a_queue_that_is_gone_holds_no_worker(rig: BatchRig) -> None:
    worker = a_worker(rig.sh("true", jobQueue="no-such-queue"))

    await rig.target.stop(worker)
    await rig.target.remove(worker)
    state = await BatchTarget(rig.calls).look(worker)

    assert state.phase == WorkerPhase.MISSING
