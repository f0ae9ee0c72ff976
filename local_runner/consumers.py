"""Consumers: loops that take batches from queues and hand them to the runtime, until they are told to stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from functions.catalog import Subscription
from infra.broker.port import Broker, Consumer, Delivery
from infra.runtime import Runtime
from infra.settings import Settings


class Stopping:
    """A wish to stop: nothing new is taken, what is in hand is finished."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Wish."""
        self._event.set()

    @property
    def is_set(self) -> bool:
        """Whether it is wished."""
        return self._event.is_set()

    async def wait(self) -> None:
        """Return when it is wished."""
        await self._event.wait()

    async def receive(self, consumer: Consumer, limit: int) -> list[Delivery]:
        """Return the next deliveries, or none when it is time to stop."""
        receiving = asyncio.ensure_future(consumer.receive(limit))
        wish = asyncio.ensure_future(self._event.wait())
        try:
            await asyncio.wait((receiving, wish), return_when=asyncio.FIRST_COMPLETED)
            if receiving.done() and not self._event.is_set():
                return receiving.result()
            return []
        finally:
            await cancel(receiving, wish)


async def cancel(*futures: "asyncio.Future[Any]") -> None:
    """Cancel these and wait until they are."""
    for future in futures:
        future.cancel()
    await asyncio.gather(*futures, return_exceptions=True)


@asynccontextmanager
async def open_consumer(broker: Broker, queue: str, prefetch: int) -> AsyncIterator[Consumer]:
    """Open a consumer; what it holds when it closes goes back to the queue."""
    consumer = await broker.consume(queue, prefetch=prefetch)
    try:
        yield consumer
    finally:
        await consumer.close()


async def consume(
    subscription: Subscription, runtime: Runtime, broker: Broker, settings: Settings, stopping: Stopping
) -> None:
    """Handle a queue: batches one after another, or events with outside steps side by side."""
    limit = settings.batch_count if subscription.is_grouped else settings.concurrency
    async with open_consumer(broker, subscription.queue, 2 * limit) as consumer, asyncio.TaskGroup() as tasks:
        room = asyncio.Semaphore(1 if subscription.is_grouped else limit)
        while True:
            await room.acquire()
            deliveries = await stopping.receive(consumer, limit if subscription.is_grouped else 1)
            if not deliveries:
                return
            tasks.create_task(runtime.process(deliveries)).add_done_callback(lambda _: room.release())
