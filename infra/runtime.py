"""The promise, kept once for all functions: commit, then publish, then ack; a crash in between is harmless."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from events.envelope import Event, MalformedEventError, decode
from events.reference import ExperimentEvent, TrialEvent
from functions.catalog import Subscription, subscription_of
from functions.errors import Reject, Retry, TransientError
from functions.ports import Ledger
from infra.broker.port import BrokerError, Delivery, DeliveryBroker
from infra.broker.unwrap import unwrap
from infra.wiring import Wiring

log = logging.getLogger("kuttab.runtime")

T = TypeVar("T")

TRANSIENT_TRIES = 5
"""Runs of a group that meets deadlocks or lost connections, before the broker's own redelivery takes over."""
TRANSIENT_PAUSE_SECONDS = 0.05
"""The first pause; it doubles."""


@dataclass(slots=True)
class _Item:
    """One delivery, understood."""

    delivery: Delivery
    event: Event
    subscription: Subscription


class Runtime:
    """Handles batches of deliveries."""

    def __init__(self, wiring: Wiring, broker: DeliveryBroker) -> None:
        self._wiring = wiring
        self._broker = broker

    async def process(self, deliveries: Sequence[Delivery]) -> None:
        """Handle every delivery to its ack, retry, dead letter or nack; never raises for a message's sake."""
        groups: defaultdict[str, list[_Item]] = defaultdict(list)
        singles: list[list[_Item]] = []
        for delivery in deliveries:
            item = await self._understand(delivery)
            if item is None:
                continue
            if item.subscription.is_grouped:
                groups[item.event.partition_key].append(item)
            else:
                singles.append([item])
        await asyncio.gather(*(self._handle(group) for group in [*groups.values(), *singles]))

    async def _understand(self, delivery: Delivery) -> _Item | None:
        subscription = subscription_of(delivery.queue)
        try:
            event = decode(unwrap(delivery.body))
        except MalformedEventError as error:
            await self._confirm(self._dead_letter(delivery, str(error)), [delivery])
            return None
        if subscription is None or event.type not in subscription.event_types:
            reason = f"type: {event.type} does not belong into queue {delivery.queue}"
            await self._confirm(self._dead_letter(delivery, reason), [delivery])
            return None
        return _Item(delivery, event, subscription)

    async def _dead_letter(self, delivery: Delivery, reason: str) -> None:
        log.warning("dead-lettered a message", extra={"queue": delivery.queue, "reason": reason})
        await self._broker.dead_letter(delivery, reason)
        await self._broker.ack([delivery])

    async def _handle(self, group: list[_Item]) -> None:
        """Run a group, and each of its events alone where the group fails: a poison message fails alone."""
        try:
            announced = await run_patiently(lambda: self._run(group))
            await self._confirm(self._finish(group, announced), [item.delivery for item in group])
        except Exception as error:
            if len(group) > 1:
                for item in group:
                    await self._handle([item])
            else:
                await self._confirm(self._fail(group[0], error), [group[0].delivery])

    async def _confirm(self, work: Awaitable[None], deliveries: Sequence[Delivery]) -> None:
        """Await what needs the broker's word; without it nothing is acked, and the deliveries come again."""
        try:
            await work
        except BrokerError as error:
            log.warning("the broker did not confirm", extra={"reason": str(error), "count": len(deliveries)})
            await self._broker.nack(deliveries)

    async def _run(self, group: list[_Item]) -> list[Event]:
        first = group[0]
        if not first.subscription.is_grouped:
            return distinct(await self._wiring.run(first.subscription, first.event))
        announced: list[Event] = []
        async with self._wiring.stores.begin() as store:
            await _lock(group, store)
            for item in group:
                announced += await self._wiring.run(item.subscription, item.event, store)
        return distinct(announced)

    async def _finish(self, group: list[_Item], announced: list[Event]) -> None:
        """Publish what the committed state announces, and only then ack."""
        if announced:
            await self._broker.publish(announced)
        await self._broker.ack([item.delivery for item in group])
        for item in group:
            log.debug("handled an event", extra=_fields(item))

    async def _fail(self, item: _Item, error: Exception) -> None:
        """Do with one message what its error asks for."""
        if isinstance(error, Retry):
            log.info("asked for another delivery", extra={**_fields(item), "reason": str(error)})
            again = item.event.model_copy(update={"redelivery": item.event.redelivery + 1})
            await self._broker.postpone(item.delivery, again, delay_seconds=error.delay_seconds)
        elif isinstance(error, Reject):
            await self._dead_letter(item.delivery, str(error))
        else:
            log.error("failed to handle an event", extra=_fields(item), exc_info=error)
            await self._broker.nack([item.delivery])


async def run_patiently(run: Callable[[], Awaitable[T]]) -> T:
    """Run this again in a new transaction while the store is busy, a bounded number of times. Raises TransientError."""
    for attempt in range(1, TRANSIENT_TRIES):
        try:
            return await run()
        except TransientError as error:
            log.info("the store was busy", extra={"reason": str(error), "attempt": attempt})
            await asyncio.sleep(TRANSIENT_PAUSE_SECONDS * 2**attempt)
    return await run()


async def _lock(group: list[_Item], store: Ledger) -> None:
    """Lock the group's Experiment, then its Trials by number, before the first handler."""
    events = [item.event for item in group]
    refs = [event.experiment for event in events if isinstance(event, ExperimentEvent)]
    numbers = sorted({event.trial.number for event in events if isinstance(event, TrialEvent)})
    experiment = await store.experiment(refs[0], lock=True) if refs else None
    if experiment is not None and len(numbers) > 1:
        await store.lock_trials(experiment.uid, numbers)


def distinct(events: list[Event]) -> list[Event]:
    """Return each announcement once: fifty finishes, one request."""
    return list({(event.partition_key, *event.announcement_key): event for event in reversed(events)}.values())[::-1]


def _fields(item: _Item) -> dict[str, object]:
    """Return what a log line says of an event."""
    event = item.event
    known: dict[str, object] = {"event_id": event.id, "type": event.type, "function": item.subscription.function}
    if isinstance(event, ExperimentEvent):
        known["experiment"] = f"{event.experiment.namespace}/{event.experiment.name}"
    if isinstance(event, TrialEvent):
        known |= {"trial": event.trial.name, "attempt": event.attempt}
    return known
