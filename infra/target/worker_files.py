"""The directory of one Worker: all that a runner needs to know it again after its own death."""

import contextlib
import json
import os
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from events.resource import Manifest
from infra.target.processes import Identity, boot_id, seconds_since_boot

_BLANK = b" " * 127 + b"\n"
"""Room for what is written later, taken while a full disk can still be said aloud."""
_STARTING_SECONDS = 10.0
"""How long a shim may take from its marker to its identity: a few instructions, on a machine that may be busy."""
_POLL_SECONDS = 0.002
_TAIL_BYTES = 8 * 1024


@dataclass(frozen=True, slots=True)
class StopRequest:
    """That the Worker was told to end, why, and when it is made to."""

    reason: str
    kill_at: float
    """In seconds since this boot."""
    boot_id: str


@dataclass(frozen=True, slots=True)
class WorkerFiles:
    """Paths and contents; what the shim writes is read here, and the other way round."""

    directory: Path

    @property
    def log(self) -> Path:
        """Standard output and error."""
        return self.directory / "log"

    @property
    def series(self) -> Path:
        """What a collector has found: lines that are read in place of the log."""
        return self.directory / "series"

    @property
    def note(self) -> Path:
        """Why a collector found nothing."""
        return self.directory / "note"

    @property
    def companion(self) -> Path:
        """The script of what runs beside the Worker; its standard output is the series."""
        return self.directory / "companion"

    @property
    def metrics_port(self) -> Path:
        """The port that the Worker was offered for its metrics."""
        return self.directory / "metrics-port"

    def find_metrics_port(self) -> int | None:
        """Return the port that the Worker was offered."""
        words = self._words(self.metrics_port.name)
        return int(words[0]) if words else None

    @property
    def is_claimed(self) -> bool:
        """Tell whether this attempt was started, or must never be."""
        return (self.directory / "started").exists()

    @property
    def is_starting(self) -> bool:
        """Tell whether a shim has just claimed the attempt and not yet said who it is."""
        try:
            marker = (self.directory / "started").stat()
        except FileNotFoundError:
            return False
        age = datetime.now(UTC).timestamp() - marker.st_mtime
        is_removed = marker.st_size > 0
        return age < _STARTING_SECONDS and not is_removed and (self.directory / "identity").exists()

    def mapped(self, path: str) -> Path:
        """Return where this Worker has a file of an absolute path."""
        return self.directory / "files" / path.lstrip("/")

    def find_owner(self) -> str:
        """Return the uid of the Experiment that the Worker is of; empty where none is written down."""
        words = self._words("experiment")
        return words[0] if words else ""

    def prepare(self, manifest: Manifest, *, owner: str) -> None:
        """Make what a shim needs. Raises OSError where the disk is full."""
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "experiment").write_text(f"{owner}\n")
        for name in ("identity", "exit", "stop"):
            # Another launch of this attempt may have come so far as well: what is written is never blanked.
            with contextlib.suppress(FileExistsError), (self.directory / name).open("xb") as file:
                file.write(_BLANK)
        (self.directory / "manifest.json").write_text(json.dumps(manifest, indent=2))
        self.log.touch()

    def wait_for_identity(self) -> Identity | None:
        """Return who the Worker's shim is; one that is just starting is given a moment to say so."""
        while (identity := self.find_identity()) is None and self.is_starting:
            time.sleep(_POLL_SECONDS)
        return identity

    def claim(self) -> None:
        """Take the attempt, so that no shim starts it any more; one that took it first is waited for."""
        try:
            (self.directory / "started").open("x").close()
        except FileExistsError:
            self.wait_for_identity()

    def find_identity(self) -> Identity | None:
        """Return who the Worker's shim is, or was."""
        words = self._words("identity")
        return Identity(int(words[0]), int(words[1]), words[2]) if len(words) == 3 else None  # noqa: PLR2004

    def find_exit_code(self) -> int | None:
        """Return how the Worker ended, as a shell counts: 128 and the signal where one killed it."""
        words = self._words("exit")
        return int(words[0]) if words else None

    def find_stop(self) -> StopRequest | None:
        """Return the first request to stop."""
        words = self._words("stop")
        return StopRequest(words[0], float(words[1]), words[2]) if len(words) == 3 else None  # noqa: PLR2004

    def request_stop(self, reason: str, grace_seconds: float) -> StopRequest:
        """Note a request to stop; a later one changes nothing."""
        request = self.find_stop()
        if request is None:
            request = StopRequest(reason, seconds_since_boot() + grace_seconds, boot_id())
            self._write("stop", f"{request.reason} {request.kill_at:.3f} {request.boot_id}")
        return request

    def write_exit_code(self, code: int) -> None:
        """Write down how the Worker ended where its shim could not."""
        self._write("exit", str(code))

    def _words(self, name: str) -> list[str]:
        try:
            return (self.directory / name).read_text().split()
        except FileNotFoundError:
            return []

    def _write(self, name: str, text: str) -> None:
        with (self.directory / name).open("r+b") as file:
            file.write(f"{text}\n".encode())

    def started_at(self) -> datetime | None:
        """Return when the shim claimed the attempt."""
        return _changed_at(self.directory / "started")

    def ended_at(self) -> datetime | None:
        """Return when the exit code was written."""
        return _changed_at(self.directory / "exit")

    def last_line(self, limit: int) -> str:
        """Return the last line of the log that is not empty, cut to so many characters."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
                tail = file.read(_TAIL_BYTES).decode(errors="replace").replace("\0", "")
        except FileNotFoundError:
            return ""
        lines = [line.strip() for line in tail.splitlines() if line.strip()]
        return lines[-1][:limit] if lines else ""

    def clear(self) -> None:
        """Delete all but the log, the claim and the owner: the attempt can be read, and never be run again."""
        for name in ("identity", "exit", "stop", "manifest.json", "series", "note", "companion", "metrics-port"):
            (self.directory / name).unlink(missing_ok=True)
        shutil.rmtree(self.directory / "files", ignore_errors=True)
        # A launch that comes too late sees by this that no shim is about to say who it is.
        with contextlib.suppress(OSError):
            (self.directory / "started").write_text("removed\n")


def _changed_at(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None
