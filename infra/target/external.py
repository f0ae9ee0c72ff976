"""ExternalTarget: Workers that a client runs by itself. It takes `trial.created` and says how it ended."""

from functions.worker import LogChunk, Worker, WorkerPhase, WorkerState


class ExternalTarget:
    """Knows nothing of its Workers and has no hold on them: only the client's events and the deadline end a Trial."""

    async def launch(self, worker: Worker) -> str:
        """Leave the launch to the client."""
        return worker.reference

    async def look(self, worker: Worker) -> WorkerState:  # noqa: ARG002 - every Worker looks the same from here
        """Say that the Worker runs: nobody here could know better."""
        return WorkerState(WorkerPhase.RUNNING)

    async def read_log(self, worker: Worker, start: int, *, is_over: bool) -> LogChunk:  # noqa: ARG002 - no log
        """Return nothing: metrics are pushed."""
        return LogChunk(source=worker.trial.uid, start=start, end=start)

    async def stop(self, worker: Worker) -> None:
        """Do nothing: the Trial ends in its row, and the client sees it there."""

    async def remove(self, worker: Worker) -> None:
        """Do nothing: nothing is held."""
