"""The inbox of an embedded runner: a folder that kombu's filesystem transport writes and the runner drains."""

import fcntl
import logging
import time
from collections.abc import Iterator
from pathlib import Path

from events.client.publisher import publish
from events.envelope import Event, MalformedEventError, decode
from functions.catalog import queue_of
from infra.broker.port import Delivery
from infra.broker.unwrap import unwrap

log = logging.getLogger("kuttab.inbox")

MESSAGE_COUNT = 100
"""Messages of one drain: the next round takes the rest."""
_HALF_WRITTEN_SECONDS = 10
"""An empty file that is older was left by a writer that died."""
BAD_QUEUE = "inbox"
"""The queue that is named for messages whose own queue cannot be read from them."""


class Inbox:
    """Messages as files: one is deleted only after it was handled, so a crash in between delivers it again."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._taken: set[Path] = set()

    def publish(self, event: Event) -> None:
        """Write an event for the runner of this directory, now or when it next runs."""
        publish(f"filesystem://{self._directory.absolute()}", event)

    def drain(self) -> list[Delivery]:
        """Return what has come since, oldest first; each file lives until its delivery is acked."""
        if not self._directory.is_dir():
            return []
        fresh = sorted(path for path in self._directory.glob("*.msg") if path not in self._taken)
        return [delivery for path in fresh[:MESSAGE_COUNT] for delivery in self._read(path)]

    def _read(self, path: Path) -> Iterator[Delivery]:
        """Yield the file's message; one that cannot be read is left where it is, and disturbs no other."""
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH)
                body = file.read()
        except OSError as error:
            self._taken.add(path)
            log.warning("cannot read a message", extra={"file": str(path), "reason": error.strerror})
            return
        if not body and time.time() - path.stat().st_mtime < _HALF_WRITTEN_SECONDS:
            return
        self._taken.add(path)
        yield Delivery(_queue_name(body), body, on_ack=lambda: self._forget(path))

    def _forget(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._taken.discard(path)


def _queue_name(body: bytes) -> str:
    try:
        return queue_of(decode(unwrap(body)))
    except MalformedEventError:
        return BAD_QUEUE
