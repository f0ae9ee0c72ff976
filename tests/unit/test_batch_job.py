"""A job as DescribeJobs shows it becomes the state of a Worker."""

from datetime import UTC, datetime
from typing import Any

from functions.worker import WorkerPhase
from infra.target.batch_job import Job, parse_job

AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
STARTED, STOPPED = 1_772_368_000_000, 1_772_368_060_000


def a_job(status: str = "FAILED", *, container_name: str = "", **more: Any) -> Job:
    detail = {"jobId": "id", "jobName": "name", "status": status, "createdAt": STARTED - 1, **more}
    return parse_job(detail, container_name=container_name, looked_at=AT)


def test_a_job_that_waits_for_its_turn_counts_as_running_and_says_why() -> None:
    state = a_job("RUNNABLE", statusReason="CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY", startedAt=0).to_state()

    assert state.phase == WorkerPhase.RUNNING
    assert (state.reason, state.message) == ("Runnable", "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY")
    assert state.started_at is None


def test_the_exit_code_is_that_of_the_last_attempt() -> None:
    attempts = [{"container": {"exitCode": 1, "logStreamName": "a"}}, {"container": {"exitCode": 3}}]

    job = a_job(attempts=attempts, startedAt=STARTED, stoppedAt=STOPPED, container={"logStreamName": "b"})
    state = job.to_state()

    assert (state.phase, state.exit_code, state.reason) == (WorkerPhase.FAILED, 3, "Error")
    assert job.log_stream == "b"
    assert state.ended_at is not None
    assert state.started_at is not None
    assert (state.ended_at - state.started_at).total_seconds() == 60
    assert state.looked_at == AT


def test_an_attempt_that_never_started_leaves_the_log_of_the_one_before() -> None:
    attempts = [{"container": {"exitCode": 1, "logStreamName": "first"}}, {"container": {}}]

    assert a_job("RUNNABLE", attempts=attempts, container={}).log_stream == "first"


def test_of_several_containers_the_primary_one_is_the_workers() -> None:
    containers = [{"name": "side", "logStreamName": "s"}, {"name": "main", "logStreamName": "m"}]
    ended = [{"name": "side", "exitCode": 0}, {"name": "main", "exitCode": 7, "reason": "boom"}]
    task = {"taskProperties": [{"containers": containers}]}

    job = a_job(container_name="main", ecsProperties=task, attempts=[{"taskProperties": [{"containers": ended}]}])

    assert (job.log_stream, job.exit_code, job.container_reason) == ("m", 7, "boom")


def test_a_pod_has_an_exit_code_and_no_log_in_cloudwatch() -> None:
    pod = {"podProperties": {"containers": [{"name": "main"}]}}

    job = a_job(eksProperties=pod, eksAttempts=[{"containers": [{"name": "main", "exitCode": 5}]}])

    assert (job.exit_code, job.log_group) == (5, "")


def test_a_log_group_of_the_job_definition_is_read_and_another_driver_is_not() -> None:
    own = {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/training"}}}

    assert a_job(container=own).log_group == "/training"
    assert a_job(container={}).log_group == "/aws/batch/job"
    assert a_job(container={"logConfiguration": {"logDriver": "splunk"}}).log_group == ""


def test_a_job_that_was_removed_is_gone() -> None:
    assert a_job(statusReason="Removed by Kuttab").to_state().phase == WorkerPhase.MISSING


def test_the_name_of_a_log_fits_into_an_event() -> None:
    stream = f"{'d' * 128}/default/{'0' * 32}"

    assert len(a_job(container={"logStreamName": stream}).source) == 128
