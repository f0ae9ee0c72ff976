"""One channel's life as a consumer: a delivery can be acked on the channel that it came on, and nowhere else."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq import Channel
from aiormq.abc import DeliveredMessage

from infra.broker.port import BrokerError
from infra.broker.rabbitmq_link import RPC_SECONDS, answer

COUNT_HEADER = "x-delivery-count"
"""Where a quorum queue says how many deliveries of a message came before this one."""


@dataclass(eq=False, slots=True)
class Stream:
    """What one channel has delivered and is still owed an answer for."""

    channel: Channel
    queue: str
    on_message: Callable[["Stream", DeliveredMessage], None]
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when nothing more will come on it and its acks mean nothing."""
    _unacked: dict[int, DeliveredMessage] = field(default_factory=dict)
    """By delivery tag, in their order."""
    _tag: str | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def open(self, prefetch: int) -> None:
        """Make ready to consume at most so many messages at a time. Raises BrokerError."""
        self.channel.closing.add_done_callback(lambda _: self.lost.set())
        self.channel.on_consumer_cancel_callbacks.add(lambda _: self.lost.set())
        await answer(self.channel.basic_qos(prefetch_count=prefetch))

    async def resume(self) -> None:
        """Consume, unless it does already. Raises BrokerError."""
        async with self._turn:
            if self._tag is None and not self.lost.is_set():
                self._tag = (await answer(self.channel.basic_consume(self.queue, self._note))).consumer_tag

    async def pause(self) -> None:
        """Let the broker give messages to others; what is held stays held."""
        async with self._turn:
            if self._tag is not None and not self.lost.is_set():
                tag, self._tag = self._tag, None
                await answer(self.channel.basic_cancel(tag))

    async def check(self) -> None:
        """Note when the broker does not answer, or knows no consumer of the queue: ours is silently gone."""
        try:
            async with self._turn:
                found = await answer(self.channel.queue_declare(self.queue, passive=True))
            is_gone = self._tag is not None and not found.consumer_count
        except BrokerError:
            is_gone = True
        if is_gone:
            self.lost.set()

    async def ack(self, tags: Collection[int]) -> None:
        """Ack these: the oldest of all in one frame as far as they go without a gap, the others one by one."""
        if self.lost.is_set():
            return
        mine = [tag for tag in self._unacked if tag in tags]
        prefix = 0
        for tag in self._unacked:
            if tag not in tags:
                break
            prefix += 1
        for tag in mine:
            del self._unacked[tag]
        async with self._writing():
            if prefix > 1:
                await self.channel.basic_ack(mine[prefix - 1], multiple=True, wait=False)
                mine = mine[prefix:]
            for tag in mine:
                await self.channel.basic_ack(tag, wait=False)

    async def nack(self, tag: int) -> None:
        """Give this one back."""
        if tag in self._unacked and not self.lost.is_set():
            del self._unacked[tag]
            async with self._writing():
                await self.channel.basic_nack(tag, requeue=True, wait=False)

    async def give_back(self) -> None:
        """Put what is held back as fresh messages, then ack it: a requeue would count as a failed delivery.

        Raises BrokerError; what was not given back by then is requeued when the channel closes.
        """
        await self.pause()
        held = dict(self._unacked)
        if held and not self.lost.is_set():
            await answer(asyncio.gather(*(self._publish_again(message) for message in held.values())))
            await self.ack(held.keys())

    async def _publish_again(self, message: DeliveredMessage) -> None:
        properties = message.header.properties
        properties.headers = {name: it for name, it in (properties.headers or {}).items() if name != COUNT_HEADER}
        await self.channel.basic_publish(
            message.body, routing_key=self.queue, properties=properties, mandatory=True, wait=False
        )

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[None]:
        """Write answers; on a channel that has gone they have no meaning, and the messages come again."""
        try:
            async with asyncio.timeout(RPC_SECONDS):
                yield
        except (*CONNECTION_EXCEPTIONS, TimeoutError):
            self.lost.set()

    async def _note(self, message: DeliveredMessage) -> None:
        tag = message.delivery_tag
        if tag is not None and not self.lost.is_set():
            self._unacked[tag] = message
            self.on_message(self, message)
