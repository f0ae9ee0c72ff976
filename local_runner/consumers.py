"""Consumers: loops that take batches from queues and hand them to the runtime, until they are told to stop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from events.envelope import MalformedEventError, decode
from events.trial import TrialCreated
from functions.catalog import Subscription
from infra.broker.port import Broker, Consumer, Delivery
from infra.broker.unwrap import unwrap
from infra.runtime import Runtime
from infra.settings import Settings
from local_runner.supervisor import Supervisor


class Stopping:
    """A wish to stop: nothing new is taken, what is in hand is finished."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Wish."""
        self._event.set()

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
            await _cancel(receiving, wish)


async def _cancel(*futures: "asyncio.Future[Any]") -> None:
    for future in futures:
        future.cancel()
    await asyncio.gather(*futures, return_exceptions=True)


@asynccontextmanager
async def _consumer(broker: Broker, queue: str, prefetch: int) -> AsyncIterator[Consumer]:
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
    async with _consumer(broker, subscription.queue, 2 * limit) as consumer, asyncio.TaskGroup() as tasks:
        room = asyncio.Semaphore(1 if subscription.is_grouped else limit)
        while True:
            await room.acquire()
            deliveries = await stopping.receive(consumer, limit if subscription.is_grouped else 1)
            if not deliveries:
                return
            tasks.create_task(runtime.process(deliveries)).add_done_callback(lambda _: room.release())


async def consume_launches(
    queue: str, runtime: Runtime, broker: Broker, supervisor: Supervisor, stopping: Stopping
) -> None:
    """Take a delivery only when a slot is free; ack it after the launch."""
    async with _consumer(broker, queue, 1) as consumer, asyncio.TaskGroup() as tasks:
        while True:
            slot = asyncio.ensure_future(supervisor.wait_for_slot())
            wish = asyncio.ensure_future(stopping.wait())
            await asyncio.wait((slot, wish), return_when=asyncio.FIRST_COMPLETED)
            await _cancel(slot, wish)
            deliveries = await stopping.receive(consumer, 1)
            if not deliveries:
                return
            keys = _keys(deliveries)
            supervisor.launching |= keys
            tasks.create_task(_launch(deliveries, keys, runtime, supervisor))


async def _launch(
    deliveries: list[Delivery], keys: set[tuple[str, int]], runtime: Runtime, supervisor: Supervisor
) -> None:
    try:
        await runtime.process(deliveries)
    finally:
        supervisor.note_launched(keys)


def _keys(deliveries: list[Delivery]) -> set[tuple[str, int]]:
    """Return (trial uid, attempt) of the launches; a message that is none is the runtime's to judge."""
    keys = set()
    for delivery in deliveries:
        with contextlib.suppress(MalformedEventError):
            event = decode(unwrap(delivery.body))
            if isinstance(event, TrialCreated):
                keys.add((event.trial.uid, event.attempt))
    return keys
