"""A Batch target against moto, whose jobs are processes of this machine."""

from pathlib import Path

from events.resource import Manifest
from infra.target.batch import BatchTarget
from infra.target.batch_calls import BatchCalls
from tests.contract.target_contract import waiting
from tests.services.moto_batch import BatchPlace

LONG_CHARACTERS = 1000


class BatchRig:
    """A target, and manifests of jobs in one queue."""

    def __init__(self, place: BatchPlace, directory: str) -> None:
        self.place = place
        self.directory = directory
        self.calls = BatchCalls()
        self.target = BatchTarget(self.calls, log_grace_seconds=0)

    def manifest(
        self, text: str = "", *, exit_code: int = 0, seconds: float = 0.0, until: Path | None = None
    ) -> Manifest:
        return self.sh(f"{self._print(text)}; {waiting(seconds, until)}; exit {exit_code}")

    def _print(self, text: str) -> str:
        """Print through a file: a job's overrides are limited in size."""
        path = f"{self.directory}/text"
        with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123 - a name that goes into a command
            file.write(text)
        return f"cat {path}"

    def sh(self, script: str, **spec: object) -> Manifest:
        where = {"jobQueue": self.place.job_queue, "jobDefinition": self.place.job_definition}
        overrides = {"containerOverrides": {"command": ["sh", "-c", script]}}
        return a_job(**{**where, **overrides, **spec})

    def impossible_manifest(self) -> Manifest:
        return self.sh("true", jobDefinition="no-such-definition")


def a_job(**spec: object) -> Manifest:
    return {"apiVersion": "batch.amazonaws.com/v1", "kind": "Job", "spec": spec}  # type: ignore[dict-item]
