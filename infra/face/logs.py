"""TargetLogs: the end of what Workers have printed, from this host's directory or as their target has it."""

import asyncio
from collections import deque
from pathlib import Path

from events.trial import TargetKind
from functions.errors import KuttabError
from functions.experiment.model import Experiment
from functions.trial.model import Trial
from functions.trial.render import render_worker
from infra.settings import Settings
from infra.target.opening import open_targets
from infra.target.worker_files import WorkerFiles
from infra.target.worker_log import WorkerLog

LOG_BYTES = 1024 * 1024
"""Of one answer."""
LOG_LINES = 20_000
READ_SECONDS = 20.0
"""A cluster that does not answer holds nobody up for longer."""
_REMOTE = frozenset({TargetKind.KUBERNETES, TargetKind.BATCH})


class TargetLogs:
    """The port `Logs`; a process's log lies on its host, so that only a server in that host's directory has it."""

    def __init__(self, settings: Settings) -> None:
        self._workers = settings.directory / "workers"
        self._targets = open_targets(settings)

    async def read(self, experiment: Experiment, trial: Trial, *, attempt: int) -> tuple[bytes | None, str]:
        """Return the end of the log, or why there is none; see the port."""
        if trial.target in _REMOTE:
            return await self._read_remote(experiment, trial, attempt)
        if trial.target != TargetKind.PROCESS:
            return None, f"on target {trial.target} only its client has it"
        path = WorkerFiles(self._workers / f"{trial.uid}-{attempt}").log
        found = await asyncio.to_thread(_read_end, path)
        return found, f"it is on host {trial.host}" if trial.host else "its Worker has not started"

    async def _read_remote(self, experiment: Experiment, trial: Trial, attempt: int) -> tuple[bytes | None, str]:
        lines: deque[str] = deque(maxlen=LOG_LINES)
        is_over = not trial.is_active or attempt != trial.attempt
        try:
            log = WorkerLog(self._targets[trial.target], render_worker(experiment, trial, attempt=attempt))
            async with asyncio.timeout(READ_SECONDS):
                async for line in log.read_on(is_over=is_over):
                    lines.append(line)
        except ImportError as error:  # a function of Lambda carries the client of no cluster
            return None, f"this server cannot reach target {trial.target} ({error})"
        except (KuttabError, OSError, ValueError, TimeoutError) as error:
            return None, str(error) or f"not within {READ_SECONDS:g} s"
        if not log.source:
            return None, log.problem or "its Worker has not started"
        return "".join(f"{line}\n" for line in lines).encode()[-LOG_BYTES:], ""


def _read_end(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - LOG_BYTES))
            return file.read(LOG_BYTES)
    except OSError:
        return None
