"""The calls to AWS Batch and CloudWatch Logs: boto3 in a bounded number of threads, its errors in our words.

BatchCalls.submit        SubmitJob, sent once: it has no idempotency token, so a doubtful answer is looked into later
           .describe     DescribeJobs
           .list         ListJobs by name, all pages
           .terminate    TerminateJob, which cancels jobs that have not started
           .log_events   GetLogEvents
"""

import asyncio
import email.utils
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from functions.errors import Retry
from infra.target.batch_errors import AwsRefusedError, is_throttled, to_error
from infra.target.batch_job import Json
from infra.target.batch_request import JobRequest
from infra.target.token_bucket import TokenBucket

if TYPE_CHECKING:
    from types_boto3_batch import BatchClient
    from types_boto3_logs import CloudWatchLogsClient

T = TypeVar("T")

THREAD_COUNT = 16
"""Calls under way at a time; more would only meet Batch's own limits."""
SUBMITS_PER_SECOND = 50.0
"""What AWS allows an account in a region; it cannot be raised."""
_SUBMIT_TRIES = 5
_SUBMIT_PAUSE_SECONDS = 0.2
"""Before the second try of a throttled SubmitJob; it doubles, with jitter: five tries take some three seconds."""
LISTING_LAG_SECONDS = 20.0
"""A job that was submitted is listed by then: SubmitJob's answer is seconds ahead of ListJobs at most."""
_LIST_PAGES = 10
_CONNECT_SECONDS = 10
_READ_SECONDS = 30
LOG_PAGE_COUNT = 2_500
"""Events of one page: some hundred kilobytes of ordinary lines."""


class BatchCalls:
    """Region, endpoint and credentials come from AWS's standard variables and files; clients are made when needed."""

    def __init__(self, submits_per_second: float = SUBMITS_PER_SECOND) -> None:
        self._threads = ThreadPoolExecutor(THREAD_COUNT, thread_name_prefix="batch")
        self._bucket = TokenBucket(submits_per_second)
        self._session = boto3.session.Session()

    def close(self) -> None:
        """Wait for nothing: what is under way ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    @cached_property
    def _batch(self) -> "BatchClient":
        return self._session.client("batch", config=_config({"mode": "standard", "total_max_attempts": 5}))

    @cached_property
    def _submitter(self) -> "BatchClient":
        """A client that sends once: botocore repeats a request whose answer was lost, and that is a second job."""
        return self._session.client("batch", config=_config({"total_max_attempts": 1}))

    @cached_property
    def _logs(self) -> "CloudWatchLogsClient":
        return self._session.client("logs", config=_config({"mode": "standard", "total_max_attempts": 5}))

    async def submit(self, request: JobRequest) -> str:
        """Submit the job and return its id; a throttled try was none and is repeated within seconds.

        Raises Retry where AWS is busy or nobody knows whether the job was taken, AwsRefusedError where it was not.
        """
        parameters: dict[str, Any] = request.parameters
        for nth in range(1, _SUBMIT_TRIES + 1):
            await self._bucket.take()
            try:
                answer = await self._in_thread(lambda: self._submitter.submit_job(**parameters))
                return answer["jobId"]
            except (ClientError, BotoCoreError) as error:
                if not is_throttled(error) or nth == _SUBMIT_TRIES:
                    raise to_error(error, "SubmitJob", delay_seconds=LISTING_LAG_SECONDS) from error
            await asyncio.sleep(_SUBMIT_PAUSE_SECONDS * 2**nth * random.uniform(0.5, 1.0))
        raise Retry("SubmitJob is throttled")

    async def describe(self, job_ids: Sequence[str]) -> tuple[Sequence[Json], datetime]:
        """Return the jobs that Batch knows of these, at most 100, and its clock's time."""
        answer = await self._call("DescribeJobs", lambda: self._batch.describe_jobs(jobs=job_ids))
        return answer["jobs"], _date_of(answer)

    async def list(self, queue: str, name: str) -> list[str]:
        """Return the ids of the queue's jobs of this name, whatever their state; none where the queue is gone."""
        found: list[str] = []
        token = ""
        for _ in range(_LIST_PAGES):
            more: dict[str, Any] = {"nextToken": token} if token else {}
            try:
                answer = await self._call("ListJobs", partial(self._list, queue, name, more))
            except AwsRefusedError as error:
                if error.code == "ClientException":
                    return []
                raise
            found += [job["jobId"] for job in answer["jobSummaryList"] if job["jobName"] == name]
            token = answer.get("nextToken", "")
            if not token:
                break
        return found

    def _list(self, queue: str, name: str, more: dict[str, Any]) -> Json:
        return self._batch.list_jobs(jobQueue=queue, filters=[{"name": "JOB_NAME", "values": [name]}], **more)

    async def terminate(self, job_id: str, reason: str) -> None:
        """End the job, or cancel it where it has not started; one that has ended stays as it is."""
        await self._call("TerminateJob", lambda: self._batch.terminate_job(jobId=job_id, reason=reason))

    async def log_events(self, group: str, stream: str, start_millis: int, token: str) -> Json | None:
        """Return a page of events from a moment on; None where there is no such stream."""
        more: dict[str, Any] = {"nextToken": token} if token else {}
        at: dict[str, Any] = {"logGroupName": group, "logStreamName": stream, "startTime": start_millis}
        try:
            return await self._call(
                "GetLogEvents",
                lambda: self._logs.get_log_events(**at, startFromHead=True, limit=LOG_PAGE_COUNT, **more),
            )
        except AwsRefusedError as error:
            if error.code == "ResourceNotFoundException":
                return None
            raise

    async def _call(self, operation: str, call: Callable[[], T]) -> T:
        try:
            return await self._in_thread(call)
        except (ClientError, BotoCoreError) as error:
            raise to_error(error, operation) from error

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)


def _config(retries: dict[str, Any]) -> Config:
    return Config(
        retries=retries,  # type: ignore[arg-type]  # a TypedDict of botocore's stubs
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        max_pool_connections=THREAD_COUNT,
    )


def _date_of(answer: Json) -> datetime:
    """Return the time of AWS's clock: what it says of a job is measured by it, not by ours."""
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return email.utils.parsedate_to_datetime(date) if date else datetime.fromtimestamp(time.time(), UTC)
