"""What a Worker has printed, as its target has it: for people, whatever its metrics are read from."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from events.objective import MetricsCollectorSpec
from functions.worker import Target, Worker


@dataclass(slots=True)
class WorkerLog:
    """Standard output and error of a Worker's primary container, read on from call to call."""

    target: Target
    worker: Worker
    source: str = ""
    """Which log it is: a pod that a Job has made anew has another one. Empty where there is none (yet, or any more)."""
    problem: str = ""
    """Why there is no log where there should be one."""
    position: int = 0

    def __post_init__(self) -> None:
        # A collector beside the Worker has an output of its own, which is no log for people.
        self.worker = replace(self.worker, collector=MetricsCollectorSpec())

    async def read_on(self, *, is_over: bool) -> AsyncIterator[str]:
        """Yield the lines since the last call. Raises what the port raises: Retry where it may be read later."""
        has_more = True
        while has_more:
            chunk = await self.target.read_log(self.worker, self.position, is_over=is_over)
            self.problem = chunk.problem
            if chunk.source and self.source not in {"", chunk.source}:
                self.source, self.position = chunk.source, 0
                continue
            self.source = chunk.source or self.source
            for line in chunk.lines:
                yield line.text
            self.position, has_more = chunk.end, chunk.has_more
