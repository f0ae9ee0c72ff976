"""What a collector prints as a sidecar: the lines of a file, or points as JSON lines, until its Worker has ended."""

import contextlib
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from functions.worker import LaunchRefusedError
from infra.target.collecting.endpoint import Endpoint, ScrapeError, fetch, wanted_values
from infra.target.collecting.series import Note, Series
from infra.target.collecting.tensorflow_events import HINT, EventDirectory, is_installed

POLL_SECONDS = 0.5
SCRAPE_SECONDS = 1.0
_PART_BYTES = 256 * 1024

Step = Callable[[], None]
"""Prints what is new."""


class FollowedFile:
    """A file that grows: what was not printed yet is, once it is there; one that became shorter begins anew."""

    def __init__(self, path: Path, out: BinaryIO) -> None:
        self._path = path
        self._out = out
        self._printed = 0

    def advance(self) -> None:
        """Print what has been added."""
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, 2)
                self._printed = self._printed if self._printed <= size else 0
                file.seek(self._printed)
                while part := file.read(_PART_BYTES):
                    self._out.write(part)
                    self._printed += len(part)
        except (FileNotFoundError, IsADirectoryError):
            return
        self._out.flush()


def follow_events(directory: Path, names: Sequence[str], out: BinaryIO) -> Step:
    """Return what prints the scalars of event files. Raises LaunchRefusedError where nothing here can read them."""
    if not is_installed():
        raise LaunchRefusedError("CollectorNotInstalled", f"TensorFlowEvent {HINT}")
    kept = Path(tempfile.mkdtemp(prefix="kuttab-"))
    events = EventDirectory(directory, names, Series(kept / "series"), Note(kept / "note"))
    series = FollowedFile(kept / "series", out)

    def advance() -> None:
        while events.advance():
            series.advance()
        series.advance()

    return advance


def follow_endpoint(url: str, names: Sequence[str], out: BinaryIO, complain: Callable[[str], None]) -> Step:
    """Return what scrapes an endpoint of this pod; it says when the endpoint gives nothing, once for each reason."""
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    endpoint = Endpoint(port=parts.port or 80, path=path or "/", is_secure=parts.scheme == "https")
    said: set[str] = set()

    def advance() -> None:
        try:
            found = wanted_values(fetch(endpoint, endpoint.port), names)
        except ScrapeError as error:
            if str(error) not in said:
                said.add(str(error))
                complain(f"port {endpoint.port} {error}")
            return
        at = time.time()
        lines = [json.dumps({"timestamp": moment or at, name: value}) for name, (value, moment) in found.items()]
        out.write("".join(f"{line}\n" for line in lines).encode())
        out.flush()

    return advance


def follow_until(step: Step, wait: Callable[[float], bool], *, seconds: float, has_last: bool = True) -> None:
    """Take steps until the Worker has ended, and then one more for what it wrote last.

    `wait` returns True as soon as it has ended. What was scraped is gone by then: `has_last` says whether to look.
    """
    step()
    while not wait(seconds):
        step()
    if has_last:
        with contextlib.suppress(BrokenPipeError):
            step()
