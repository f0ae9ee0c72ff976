"""Publish into a folder: the inbox of an embedded runner, in the format of kombu's filesystem transport."""

# kombu ships types, and for half of its functions none:
# mypy: allow-untyped-calls

from pathlib import Path

from kombu.connection import Connection
from kombu.exceptions import ChannelError

from ..envelope import CONTENT_TYPE, Event
from .errors import PublishError

SCHEME = "filesystem://"
QUEUE = "kuttab"
"""The queue name in the files; a runner takes any."""


class FolderSink:
    """Each event becomes a file, which a runner deletes when it has handled it."""

    def __init__(self, url: str) -> None:
        """Take everything after `filesystem://` as the directory, whatever characters it has."""
        self._directory = Path(url.removeprefix(SCHEME))

    def put(self, event: Event, body: bytes) -> None:  # noqa: ARG002 - a file has no properties beside the body
        """Put the body straight into the queue: bindings, which kombu keeps for a whole process, lose it."""
        directory = str(self._directory)
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            options = {"data_folder_in": directory, "data_folder_out": directory}
            connection = Connection("filesystem://", transport_options=options)
            with connection, connection.Producer() as producer:
                producer.publish(
                    body, exchange="", routing_key=QUEUE, content_type=CONTENT_TYPE, content_encoding="binary"
                )
        except (OSError, ChannelError) as error:
            cause = error if isinstance(error, OSError) else error.__cause__
            message = f"{directory}: {getattr(cause, 'strerror', None) or error}"
            raise PublishError(message) from error

    def close(self) -> None:
        """Hold nothing."""
