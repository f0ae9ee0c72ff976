"""LambdaBroker: one batch of Lambda's event source. What is not acked is a partial batch failure."""

import asyncio
import contextlib
from collections.abc import Sequence

from events.envelope import Event
from infra.broker.port import BrokerError, Delivery
from infra.broker.sqs import SQSBroker
from infra.lambda_payload import Record


class LambdaBroker:
    """The port `DeliveryBroker` for one invocation; everything that is sent goes through another broker.

    Lambda deletes what is not named as a failure, so an ack is a note, and whatever has none when the time is up
    (failed, unfinished, cancelled) comes again.
    """

    def __init__(self, broker: SQSBroker, deliveries: Sequence[Delivery]) -> None:
        self._broker = broker
        self._open = {_record(delivery): delivery for delivery in deliveries}
        self._given_back: set[Record] = set()

    @property
    def unacked(self) -> list[str]:
        """The message ids of what must come again."""
        return [record.message_id for record in self._open]

    async def publish(self, events: Sequence[Event], *, delay_seconds: float = 0.0) -> None:
        """Publish. Raises BrokerError."""
        await self._broker.publish(events, delay_seconds=delay_seconds)

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Note that these are done. Raises BrokerError."""
        await self._broker.copy(deliveries)
        for delivery in deliveries:
            self._open.pop(_record(delivery), None)

    async def nack(self, deliveries: Sequence[Delivery]) -> None:
        """Let these come again soon; where SQS cannot be told, when their visibility timeout ends."""
        await asyncio.gather(*(self._give_back(delivery) for delivery in deliveries))

    async def nack_open(self) -> None:
        """Let everything come again soon that nothing has been said about: the time is up."""
        await self.nack([delivery for record, delivery in self._open.items() if record not in self._given_back])

    async def _give_back(self, delivery: Delivery) -> None:
        record = _record(delivery)
        self._given_back.add(record)
        if record.receipt_handle:
            with contextlib.suppress(BrokerError):
                await self._broker.release(delivery.queue, record.receipt_handle, count=delivery.count)

    async def postpone(self, delivery: Delivery, event: Event, *, delay_seconds: float) -> None:
        """Publish the copy, then ack. Raises BrokerError."""
        await self._broker.postpone(delivery, event, delay_seconds=delay_seconds)
        await self.ack([delivery])

    async def dead_letter(self, delivery: Delivery, reason: str) -> None:
        """Publish the message to its dead-letter queue. Raises BrokerError."""
        await self._broker.dead_letter(delivery, reason)


def _record(delivery: Delivery) -> Record:
    assert isinstance(delivery.token, Record), "not a delivery of Lambda's event source"
    return delivery.token
