"""AbsentTarget: no Worker can be reached from here. A launch is refused with the reason; the rest is for others."""

from functions.errors import Retry
from functions.worker import LaunchRefusedError, Worker
from infra.target.external import ExternalTarget

ELSEWHERE_SECONDS = 30.0
"""Until a message comes again that only another reader of the same queue can handle."""


class AbsentTarget(ExternalTarget):
    """Never starts a Worker, and leaves those that others run alone: a look says nothing new, a stop waits for them."""

    def __init__(self, message: str) -> None:
        self._message = message

    async def launch(self, worker: Worker) -> str:  # noqa: ARG002 - every Worker is refused alike
        """Refuse. Raises LaunchRefusedError."""
        raise LaunchRefusedError("TargetMissing", self._message)

    async def stop(self, worker: Worker) -> None:  # noqa: ARG002 - as above
        """Leave it to a process that reaches the Worker: nobody shall believe that it was told. Raises Retry."""
        raise Retry(self._message, delay_seconds=ELSEWHERE_SECONDS)

    async def remove(self, worker: Worker) -> None:  # noqa: ARG002 - as above
        """Leave it to a process that reaches the Worker: nobody shall believe that it is gone. Raises Retry."""
        raise Retry(self._message, delay_seconds=ELSEWHERE_SECONDS)
