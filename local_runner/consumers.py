"""Consumers: loops that take batches from queues and hand them to the runtime."""

import asyncio
import contextlib
from collections.abc import Sequence

from events.envelope import MalformedEventError, decode
from events.trial import TrialCreated
from functions.catalog import Subscription
from infra.broker.port import Broker, Delivery
from infra.broker.unwrap import unwrap
from infra.runtime import Runtime
from infra.settings import Settings
from local_runner.supervisor import Supervisor


async def consume(subscription: Subscription, runtime: Runtime, broker: Broker, settings: Settings) -> None:
    """Handle a queue until cancelled: batches one after another, or events side by side."""
    limit = settings.batch_count if subscription.is_grouped else settings.concurrency
    consumer = await broker.consume(subscription.queue, prefetch=2 * limit)
    try:
        if subscription.is_grouped:
            while True:
                await runtime.process(await consumer.receive(limit))
        async with asyncio.TaskGroup() as tasks:
            room = asyncio.Semaphore(limit)
            while True:
                await room.acquire()
                for delivery in await consumer.receive(1):
                    task = tasks.create_task(runtime.process([delivery]))
                    task.add_done_callback(lambda _: room.release())
    finally:
        await consumer.close()


async def consume_launches(queue: str, runtime: Runtime, broker: Broker, supervisor: Supervisor) -> None:
    """Take a delivery only when a slot is free; ack it after the launch."""
    consumer = await broker.consume(queue, prefetch=1)
    try:
        async with asyncio.TaskGroup() as tasks:
            while True:
                await supervisor.wait_for_slot()
                for delivery in await consumer.receive(1):
                    keys = _keys([delivery])
                    supervisor.launching |= keys
                    tasks.create_task(_launch(delivery, keys, runtime, supervisor))
    finally:
        await consumer.close()


async def _launch(delivery: Delivery, keys: set[tuple[str, int]], runtime: Runtime, supervisor: Supervisor) -> None:
    try:
        await runtime.process([delivery])
    finally:
        supervisor.note_launched(keys)


def _keys(deliveries: Sequence[Delivery]) -> set[tuple[str, int]]:
    """Return (trial uid, attempt) of the launches; a message that is none is the runtime's to judge."""
    keys = set()
    for delivery in deliveries:
        with contextlib.suppress(MalformedEventError):
            event = decode(unwrap(delivery.body))
            if isinstance(event, TrialCreated):
                keys.add((event.trial.uid, event.attempt))
    return keys
