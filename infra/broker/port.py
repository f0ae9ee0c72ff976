"""The broker port: what the runtime needs of a message broker."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from events.envelope import Event
from functions.errors import KuttabError

DELIVERY_LIMIT = 5
"""Deliveries that end in a crash or a bug before a message is dead-lettered: AWS advises at least five."""


class BrokerError(KuttabError):
    """The broker did not confirm: nothing is acked, so the messages come again; look at the broker."""


@dataclass(slots=True)
class Delivery:
    """One message as a consumer got it."""

    queue: str
    body: bytes
    count: int = 1
    """Which delivery of this message it is, from 1, where the broker counts."""
    token: object = field(default=None, repr=False)
    """The adapter's own handle."""
    on_ack: Callable[[], None] | None = field(default=None, repr=False)
    """What else an ack means, such as deleting the file that the message came in."""


class Consumer(Protocol):
    """A consumer of one queue."""

    async def receive(self, limit: int) -> list[Delivery]:
        """Wait for messages and return at most so many; cancelling loses none."""
        ...

    async def close(self) -> None:
        """Stop consuming; what was received and not acked goes back to the queue."""
        ...


class DeliveryBroker(Protocol):
    """What handling a delivery needs: at least once, unordered, sometimes late."""

    async def publish(self, events: Sequence[Event], *, delay_seconds: float = 0.0) -> None:
        """Publish and wait until the broker has taken all; the delay is a lower bound. Raises BrokerError."""
        ...

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Say that these are done; one that is no longer ours is ignored."""
        ...

    async def nack(self, deliveries: Sequence[Delivery]) -> None:
        """Ask for another delivery; at the delivery limit the message is dead-lettered."""
        ...

    async def postpone(self, delivery: Delivery, event: Event, *, delay_seconds: float) -> None:
        """Publish the event after a delay in place of the delivery, which is acked. Raises BrokerError."""
        ...

    async def dead_letter(self, delivery: Delivery, reason: str) -> None:
        """Publish the message to its dead-letter queue with the reason; the delivery is still to be acked."""
        ...


class Broker(DeliveryBroker, Protocol):
    """A message broker with consumers of its own."""

    async def consume(self, queue: str, *, prefetch: int) -> Consumer:
        """Open a consumer that holds at most so many messages at a time."""
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...
