"""ProcessTarget: Workers as processes of this host, which outlive the runner and are known again by their files."""

import asyncio
import os
import re
import shutil
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from events.objective import CollectorKind
from functions.worker import LogChunk, Worker, WorkerPhase, WorkerState
from infra.target.checkpoints import checkpoint_path, delete_checkpoint
from infra.target.collecting.collecting import Collecting
from infra.target.process_ending import DEADLINE_EXCEEDED, HEARTBEAT_MISSED, SIGNAL_BASE, read_ending
from infra.target.process_spec import collected_path, grace_seconds_of, heartbeat_seconds_of, timeout_seconds_of
from infra.target.process_start import start
from infra.target.processes import (
    Identity,
    age_seconds,
    all_processes,
    boot_id,
    has_marks,
    is_alive,
    kill_all,
    seconds_since_boot,
    terminate,
)
from infra.target.silence import SilenceWatch
from infra.target.worker_environment import PushAccess, marks_of
from infra.target.worker_files import WorkerFiles

_MESSAGE_CHARACTERS = 500
_SHIM_GRACE_SECONDS = 5.0
"""How long a shim whose program was killed may take to write that down, before it is killed too."""
_NAME = re.compile(r"(?P<uid>[\w.-]+)-(?P<attempt>[1-9]\d*)", re.ASCII)


class ProcessTarget:
    """Keeps each attempt in `<directory>/<trial uid>-<attempt>`: a runner that comes back reads everything there.

    Linux only: a process is known by pid, start time and boot (/proc). A Worker's session is its own, so neither the
    runner's end nor its terminal's reaches it.
    """

    def __init__(
        self,
        directory: Path,
        *,
        working_directory: Path | None = None,
        environment: Mapping[str, str] | None = None,
        push: PushAccess | None = None,
        collecting: Collecting | None = None,
    ) -> None:
        """`working_directory` and `environment` are the user's: by default where, and with what, this process runs."""
        self._directory = directory.absolute()
        self._working_directory = (working_directory or Path.cwd()).absolute()
        self._push = push or PushAccess()
        self._collecting = collecting or Collecting()
        self._environment = dict(os.environ if environment is None else environment)
        self._silence = SilenceWatch()

    async def launch(self, worker: Worker) -> str:
        """Start the Worker unless its attempt was ever started here. Raises LaunchRefusedError.

        A disk that is full, or a host without room for a process, raises OSError: it may be well again later.
        """
        return await asyncio.to_thread(self._launch, worker)

    def _launch(self, worker: Worker) -> str:
        files = self._files(worker)
        if not files.is_claimed:
            given = self._environment
            start(worker, files, working_directory=self._working_directory, environment=given, push=self._push)
        identity = files.wait_for_identity()
        return f"process/{identity.pid}" if identity else "process"

    async def look(self, worker: Worker) -> WorkerState:
        """Return how the Worker stands; end it where its time or its grace is over."""
        return await asyncio.to_thread(self._look, worker)

    def _look(self, worker: Worker) -> WorkerState:
        files = self._files(worker)
        identity = files.find_identity()
        if identity is None:
            phase = WorkerPhase.RUNNING if files.is_starting else WorkerPhase.MISSING
            return WorkerState(phase, started_at=files.started_at() if files.is_starting else None)
        # The shim writes the exit code and ends, in this order: so life is looked at first.
        if is_alive(identity) and files.find_exit_code() is None:
            _enforce_limits(worker, files, identity, late=self._find_late(worker, files, identity))
            return WorkerState(WorkerPhase.RUNNING, started_at=files.started_at())
        if files.find_exit_code() is None and not _end_without_shim(worker, files, identity):
            message = "its processes are gone without an exit code: killed from outside, or the host was restarted"
            return WorkerState(WorkerPhase.MISSING, reason="WorkerLost", message=message)
        state = read_ending(worker, files)
        if state.phase == WorkerPhase.SUCCEEDED:
            state = replace(state, message=self._collecting.explain(worker, files)[:_MESSAGE_CHARACTERS])
        return state

    def _find_late(self, worker: Worker, files: WorkerFiles, identity: Identity) -> str:
        """Return which of its times the Worker has overrun, or nothing."""
        timeout, heartbeat = timeout_seconds_of(worker.manifest), heartbeat_seconds_of(worker.manifest)
        if timeout and age_seconds(identity) > timeout:
            return DEADLINE_EXCEEDED
        path = collected_path(worker)
        is_scraped = worker.collector.kind == CollectorKind.PROMETHEUS_METRIC  # which a hung training may answer
        collected = [*([files.mapped(path)] if path else []), *([] if is_scraped else [files.series])]
        written = [files.log, *collected]
        is_silent = heartbeat and self._silence.seconds(files.directory, written) > heartbeat
        return HEARTBEAT_MISSED if is_silent else ""

    async def read_log(self, worker: Worker, start: int, *, is_over: bool) -> LogChunk:
        """Return lines of the log, or of the file that the collector reads; positions are byte offsets."""
        return await asyncio.to_thread(self._collecting.read, worker, self._files(worker), start, is_over=is_over)

    async def stop(self, worker: Worker) -> None:
        """Send SIGTERM once; SIGKILL follows in a look after the grace, whichever runner looks then."""
        await asyncio.to_thread(self._stop, worker)

    def _stop(self, worker: Worker) -> None:
        files = self._files(worker)
        identity = files.wait_for_identity()
        if identity and files.find_exit_code() is None and files.find_stop() is None:
            _begin_stop("Stopped", worker, files, identity)

    async def remove(self, worker: Worker) -> None:
        """Kill the Worker and delete its files, but keep its log: `purge` deletes that too."""
        await asyncio.to_thread(self._remove, worker.trial.uid, worker.attempt)

    def _remove(self, trial_uid: str, attempt: int) -> None:
        self._collecting.forget(trial_uid, attempt)
        files = WorkerFiles(self._path(trial_uid, attempt))
        if not files.directory.is_dir():
            return
        self._silence.forget(files.directory)
        files.claim()
        identity = files.find_identity()
        if identity is None or kill_all(identity, marks_of(trial_uid, attempt)):
            files.clear()

    async def list_workers(self) -> tuple[tuple[str, int], ...]:
        """Return (trial uid, attempt) of each Worker with a living process, from the directory alone."""
        return await asyncio.to_thread(self._list_workers)

    def _list_workers(self) -> tuple[tuple[str, int], ...]:
        attempts = self._attempts()
        sessions: dict[int, list[int]] = {}
        for stat in all_processes() if attempts else ():
            sessions.setdefault(stat.session, []).append(stat.pid)
        return tuple(
            (uid, attempt)
            for uid, attempt in attempts
            if _has_process(WorkerFiles(self._path(uid, attempt)), sessions, marks_of(uid, attempt))
        )

    def _attempts(self) -> list[tuple[str, int]]:
        """Return every attempt that has a directory."""
        names = os.listdir(self._directory) if self._directory.is_dir() else []  # noqa: PTH208 - names are enough
        return sorted((found["uid"], int(found["attempt"])) for name in names if (found := _NAME.fullmatch(name)))

    def log_path(self, trial_uid: str, attempt: int) -> Path:
        """Return where standard output and error of this attempt are, or would be; it outlives `remove`."""
        return WorkerFiles(self._path(trial_uid, attempt)).log

    async def purge(self, trial_uid: str) -> None:
        """Kill every attempt of the Trial and delete its directories, logs and all."""
        await asyncio.to_thread(self._purge, trial_uid)

    def _purge(self, trial_uid: str) -> None:
        for uid, attempt in self._attempts():
            if uid == trial_uid:
                self._remove(uid, attempt)
                shutil.rmtree(self._path(uid, attempt), ignore_errors=True)
        delete_checkpoint(checkpoint_path(self._directory, trial_uid))

    async def list_kept(self) -> Mapping[str, frozenset[str]]:
        """Return Experiment uid → uids of its Trials of which anything is kept here."""
        return await asyncio.to_thread(self._list_kept)

    def _list_kept(self) -> Mapping[str, frozenset[str]]:
        kept: dict[str, frozenset[str]] = {}
        for uid, attempt in self._attempts():
            if owner := WorkerFiles(self._path(uid, attempt)).find_owner():
                kept[owner] = kept.get(owner, frozenset()) | {uid}
        return kept

    def _path(self, trial_uid: str, attempt: int) -> Path:
        name = f"{trial_uid}-{attempt}"
        if not _NAME.fullmatch(name):
            message = f"{trial_uid!r} is no uid that a directory can be named after"
            raise ValueError(message)
        return self._directory / name

    def _files(self, worker: Worker) -> WorkerFiles:
        return WorkerFiles(self._path(worker.trial.uid, worker.attempt))


def _has_process(files: WorkerFiles, sessions: Mapping[int, list[int]], marks: frozenset[bytes]) -> bool:
    """Tell whether the shim lives, or what it has left behind in its session."""
    identity = files.find_identity()
    if identity is None or identity.boot_id != boot_id():
        return False
    return is_alive(identity) or any(has_marks(pid, marks) for pid in sessions.get(identity.pid, ()))


def _begin_stop(reason: str, worker: Worker, files: WorkerFiles, identity: Identity) -> None:
    """Note the stop before the signal: a crash in between ends with a kill, not with a Worker that was not told."""
    files.request_stop(reason, grace_seconds_of(worker.manifest))
    terminate(identity, marks_of(worker.trial.uid, worker.attempt))


def _enforce_limits(worker: Worker, files: WorkerFiles, identity: Identity, *, late: str) -> None:
    """Stop a Worker that is late, and kill one whose grace is over."""
    stop = files.find_stop()
    if stop is None and late:
        _begin_stop(late, worker, files, identity)
    elif stop is not None and (overdue := seconds_since_boot() - stop.kill_at) >= 0:
        is_shim_spared = overdue < _SHIM_GRACE_SECONDS
        kill_all(identity, marks_of(worker.trial.uid, worker.attempt), spare_leader=is_shim_spared)


def _end_without_shim(worker: Worker, files: WorkerFiles, identity: Identity) -> bool:
    """Kill what a dead shim has left behind; tell whether we were about to kill it anyway, and so know its end."""
    kill_all(identity, marks_of(worker.trial.uid, worker.attempt))
    if files.find_stop() is None:
        return False
    files.write_exit_code(SIGNAL_BASE + signal.SIGKILL)
    return True
