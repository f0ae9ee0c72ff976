"""Many looks, one call: DescribeJobs takes a hundred jobs at a time, and an account only so many calls."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from infra.target.batch_job import Json

WINDOW_SECONDS = 0.005
"""How long the first look waits for others: nothing beside the call itself."""
JOBS_PER_CALL = 100
"""AWS's limit."""

Found = tuple[Json | None, datetime]
Fetch = Callable[[Sequence[str]], Awaitable[tuple[Sequence[Json], datetime]]]


class Describer:
    """Gathers the jobs that are asked for within a window."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._waiting: dict[str, asyncio.Future[Found]] = {}
        self._calls: set[asyncio.Task[None]] = set()

    async def find(self, job_id: str) -> Found:
        """Return the job as Batch describes it, None where Batch knows none; and the time of Batch's clock."""
        if not self._waiting:
            self._start(self._gather())
        future = self._waiting.setdefault(job_id, asyncio.get_running_loop().create_future())
        return await asyncio.shield(future)

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _gather(self) -> None:
        await asyncio.sleep(WINDOW_SECONDS)
        waiting, self._waiting = self._waiting, {}
        ids = list(waiting)
        for start in range(0, len(ids), JOBS_PER_CALL):
            self._start(self._ask({key: waiting[key] for key in ids[start : start + JOBS_PER_CALL]}))

    async def _ask(self, waiting: dict[str, "asyncio.Future[Found]"]) -> None:
        try:
            jobs, at = await self._fetch(list(waiting))
        except Exception as error:  # noqa: BLE001 - each caller gets it, and the last of them the runtime
            for future in waiting.values():
                future.set_exception(error)
                future.exception()  # noted: its caller may be gone
            return
        found = {str(job["jobId"]): job for job in jobs}
        for job_id, future in waiting.items():
            future.set_result((found.get(job_id), at))
