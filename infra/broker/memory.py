"""MemoryBroker: queues in this process, for the embedded runner and the tests."""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from events.envelope import Event, encode
from functions.catalog import queue_of
from infra.broker.port import DELIVERY_LIMIT, Delivery

log = logging.getLogger("kuttab.broker")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be handled, and why."""

    queue: str
    body: bytes
    reason: str


REDELIVERY_SECONDS = 0.25
"""The first redelivery comes at once, the next ones after pauses that double: half a second, one and a half, …"""
DEAD_LETTER_COUNT = 1_000
"""Dead letters kept; the oldest go first. They are for people, nothing needs them for progress."""


class MemoryBroker:
    """The port `Broker`. Messages are bytes here too, so that nothing works only in one process."""

    def __init__(
        self,
        *,
        on_publish: Callable[[Event], None] | None = None,
        on_dead_letter: Callable[[DeadLetter], None] | None = None,
    ) -> None:
        """`on_publish` hears every event that is published here, `on_dead_letter` what could not be handled."""
        self._on_publish = on_publish
        self._on_dead_letter = on_dead_letter
        self.dead_letters: deque[DeadLetter] = deque(maxlen=DEAD_LETTER_COUNT)
        self._queues: defaultdict[str, deque[Delivery]] = defaultdict(deque)
        self._arrivals: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._timers: set[asyncio.TimerHandle] = set()

    async def publish(self, events: Sequence[Event], *, delay_seconds: float = 0.0) -> None:
        """Put each event into its queue, at once or after the delay."""
        for event in events:
            if self._on_publish:
                self._on_publish(event)
            self._put_later(Delivery(queue_of(event), encode(event)), delay_seconds)

    async def put_body(self, queue: str, body: bytes) -> None:
        """Put raw bytes into a queue, as any client could."""
        self.put(Delivery(queue, body))

    def put(self, delivery: Delivery) -> None:
        """Append to the delivery's queue and wake its consumers."""
        self._queues[delivery.queue].append(delivery)
        self._arrivals[delivery.queue].set()

    def _put_later(self, delivery: Delivery, delay_seconds: float) -> None:
        if delay_seconds <= 0:
            self.put(delivery)
            return

        def arrive() -> None:
            self._timers.discard(handle)
            self.put(delivery)

        handle = asyncio.get_running_loop().call_later(delay_seconds, arrive)
        self._timers.add(handle)

    async def consume(self, queue: str, *, prefetch: int) -> "MemoryConsumer":
        """Open a consumer."""
        return MemoryConsumer(self, queue, prefetch)

    async def wait(self, queue: str, has_room: Callable[[], bool]) -> None:
        """Return when the queue holds something and the consumer may take it."""
        while not (self._queues[queue] and has_room()):
            self._arrivals[queue].clear()
            await self._arrivals[queue].wait()

    def take(self, queue: str, limit: int) -> list[Delivery]:
        """Remove and return at most so many messages, oldest first."""
        waiting = self._queues[queue]
        return [waiting.popleft() for _ in range(min(limit, len(waiting)))]

    def depth(self, queue: str) -> int:
        """Count the messages that wait in a queue."""
        return len(self._queues[queue])

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Forget these."""
        for delivery in deliveries:
            delivery.token = "acked"  # noqa: S105 - a handle, no secret
            self._arrivals[delivery.queue].set()
            if delivery.on_ack:
                delivery.on_ack()

    async def nack(self, deliveries: Sequence[Delivery]) -> None:
        """Put these back at the end, or into the dead letters at the limit."""
        for delivery in deliveries:
            if delivery.count >= DELIVERY_LIMIT:
                await self.dead_letter(delivery, f"delivered {delivery.count} times without success")
                await self.ack([delivery])
                continue
            delivery.token = "nacked"  # noqa: S105 - a handle, no secret
            again = Delivery(delivery.queue, delivery.body, delivery.count + 1, on_ack=delivery.on_ack)
            self._put_later(again, REDELIVERY_SECONDS * (2**delivery.count - 2))

    async def postpone(self, delivery: Delivery, event: Event, *, delay_seconds: float) -> None:
        """Put the event in later; what the delivery's ack means passes to it, since this memory may be lost."""
        self._put_later(Delivery(queue_of(event), encode(event), on_ack=delivery.on_ack), delay_seconds)
        delivery.on_ack = None
        await self.ack([delivery])

    async def dead_letter(self, delivery: Delivery, reason: str) -> None:
        """Keep the message with the reason."""
        letter = DeadLetter(delivery.queue, delivery.body, reason)
        self.dead_letters.append(letter)
        try:
            if self._on_dead_letter:
                self._on_dead_letter(letter)
        except OSError as error:
            about = {"queue": letter.queue, "reason": reason, "error": str(error)}
            log.warning("could not keep a dead letter", extra=about)

    async def close(self) -> None:
        """Forget delayed messages: what they ask for is found again by reconcile."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()


class MemoryConsumer:
    """The port `Consumer`."""

    def __init__(self, broker: MemoryBroker, queue: str, prefetch: int) -> None:
        self._broker = broker
        self._queue = queue
        self._prefetch = prefetch
        self._held: list[Delivery] = []

    async def receive(self, limit: int) -> list[Delivery]:
        """Wait for messages, and for room within the prefetch."""
        await self._broker.wait(self._queue, lambda: self._room() > 0)
        taken = self._broker.take(self._queue, min(limit, self._room()))
        self._held += taken
        return taken

    def _room(self) -> int:
        """Return how many messages may be held besides those that are."""
        self._held = [delivery for delivery in self._held if delivery.token is None]
        return self._prefetch - len(self._held)

    async def close(self) -> None:
        """Give back what was not acked."""
        for delivery in self._held:
            if delivery.token is None:
                self._broker.put(Delivery(delivery.queue, delivery.body, delivery.count, on_ack=delivery.on_ack))
        self._held = []
