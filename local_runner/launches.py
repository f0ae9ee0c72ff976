"""Launches of process Workers: taken only when a slot is free, from every queue whose selector this host satisfies."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field

from events.envelope import MalformedEventError, decode
from events.trial import TrialCreated
from functions.catalog import selector_queues
from functions.ports import Stores
from infra.broker.port import Broker, BrokerError, Delivery
from infra.broker.unwrap import unwrap
from infra.runtime import Runtime
from local_runner.consumers import Stopping, cancel, open_consumer
from local_runner.supervisor import Supervisor

log = logging.getLogger("kuttab.launches")


@dataclass(slots=True)
class Launches:
    """The launch queues of one host."""

    runtime: Runtime
    broker: Broker
    supervisor: Supervisor
    stopping: Stopping
    by_selector: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    """The queues of selectors that are read."""
    _wishes: dict[str, Stopping] = field(default_factory=dict)
    """For each of them the wish that it be read no more."""

    async def follow_selectors(self, stores: Stores) -> None:
        """Read the queues of selectors that somebody uses and this host satisfies; those that are forgotten no more."""
        mine = selector_queues(self.supervisor.host.labels)
        if not mine or self.stopping.is_set:
            return
        async with stores.begin() as store:
            noted = await store.noted_launch_queues(mine)
        self.by_selector = {queue: task for queue, task in self.by_selector.items() if not task.done()}
        for queue in sorted(noted - set(self.by_selector)):
            log.info("reads the queue of a selector", extra={"queue": queue})
            wish = self._wishes[queue] = Stopping()
            self.by_selector[queue] = asyncio.create_task(self._consume_again(queue, wish))
        for queue in set(self.by_selector) - noted:
            self._wishes[queue].set()

    async def stop(self, *, seconds: float) -> None:
        """Wait for what the queues of selectors have in hand, then end the rest."""
        for wish in self._wishes.values():
            wish.set()
        tasks = list(self.by_selector.values())
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        await cancel(*tasks)

    async def _consume_again(self, queue: str, wish: Stopping) -> None:
        """Consume; where the broker cannot be asked the next look at the selectors begins anew."""
        try:
            await self.consume(queue, wish)
        except* BrokerError as errors:
            log.warning("cannot consume", extra={"queue": queue, "reason": str(errors.exceptions[0])})

    async def consume(self, queue: str, wish: Stopping | None = None) -> None:
        """Take a delivery when a slot is free and ack it after the launch; give it back if another queue was faster.

        Ends with this wish, or that of all.
        """
        stopping = wish or self.stopping
        async with open_consumer(self.broker, queue, 1) as consumer, asyncio.TaskGroup() as tasks:
            while True:
                await self._wait_for_slot(stopping)
                deliveries = await stopping.receive(consumer, 1)
                if not deliveries:
                    return
                event = _event(deliveries[0])
                if event is not None and not self.supervisor.free_slots:
                    await self._give_back(deliveries[0], event)
                    continue
                keys = {(event.trial.uid, event.attempt)} if event else set()
                self.supervisor.launching |= keys
                tasks.create_task(self._launch(deliveries, keys))

    async def _wait_for_slot(self, stopping: Stopping) -> None:
        slot = asyncio.ensure_future(self.supervisor.wait_for_slot())
        wish = asyncio.ensure_future(stopping.wait())
        await asyncio.wait((slot, wish), return_when=asyncio.FIRST_COMPLETED)
        await cancel(slot, wish)

    async def _give_back(self, delivery: Delivery, event: TrialCreated) -> None:
        """Put a fresh copy in its place: giving it back as it is would count as a delivery that failed."""
        try:
            await self.broker.postpone(delivery, event, delay_seconds=0.0)
        except BrokerError:
            await self.broker.nack([delivery])

    async def _launch(self, deliveries: list[Delivery], keys: set[tuple[str, int]]) -> None:
        try:
            await self.runtime.process(deliveries)
        finally:
            self.supervisor.note_launched(keys)


def _event(delivery: Delivery) -> TrialCreated | None:
    """Return the launch; a message that is none is the runtime's to judge."""
    with contextlib.suppress(MalformedEventError):
        event = decode(unwrap(delivery.body))
        return event if isinstance(event, TrialCreated) else None
    return None
