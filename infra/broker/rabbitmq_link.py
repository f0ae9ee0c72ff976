"""One connection to RabbitMQ that is opened again whenever it is needed and gone; recovery is ours alone.

aio-pika opens connections and channels; messages go through its protocol layer (`aiormq`), which costs a third less
CPU a message. Its robust connections are not used: they can come back without their consumers.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable
from typing import TypeVar
from urllib.parse import urlsplit

import aio_pika
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, AuthenticationError, ProbableAuthenticationError
from aiormq import Channel
from pamqp.common import FieldTable

from infra.broker.port import BrokerError

log = logging.getLogger("kuttab.rabbitmq")
logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # it logs, with tracebacks, what it also raises

CONNECT_SECONDS = 10.0
RPC_SECONDS = 30.0
"""One answer of the broker, such as to a declaration; a quorum queue of a busy broker takes seconds."""
HEARTBEAT_SECONDS = 30
"""A peer that is silent for three of these is gone."""
PAUSE_SECONDS = 0.2
"""Between two attempts to connect; it doubles."""
MAX_PAUSE_SECONDS = 5.0

T = TypeVar("T")


class LinkLostError(BrokerError):
    """The connection or the channel is gone, or did not answer: trying again on a new one may succeed."""


class Link:
    """A connection that is there when somebody needs it."""

    def __init__(self, url: str, *, name: str) -> None:
        """`name` is what the broker's own tools show."""
        self._where = _describe_url(url)
        self._url = url + ("&" if "?" in url else "?") + f"heartbeat={HEARTBEAT_SECONDS}"
        self._name = name
        self._lock = asyncio.Lock()
        self._connection: aio_pika.abc.AbstractConnection | None = None
        self._channels: dict[Channel, aio_pika.abc.AbstractChannel] = {}

    @property
    def is_open(self) -> bool:
        """Whether the connection stands, as far as is known here."""
        return self._connection is not None and self._connection.connected.is_set()

    async def open(self) -> aio_pika.abc.AbstractConnection:
        """Return the connection, opening it if there is none. Raises BrokerError."""
        async with self._lock:
            if self._connection is None or not self._connection.connected.is_set():
                await self.close()
                self._connection = await self._connect()
            return self._connection

    async def channel(self) -> Channel:
        """Open a channel with confirms. Raises BrokerError."""
        connection = await self.open()
        channel = connection.channel(on_return_raises=True)
        await answer(channel.initialize(timeout=RPC_SECONDS))
        underlay = await channel.get_underlay_channel()
        assert isinstance(underlay, Channel)
        self._channels[underlay] = channel
        return underlay

    async def close_channel(self, underlay: Channel) -> None:
        """Close a channel; what was delivered on it and not acked goes back to its queue."""
        channel = self._channels.pop(underlay, None)
        if channel is not None:
            await asyncio.gather(asyncio.wait_for(channel.close(), RPC_SECONDS), return_exceptions=True)

    async def wait_until_open(self) -> None:
        """Return when there is a connection, however long that takes; say once why there is none."""
        pause, said = PAUSE_SECONDS, ""
        while not self.is_open:
            try:
                await self.open()
            except BrokerError as error:
                if str(error) != said:
                    said = str(error)
                    log.warning("no connection to the broker", extra={"reason": said})
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(2 * pause, MAX_PAUSE_SECONDS)
        if said:
            log.info("connected to the broker again", extra={"broker": self._where})

    async def close(self) -> None:
        """Close the connection; a later use would open it again."""
        self._channels.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.gather(asyncio.wait_for(connection.close(), RPC_SECONDS), return_exceptions=True)

    async def _connect(self) -> aio_pika.abc.AbstractConnection:
        properties: FieldTable = {"connection_name": self._name, "product": "kuttab"}
        try:
            return await answer(aio_pika.connect(self._url, client_properties=properties, timeout=CONNECT_SECONDS))
        except BrokerError as error:
            raise type(error)(f"{self._where}: {error}") from error


async def answer(work: Awaitable[T]) -> T:
    """Await the broker's answer.

    Losing a connection may end the wait with a cancellation that nobody asked for; gather tells the two apart.
    Raises LinkLostError, or BrokerError where trying again would end the same.
    """
    (result,) = await asyncio.gather(asyncio.wait_for(work, RPC_SECONDS), return_exceptions=True)
    if isinstance(result, BaseException):
        raise broker_error(result) from result
    return result


def broker_error(error: BaseException) -> BrokerError:
    """Return in one line what the broker or the network said. Raises what is neither's, a bug of ours."""
    if isinstance(error, AuthenticationError | ProbableAuthenticationError):
        return BrokerError("the broker refuses this user or password")
    if not isinstance(error, (*CONNECTION_EXCEPTIONS, TimeoutError, asyncio.CancelledError)):
        raise error
    text = " ".join(str(error).split()) or type(error).__name__
    if any(word in text for word in ("ACCESS_REFUSED", "NOT_ALLOWED", "PRECONDITION_FAILED")):
        return BrokerError(text)
    return LinkLostError(text)


def _describe_url(url: str) -> str:
    """Return the URL without its password. Raises BrokerError where it names no broker."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:  # its text, and so its chain, may quote a part of the password
        raise BrokerError("the broker's URL cannot be read: percent-encode the password") from None
    if parts.scheme not in {"amqp", "amqps"} or not parts.hostname:
        raise BrokerError("the broker's URL must be amqp://USER:PASSWORD@HOST:PORT/VHOST")
    user = f"{parts.username}@" if parts.username else ""
    return f"{parts.scheme}://{user}{parts.hostname}{port}{parts.path}"
