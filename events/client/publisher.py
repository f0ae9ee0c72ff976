"""Publish events synchronously through kombu: one URL names the broker, and the caller needs no asyncio."""

from collections.abc import Iterable
from types import TracebackType
from typing import Protocol, Self

from ..envelope import MAX_MESSAGE_BYTES, Event, encode
from .errors import PublishError

__all__ = ["PATIENCE_SECONDS", "PublishError", "Publisher", "publish", "publish_all"]

PATIENCE_SECONDS = 5.0
"""How long a lost connection is opened again: a command should not keep its user waiting for a wrong host name."""


class Sink(Protocol):
    """Where a publisher's events go."""

    def put(self, event: Event, body: bytes) -> None:
        """Return when the event is safe there. Raises PublishError."""
        ...

    def close(self) -> None:
        """Let go of what is held."""
        ...


class Publisher:
    """Publishes over one connection, which the first event opens; for one thread at a time.

    Use it as a context manager where events come one by one, such as in a Worker that reports as it trains.
    """

    def __init__(self, url: str, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Take the broker's URL; nobody is called yet.

        Args:
            url: `amqp://USER:PASSWORD@HOST:PORT/VHOST`, `amqps://…`, `sqs://?region=REGION&prefix=PREFIX`, or
                `filesystem://DIRECTORY`, the inbox of an embedded runner; or `https://TOKEN@HOST`, the HTTP API.
            patience_seconds: How long a broker that is away is tried again, for each event. One attempt may take
                up to half a minute more, where a broker accepts connections and does not answer.

        Raises:
            PublishError: The URL is not understood.
        """
        self._sink = _open_sink(url, patience_seconds)

    def publish(self, *events: Event) -> None:
        """Publish in this order and return when the broker has all.

        Raises:
            PublishError: One is too large, and then none was published; or one could not be published, and then those
                before it were.
        """
        for event, body in [(event, _encode(event)) for event in events]:
            self._sink.put(event, body)

    def close(self) -> None:
        """Close the connection; a later event opens it again."""
        self._sink.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def publish(url: str, event: Event, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Publish one event and return when the broker has it. See `Publisher`. Raises PublishError."""
    publish_all(url, [event], patience_seconds=patience_seconds)


def publish_all(url: str, events: Iterable[Event], *, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Publish several events over one connection. See `Publisher`. Raises PublishError."""
    with Publisher(url, patience_seconds=patience_seconds) as publisher:
        publisher.publish(*events)


def _encode(event: Event) -> bytes:
    body = encode(event)
    if len(body) > MAX_MESSAGE_BYTES:
        raise PublishError(f"the event has {len(body)} bytes, more than {MAX_MESSAGE_BYTES}")
    return body


def _open_sink(url: str, patience_seconds: float) -> Sink:
    scheme, separator, _ = url.partition("://")
    if scheme in {"amqp", "amqps"}:
        from .amqp import AMQPSink

        return AMQPSink(url, patience_seconds=patience_seconds)
    if scheme == "filesystem" and separator:
        from .folder import FolderSink

        return FolderSink(url)
    if scheme == "sqs":
        from .sqs import SQSSink

        return SQSSink(url, patience_seconds=patience_seconds)
    if scheme in {"http", "https"}:
        from .http import HTTPSink

        return HTTPSink(url, patience_seconds=patience_seconds)
    raise PublishError("the broker's URL must begin with amqp://, amqps://, sqs://, https:// or filesystem://")
