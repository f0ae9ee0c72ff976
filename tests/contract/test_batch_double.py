"""The Batch that our tests talk to runs what it is given, and says how it ended."""

import time

import pytest

from tests.services.moto_batch import BatchPlace


def submit(place: BatchPlace, script: str, **request: object) -> str:
    overrides = {"command": ["sh", "-c", script]}
    where = {"jobQueue": place.job_queue, "jobDefinition": place.job_definition}
    answer = place.server.client("batch").submit_job(jobName="job", **where, containerOverrides=overrides, **request)
    return str(answer["jobId"])


def until_ended(place: BatchPlace, job_id: str) -> dict[str, object]:
    batch, deadline = place.server.client("batch"), time.monotonic() + 20
    while time.monotonic() < deadline:
        job: dict[str, object] = batch.describe_jobs(jobs=[job_id])["jobs"][0]
        if job["status"] in {"SUCCEEDED", "FAILED"}:
            return job
        time.sleep(0.02)
    pytest.fail("the job does not end")


def test_a_job_runs_its_command_and_logs_what_it_prints(batch_place: BatchPlace) -> None:
    job = until_ended(batch_place, submit(batch_place, "echo loss=1; echo; echo loss=0.5; exit 3"))

    logs = batch_place.server.client("logs")
    stream = job["container"]["logStreamName"]  # type: ignore[index]
    events = logs.get_log_events(logGroupName="/aws/batch/job", logStreamName=stream, startFromHead=True)["events"]
    assert [event["message"] for event in events] == ["loss=1", "loss=0.5"]
    assert (job["status"], job["attempts"][0]["container"]["exitCode"]) == ("FAILED", 3)  # type: ignore[index]


def test_a_terminated_job_ends_with_the_reason(batch_place: BatchPlace) -> None:
    job_id = submit(batch_place, "sleep 60")

    batch_place.server.client("batch").terminate_job(jobId=job_id, reason="enough")

    assert until_ended(batch_place, job_id)["statusReason"] == "enough"
