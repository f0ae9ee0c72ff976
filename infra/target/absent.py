"""AbsentTarget: no Worker can be run from here. Launches are refused with the reason; the rest is somebody else's."""

from functions.worker import LaunchRefusedError, Worker
from infra.target.external import ExternalTarget


class AbsentTarget(ExternalTarget):
    """Knows nothing of the Workers that others may run, and never starts one."""

    def __init__(self, message: str) -> None:
        self._message = message

    async def launch(self, worker: Worker) -> str:  # noqa: ARG002 - every Worker is refused alike
        """Refuse. Raises LaunchRefusedError."""
        raise LaunchRefusedError("TargetMissing", self._message)
