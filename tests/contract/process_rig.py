"""A process target in a directory of its own, and what tests want to know of its Workers."""

import shlex
from pathlib import Path

from events.resource import Manifest
from functions.worker import Worker
from infra.target.process import ProcessTarget
from infra.target.processes import all_processes, has_marks
from infra.target.worker_environment import marks_of
from infra.target.worker_files import WorkerFiles
from tests.contract.target_contract import read_all, until_over, waiting


class ProcessRig:
    """A target in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.target = ProcessTarget(directory, working_directory=directory)

    def manifest(
        self, text: str = "", *, exit_code: int = 0, seconds: float = 0.0, until: Path | None = None
    ) -> Manifest:
        (self.directory / "text").write_text(text)
        copy = (
            f"cat {shlex.quote(str(self.directory / 'text'))}" if len(text) > 1000 else f"printf %s {shlex.quote(text)}"
        )
        return sh(f"{copy}; {waiting(seconds, until)}; exit {exit_code}")

    def impossible_manifest(self) -> Manifest:
        return a_process("no-such-program-anywhere")


def a_process(*command: str, **spec: object) -> Manifest:
    return {"apiVersion": "kuttab.dev/v1", "kind": "Process", "spec": {"command": list(command), **spec}}  # type: ignore[dict-item]


def sh(script: str, **spec: object) -> Manifest:
    return a_process("sh", "-c", script, **spec)


async def log_of(rig: ProcessRig, worker: Worker) -> list[str]:
    await rig.target.launch(worker)
    await until_over(rig.target, worker)
    return [line.text for line in await read_all(rig.target, worker)]


def processes_of(worker: Worker) -> list[int]:
    marks = marks_of(worker.trial.uid, worker.attempt)
    return [stat.pid for stat in all_processes() if has_marks(stat.pid, marks)]


def files_of(rig: ProcessRig, worker: Worker) -> WorkerFiles:
    return WorkerFiles(rig.directory / f"{worker.trial.uid}-{worker.attempt}")


def shim_of(rig: ProcessRig, worker: Worker) -> int:
    identity = files_of(rig, worker).find_identity()
    assert identity is not None
    return identity.pid
