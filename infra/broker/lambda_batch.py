"""LambdaBroker: one batch of Lambda's event source. What is not acked is a partial batch failure."""

from collections.abc import Sequence

from events.envelope import Event
from infra.broker.port import Broker, Delivery


class LambdaBroker:
    """The port `DeliveryBroker` for one invocation; everything that is sent goes through another broker.

    Lambda deletes what is not named as a failure, so an ack is a note, and whatever has none when the time is up
    (failed, unfinished, cancelled) comes again.
    """

    def __init__(self, broker: Broker, deliveries: Sequence[Delivery]) -> None:
        self._broker = broker
        self._open = {delivery.token: delivery for delivery in deliveries}

    @property
    def unacked(self) -> list[Delivery]:
        """What must come again."""
        return list(self._open.values())

    async def publish(self, events: Sequence[Event], *, delay_seconds: float = 0.0) -> None:
        """Publish. Raises BrokerError."""
        await self._broker.publish(events, delay_seconds=delay_seconds)

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Note that these are done."""
        for delivery in deliveries:
            self._open.pop(delivery.token, None)

    async def nack(self, deliveries: Sequence[Delivery]) -> None:
        """Leave these to the event source: they come again when their visibility timeout ends."""

    async def postpone(self, delivery: Delivery, event: Event, *, delay_seconds: float) -> None:
        """Publish the copy, then ack. Raises BrokerError."""
        await self._broker.publish([event], delay_seconds=delay_seconds)
        await self.ack([delivery])

    async def dead_letter(self, delivery: Delivery, reason: str) -> None:
        """Publish the message to its dead-letter queue. Raises BrokerError."""
        await self._broker.dead_letter(delivery, reason)
