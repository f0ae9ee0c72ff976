"""The directory of an embedded runner: one runner at a time, and a host name that outlives it."""

import fcntl
import os
import secrets
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from events.envelope import new_id
from functions.errors import KuttabError
from infra.broker.memory import DeadLetter

_LEFTOVER_SECONDS = 10.0
"""How long a killed runner's lock is waited for: a child that it has just forked holds it until it is a program."""
_LEFTOVER_PAUSE_SECONDS = 0.02


class DirectoryBusyError(KuttabError):
    """Another runner holds the directory: talk to it with `kuttab submit`, or stop it."""


@dataclass(slots=True)
class RunnerDirectory:
    """`.kuttab`: database, Workers' files, inbox, dead letters, reports."""

    path: Path
    _lock: int = -1

    def __enter__(self) -> Self:
        """Make the directory and lock it. Raises DirectoryBusyError."""
        self.inbox.mkdir(parents=True, exist_ok=True)
        ignore = self.path / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        deadline = time.monotonic() + _LEFTOVER_SECONDS
        while not _try_lock(self._lock):
            holder = os.pread(self._lock, 32, 0).decode(errors="replace").strip()
            if _is_running(holder) or time.monotonic() > deadline:
                os.close(self._lock)
                message = f"{self.path}: a runner is at work here (pid {holder or 'unknown'})"
                raise DirectoryBusyError(message)
            time.sleep(_LEFTOVER_PAUSE_SECONDS)
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go."""
        os.close(self._lock)

    @property
    def workers(self) -> Path:
        """Where the Workers' files are."""
        return self.path / "workers"

    @property
    def inbox(self) -> Path:
        """Where other programs leave events for the runner."""
        return self.path / "inbox"

    def host_name(self) -> str:
        """Return the name under which this directory's runner claims Trials: the same after every restart."""
        file = self.path / "host"
        if not file.exists():
            file.write_text(f"{socket.gethostname()[:60]}-{new_id()[-12:]}\n")
        return file.read_text().strip()

    def secret(self) -> str:
        """Return what this directory's runner signs its Workers' tokens with: the same after every restart."""
        file = self.path / "secret"
        if not file.exists():
            fresh = self.path / f".secret-{new_id()}"
            fresh.touch(mode=0o600)
            fresh.write_text(secrets.token_hex(32) + "\n")
            fresh.rename(file)
        return file.read_text().strip()

    def keep_dead_letter(self, letter: DeadLetter) -> None:
        """Write a dead letter where people find it."""
        folder = self.path / "dead-letters"
        folder.mkdir(exist_ok=True)
        name = f"{letter.queue}-{new_id()}"
        (folder / f"{name}.body").write_bytes(letter.body)
        (folder / f"{name}.reason").write_text(letter.reason + "\n")


def is_busy(path: Path) -> bool:
    """Tell whether a runner is at work in this directory."""
    try:
        lock = os.open(path / "lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(lock)
    finally:
        os.close(lock)


def _try_lock(lock: int) -> bool:
    """Lock the file, and tell whether that was possible."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_running(pid: str) -> bool:
    """Tell whether this process runs; one that has ended and was not waited for does not."""
    try:
        state = Path("/proc", pid, "stat").read_text().rpartition(") ")[2]
    except OSError:
        return False
    return not state.startswith(("Z", "X"))
