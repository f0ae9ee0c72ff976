"""Publish events synchronously through kombu: one URL names the broker, and the caller needs no asyncio."""

from pathlib import Path
from urllib.parse import urlsplit

from kombu.connection import Connection
from kombu.exceptions import ChannelError

from ..envelope import CONTENT_TYPE, MAX_MESSAGE_BYTES, Event, encode

QUEUE = "kuttab"
"""The queue name in the files of a filesystem inbox; a runner takes any."""


class PublishError(RuntimeError):
    """The event was not published: the message says why."""


def publish(url: str, event: Event) -> None:
    """Publish one event and return when the broker has it.

    Args:
        url: `filesystem://DIRECTORY`, the inbox of an embedded runner.
        event: Any event of this package.

    Raises:
        PublishError: The URL is not understood, the event is too large, or it could not be written.
    """
    body = encode(event)
    if len(body) > MAX_MESSAGE_BYTES:
        message = f"the event has {len(body)} bytes, more than {MAX_MESSAGE_BYTES}"
        raise PublishError(message)
    parts = urlsplit(url)
    if parts.scheme != "filesystem":
        message = f"{url!r}: this version publishes to filesystem://DIRECTORY"
        raise PublishError(message)
    _write(Path(parts.netloc + parts.path), body)


def _write(directory: Path, body: bytes) -> None:
    """Put the body straight into the queue: bindings, which kombu keeps for all directories of a process, lose it."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        options = {"data_folder_in": str(directory), "data_folder_out": str(directory)}
        connection = Connection("filesystem://", transport_options=options)  # type: ignore[no-untyped-call]
        with connection, connection.Producer() as producer:  # type: ignore[no-untyped-call]
            producer.publish(body, exchange="", routing_key=QUEUE, content_type=CONTENT_TYPE, content_encoding="binary")
    except (OSError, ChannelError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        message = f"{directory}: {getattr(cause, 'strerror', None) or error}"
        raise PublishError(message) from error
