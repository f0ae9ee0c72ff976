"""BatchTarget: Workers as jobs of AWS Batch, found again by their name and known by their tags."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta
from typing import TypeVar

from functions.errors import Retry
from functions.worker import LaunchRefusedError, LogChunk, Worker, WorkerState
from infra.target.batch_calls import LISTING_LAG_SECONDS, BatchCalls
from infra.target.batch_describer import Describer
from infra.target.batch_errors import AwsRefusedError
from infra.target.batch_job import REMOVED, STOPPED, Job, missing, parse_job
from infra.target.batch_log import read_job_log
from infra.target.batch_request import JobRequest, build_request, find_place
from infra.target.worker_environment import PushAccess

log = logging.getLogger("kuttab.batch")
T = TypeVar("T")

LOG_GRACE_SECONDS = 10.0
"""After a job's end its last lines may still be on their way to CloudWatch."""
_LAUNCH_SECONDS = 10.0
"""From claim to SubmitJob at most: a launch that was held up longer may have been taken over, and is begun anew."""
_MEMORY_COUNT = 10_000
_FRESH_SECONDS = 1.0
"""How long the log's reader trusts the look before it: a moment, so that one look is one call."""


class BatchTarget:
    """The port `Target`. SubmitJob has no idempotency token: that one attempt is one job rests on its claim and name.

    A first claim submits within seconds. One that takes over waits until a job of the one before would be listed, and
    finds it by name. What slips through all the same (a process frozen between its last look at the clock and the
    call) is a second job of the same name, which is terminated when it is seen: at a launch, a stop or the removal.
    """

    def __init__(
        self,
        calls: BatchCalls,
        *,
        push: PushAccess | None = None,
        log_grace_seconds: float = LOG_GRACE_SECONDS,
    ) -> None:
        self._calls = calls
        self._push = push or PushAccess()
        self._log_grace = timedelta(seconds=log_grace_seconds)
        self._describer = Describer(calls.describe)
        self._launches: dict[str, asyncio.Task[str]] = {}
        self._launched: OrderedDict[str, str] = OrderedDict()
        self._removed: OrderedDict[str, str] = OrderedDict()
        self._seen: OrderedDict[str, tuple[float, Job]] = OrderedDict()

    async def launch(self, worker: Worker) -> str:
        """Submit the Worker's job unless there is one; return the job's id."""
        request = build_request(worker, self._push)
        if known := self._launched.get(request.name):
            return known
        task = self._launches.get(request.name)
        if task is None:
            task = self._launches[request.name] = asyncio.ensure_future(self._launch(worker, request))
            task.add_done_callback(lambda _: self._launches.pop(request.name, None))
        return await asyncio.shield(task)

    async def _launch(self, worker: Worker, request: JobRequest) -> str:
        begun = time.monotonic()
        try:
            job_id = await self._find_one(worker, request)
            if job_id is None:
                _require_listed(worker)
                if time.monotonic() - begun > _LAUNCH_SECONDS:
                    raise Retry("the launch was held up: it is begun anew", delay_seconds=LISTING_LAG_SECONDS)
                job_id = await self._calls.submit(request)
        except AwsRefusedError as error:
            raise LaunchRefusedError(error.code, str(error)) from error
        _remember(self._launched, request.name, job_id)
        return job_id

    async def _find_one(self, worker: Worker, request: JobRequest) -> str | None:
        """Return the job of this attempt; of several the first stays and the others are terminated."""
        jobs = await self._find_jobs(worker, request.name, request.queue)
        for extra in jobs[1:]:
            if not extra.is_over:
                log.warning("terminates a second job", extra={"job": extra.id, "trial": worker.trial.name})
                await self._calls.terminate(extra.id, f"{REMOVED}: a second job of the same attempt")
        return jobs[0].id if jobs else None

    async def _find_jobs(self, worker: Worker, name: str, queue: str) -> Sequence[Job]:
        """Return this attempt's jobs, oldest first: of the same name, and with its uid and attempt."""
        ids = await self._calls.list(queue, name) if queue else []
        known = worker.reference or self._launched.get(name, "")
        ids += [known] if known and known not in ids else []
        found = [job for it in await asyncio.gather(*(self._describe(job_id, worker) for job_id in ids)) if (job := it)]
        ours = [job for job in found if _is_of(job, worker)]
        return sorted(ours, key=lambda job: (job.created_at, job.id))

    async def _describe(self, job_id: str, worker: Worker) -> Job | None:
        detail, at = await self._describer.find(job_id)
        return parse_job(detail, container_name=worker.primary_container_name, looked_at=at) if detail else None

    async def _find(self, worker: Worker) -> Job | None:
        """Return the Worker's job: by its id, else by its name."""
        name, queue = find_place(worker)
        if job_id := worker.reference or self._launched.get(name, ""):
            return await self._describe(job_id, worker)
        jobs = await self._find_jobs(worker, name, queue)
        return jobs[0] if jobs else None

    async def look(self, worker: Worker) -> WorkerState:
        """Return how the job stands; looks of the same moment share a call."""
        name, _ = find_place(worker)
        if name in self._removed:
            return missing("the job was removed")
        job = await self._find(worker)
        if job is None:
            return missing(f"AWS Batch knows no job {worker.reference or name}: it forgets jobs days after their end")
        _remember(self._seen, name, (time.monotonic(), job))
        return job.to_state()

    async def read_log(self, worker: Worker, start: int, *, is_over: bool) -> LogChunk:
        """Return lines of the newest attempt's stream; raises Retry while the last of them may still be coming."""
        name, _ = find_place(worker)
        seen_at, seen = self._seen.get(name, (0.0, None))
        job = seen if seen and time.monotonic() - seen_at < _FRESH_SECONDS else await self._find(worker)
        if job is None:
            return LogChunk(worker.reference or name, start, start)
        chunk = await read_job_log(self._calls, job, start)
        if is_over and not chunk.has_more and job.log_stream and job.log_group:
            _require_settled(job, self._log_grace)
        return chunk

    async def stop(self, worker: Worker) -> None:
        """Terminate the job, or cancel it where it waits: SIGTERM, and SIGKILL after the container's stop timeout."""
        await self._end(worker, STOPPED)

    async def remove(self, worker: Worker) -> None:
        """Terminate whatever may still run of this attempt; what has ended Batch forgets by itself."""
        await self._end(worker, REMOVED)
        _remember(self._removed, find_place(worker)[0], worker.reference)

    async def _end(self, worker: Worker, reason: str) -> None:
        for job in await self._find_jobs(worker, *find_place(worker)):
            if not job.is_over:
                await self._calls.terminate(job.id, reason)


def _is_of(job: Job, worker: Worker) -> bool:
    it = job.identity
    return it is not None and it.trial.uid == worker.trial.uid and it.attempt == worker.attempt


def _require_listed(worker: Worker) -> None:
    """Raise Retry while a job of an earlier claim may be there and not be listed yet."""
    age = worker.claimed_seconds_ago
    if age is not None and age < LISTING_LAG_SECONDS:
        words = "an earlier launch of this attempt may have submitted a job that is not listed yet"
        raise Retry(words, delay_seconds=LISTING_LAG_SECONDS - age + 1)


def _require_settled(job: Job, grace: timedelta) -> None:
    """Raise Retry until this long after the end, by AWS's own clock."""
    missing_seconds = ((job.ended_at or job.looked_at) + grace - job.looked_at).total_seconds()
    if grace and missing_seconds > 0:
        raise Retry("the end of the job's log may still be on its way", delay_seconds=missing_seconds + 0.5)


def _remember(memory: OrderedDict[str, T], name: str, it: T) -> None:
    """Keep an entry, and forget the oldest where there are too many: a cache, not the truth."""
    memory[name] = it
    while len(memory) > _MEMORY_COUNT:
        memory.popitem(last=False)
