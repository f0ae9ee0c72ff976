"""Publish to RabbitMQ: confirmed, routed or refused, and tried again for a while when the connection is lost."""

# kombu ships types, and for half of its functions none:
# mypy: allow-untyped-calls

import random
import time

from kombu.connection import Connection
from kombu.messaging import Producer
from kombu.transport.pyamqp import Transport

from ..envelope import CONTENT_TYPE, Event
from .address import Address, read_address
from .errors import PublishError

EXCHANGE = "kuttab.events"
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
"""One answer of the broker, such as a confirm; a quorum queue of a busy broker takes seconds."""
PAUSE_SECONDS = 0.1
"""Between two attempts; it doubles."""
MAX_PAUSE_SECONDS = 2.0

_LOST = Transport.recoverable_connection_errors
"""Trying again may succeed: the network failed, the broker closed the connection or could not take the message."""
_REFUSED = (*Transport.connection_errors, *Transport.channel_errors)
_ACCESS_REFUSED, _NOT_FOUND = 403, 404


class AMQPSink:
    """One connection and one channel with confirms, opened by the first event and again whenever they are lost."""

    def __init__(self, url: str, *, patience_seconds: float) -> None:
        """Read the URL; nobody is called yet. Raises PublishError."""
        self._address = read_address(url)
        self._patience_seconds = patience_seconds
        self._connection: Connection | None = None
        self._producer: Producer | None = None
        self._is_returned = False

    def put(self, event: Event, body: bytes) -> None:
        """Return when the broker has confirmed; after a lost connection the event may be there twice."""
        until, pause = time.monotonic() + self._patience_seconds, PAUSE_SECONDS
        while True:
            try:
                return self._attempt(event, body)
            except _LOST as error:
                self._drop()
                if time.monotonic() + pause > until:
                    raise self._error(_describe(error)) from error
            except _REFUSED as error:
                reason = self._explain(error)
                self._drop()
                raise self._error(reason) from error
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, MAX_PAUSE_SECONDS)

    def close(self) -> None:
        """Close the connection in order."""
        if self._connection is not None:
            self._connection.release()
        self._connection = self._producer = None

    def _attempt(self, event: Event, body: bytes) -> None:
        self._is_returned = False
        self._open().publish(
            body,
            exchange=EXCHANGE,
            routing_key=event.type,
            mandatory=True,
            content_type=CONTENT_TYPE,
            content_encoding="utf-8",
            delivery_mode="persistent",
            message_id=event.id,
            type=event.type,
            correlation_id=event.partition_key,
        )
        if self._is_returned:
            raise self._error(f"no queue takes {event.type}: start a runner first")

    def _open(self) -> Producer:
        if self._producer is None:
            self._connection = _connection(self._address)
            self._connection.ensure_connection(max_retries=0, reraise_as_library_errors=False)
            self._producer = Producer(self._connection.channel(), on_return=self._note_return)
        return self._producer

    def _note_return(self, *_: object) -> None:
        """Note that the broker gives the message back; it says so before it confirms."""
        self._is_returned = True

    def _drop(self) -> None:
        """Let go of a connection that may not answer any more."""
        if self._connection is not None:
            self._connection.collect()
        self._connection = self._producer = None

    def _explain(self, error: Exception) -> str:
        code = getattr(error, "reply_code", None)
        if code == _ACCESS_REFUSED and self._producer is None:
            return "the broker refuses this user or password"
        if code == _NOT_FOUND:
            return f"the broker has no exchange {EXCHANGE}: start a runner first"
        return _describe(error)

    def _error(self, reason: str) -> PublishError:
        return PublishError(f"{self._address}: {reason}")


def _connection(address: Address) -> Connection:
    """Return a connection that is not opened yet, with a bound on every wait."""
    return Connection(
        transport="pyamqp",
        hostname=address.host,
        port=address.port,
        userid=address.user,
        password=address.password,
        virtual_host=address.vhost,
        ssl=address.ssl or False,
        connect_timeout=CONNECT_SECONDS,
        transport_options={
            "confirm_publish": True,
            "read_timeout": ANSWER_SECONDS,
            "write_timeout": ANSWER_SECONDS,
            "client_properties": {"connection_name": "kuttab client"},
        },
    )


def _describe(error: Exception) -> str:
    """Return in one line what the broker or the network said."""
    if isinstance(error, TimeoutError):
        return "the broker does not answer"
    said = getattr(error, "reply_text", None) or getattr(error, "strerror", None) or str(error)
    return " ".join(said.split()) or "the broker did not take the event, as when a queue is full"
