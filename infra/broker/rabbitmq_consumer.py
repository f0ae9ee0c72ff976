"""RabbitMQConsumer: a subscription that outlives connections, channels and brokers."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass

from aiormq.abc import DeliveredMessage

from infra.broker.port import DELIVERY_LIMIT, BrokerError, Delivery
from infra.broker.rabbitmq_link import Link
from infra.broker.rabbitmq_stream import COUNT_HEADER, Stream
from infra.broker.topology import name_of

log = logging.getLogger("kuttab.rabbitmq")

WATCH_SECONDS = 15.0
"""Between two questions to the broker whether it still knows its consumer."""
REDELIVERY_SECONDS = 0.25
"""Half the pause before the third delivery, as in memory; it doubles: a short fault does not use up the limit."""
RESUBSCRIBE_SECONDS = 1.0
"""Before a subscription that the broker refused is tried again."""
LINGER_SECONDS = 0.002
"""A burst arrives frame by frame: without this pause its first message would be a batch of its own."""
LINGER_COUNT = 8
"""Such pauses at most, as long as each brings more: a batch's transaction costs more than it waits."""


@dataclass(frozen=True, slots=True)
class Handle:
    """What a delivery is acked by."""

    consumer: "RabbitMQConsumer"
    stream: Stream
    tag: int


class RabbitMQConsumer:
    """The port `Consumer`.

    With a prefetch of one it takes a message only while somebody waits for it: a host without a free slot holds
    nothing that another could start, and no delivery outlives the broker's ack timeout.
    """

    def __init__(self, link: Link, queue: str, *, prefetch: int, prepare: Callable[[], Awaitable[None]]) -> None:
        """`prepare` declares the queue."""
        self._link = link
        self._prepare = prepare
        self._queue = queue
        self._prefetch = prefetch
        self._is_on_demand = prefetch == 1
        self._is_closed = False
        self._buffer: deque[Delivery] = deque()
        self._arrived = asyncio.Event()
        self._waiting = 0
        self._stream: Stream | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_healthy(self) -> bool:
        """Whether messages come, as far as is known here, or nobody wants them any more."""
        return self._is_closed or (self._stream is not None and not self._stream.lost.is_set())

    async def open(self) -> None:
        """Subscribe, and stay subscribed until closed. Raises BrokerError if that fails the first time."""
        await self._subscribe()
        self._start(self._stay_subscribed())

    async def receive(self, limit: int) -> list[Delivery]:
        """Wait for messages, over any outage. Nothing is taken before the last await: cancelling loses none."""
        self._waiting += 1
        try:
            self._resume()
            while not self._buffer:
                self._arrived.clear()
                await self._arrived.wait()
                await self._linger(limit)
        finally:
            self._waiting -= 1
        return [self._buffer.popleft() for _ in range(min(limit, len(self._buffer)))]

    async def _linger(self, limit: int) -> None:
        """Let the batch grow while messages arrive; a consumer that wants one has it already."""
        for _ in range(LINGER_COUNT):
            count = len(self._buffer)
            if count < limit:
                await asyncio.sleep(LINGER_SECONDS)
            if not count < len(self._buffer) < limit:
                return

    async def settle(self, stream: Stream) -> None:
        """Before an ack makes room: take no further message unless somebody waits for one."""
        if self._is_on_demand and not self._waiting:
            with contextlib.suppress(BrokerError):
                await stream.pause()

    async def nack(self, handle: Handle, *, count: int) -> None:
        """Give a delivery back, the first time and the last time at once, else after a pause that doubles."""
        await self.settle(handle.stream)
        pause = REDELIVERY_SECONDS * (2**count - 2)
        if pause and count < DELIVERY_LIMIT:
            self._start(self._nack_later(handle, pause))
        else:
            await handle.stream.nack(handle.tag)

    @staticmethod
    async def _nack_later(handle: Handle, pause_seconds: float) -> None:
        await asyncio.sleep(pause_seconds)
        await handle.stream.nack(handle.tag)

    async def close(self) -> None:
        """Stop; what was received and not acked goes back to the queue."""
        self._is_closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._stream is not None:
            with contextlib.suppress(BrokerError):
                await self._stream.give_back()
        await self._drop()

    def _resume(self) -> None:
        """Ask for messages again after a pause; in a task, because a cancelled request would close the channel."""
        if self._is_on_demand and self._stream is not None:
            self._start(self._resume_stream(self._stream))

    @staticmethod
    async def _resume_stream(stream: Stream) -> None:
        try:
            await stream.resume()
        except BrokerError:
            stream.lost.set()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _stay_subscribed(self) -> None:
        """Watch the stream, and subscribe anew whenever it is lost."""
        while True:
            await self._watch()
            await self._drop()
            await self._link.wait_until_open()
            try:
                await self._subscribe()
            except BrokerError as error:
                log.warning("cannot consume", extra={"queue": self._queue, "reason": str(error)})
                await asyncio.sleep(RESUBSCRIBE_SECONDS)

    async def _watch(self) -> None:
        """Return when the stream is lost; a stream that is silent is asked for."""
        while self._stream is not None and not self._stream.lost.is_set():
            try:
                async with asyncio.timeout(WATCH_SECONDS):
                    await self._stream.lost.wait()
            except TimeoutError:
                await self._stream.check()

    async def _subscribe(self) -> None:
        await self._prepare()
        stream = Stream(await self._link.channel(), name_of(self._queue), self._take)
        self._stream = stream
        await stream.open(self._prefetch)
        if not self._is_on_demand or self._waiting:
            await stream.resume()

    async def _drop(self) -> None:
        """Forget the stream and what came on it: the broker delivers it again."""
        stream, self._stream = self._stream, None
        self._buffer.clear()
        if stream is not None:
            stream.lost.set()
            await self._link.close_channel(stream.channel)

    def _take(self, stream: Stream, message: DeliveredMessage) -> None:
        count = (message.header.properties.headers or {}).get(COUNT_HEADER, 0)
        handle = Handle(self, stream, message.delivery_tag or 0)
        self._buffer.append(Delivery(self._queue, message.body, _as_count(count) + 1, handle))
        self._arrived.set()


def _as_count(value: object) -> int:
    return value if isinstance(value, int) else 0
