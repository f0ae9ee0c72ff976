"""SQLCommands: a client's event is handled in its own transaction, and what it announces goes to the broker."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from events.client.errors import PublishError
from events.envelope import Event
from events.reference import ExperimentRef
from functions.catalog import BY_QUEUE, queue_of
from functions.errors import TransientError
from infra.broker.port import BrokerError
from infra.runtime import distinct, run_patiently
from infra.wiring import Wiring

log = logging.getLogger("kuttab.face")

Publish = Callable[[Sequence[Event]], Awaitable[None]]


class SQLCommands:
    """The port `Commands`."""

    def __init__(self, wiring: Wiring, publish: Publish) -> None:
        self._wiring = wiring
        self._publish = publish

    async def apply(self, event: Event) -> None:
        """Handle the event and publish what follows; see the port."""
        announced = await run_patiently(lambda: self._handle(event))
        if announced:
            await self._announce(announced)

    async def _handle(self, event: Event) -> list[Event]:
        async with self._wiring.stores.begin() as store:
            return distinct(await self._wiring.run(BY_QUEUE[queue_of(event)], event, store))

    async def _announce(self, events: Sequence[Event]) -> None:
        """Publish; what cannot be published now reconcile finds in the state that is committed already."""
        try:
            await self._publish(events)
        except (BrokerError, PublishError) as error:
            log.warning("could not publish: reconcile will", extra={"reason": str(error), "count": len(events)})

    async def describe(self, ref: ExperimentRef, labels: Mapping[str, str], annotations: Mapping[str, str]) -> None:
        """Give the Experiment these labels and annotations; see the port."""
        await run_patiently(lambda: self._describe(ref, dict(labels), dict(annotations)))

    async def _describe(self, ref: ExperimentRef, labels: dict[str, str], annotations: dict[str, str]) -> None:
        async with self._wiring.stores.begin() as store:
            experiment = await store.experiment(ref, lock=True)
            if experiment is not None:
                experiment.labels, experiment.annotations = labels, annotations
                experiment.edited_version = experiment.version + 1

    async def publish(self, event: Event) -> None:
        """Publish the event; see the port."""
        try:
            await self._publish([event])
        except (BrokerError, PublishError) as error:
            raise TransientError(str(error)) from error
