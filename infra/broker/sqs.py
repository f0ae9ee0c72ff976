"""SQSBroker: a standard queue and a dead-letter queue for each function, boto3 in threads."""

import asyncio
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Self

from events.envelope import Event
from events.trial import TargetKind, TrialCreated
from functions.catalog import is_selector_queue, launch_queue, queue_of
from infra.broker.port import DELIVERY_LIMIT, Delivery
from infra.broker.sqs_address import SQSAddress, read_sqs_address
from infra.broker.sqs_consumer import SQSConsumer
from infra.broker.sqs_link import SQSLink
from infra.broker.sqs_publisher import Outgoing, SQSPublisher, encode_text, escape, group_of
from infra.broker.sqs_receipts import Receipt, delete, hide, receipts_of
from infra.broker.sqs_topic import copy_to_topic, publish_to_topic
from infra.broker.sqs_topology import require_queues

MAX_DELAY_SECONDS = 900
"""SQS's longest delay. A message that should come later comes then and is postponed again, or reconcile asks anew."""
REASON_ATTRIBUTE = "kuttab-reason"
REASON_BYTES = 4_000
"""Of a dead letter's reason: it counts against the message's size."""
MAX_MESSAGE_BYTES = 1024 * 1024
"""SQS's own ceiling, which foreign messages may reach."""
REDELIVERY_SECONDS = 0.25
"""Half the pause before the third delivery, as on the other brokers; it doubles, in SQS's whole seconds."""


class SQSBroker:
    """The port `Broker`."""

    def __init__(self, address: SQSAddress) -> None:
        """Use `connect` where it shall be found out at once whether the queues are there."""
        self._link = SQSLink(address)
        self._publisher = SQSPublisher(self._link)
        self._consumers: list[SQSConsumer] = []

    @classmethod
    async def connect(cls, url: str, queues: Iterable[str] = ()) -> Self:
        """Read the URL and find these queues of the catalogue, or declare them. Raises BrokerError, one line."""
        broker = cls(read_sqs_address(url))
        try:
            await broker.declare(queues)
        except BaseException:
            await broker.close()
            raise
        return broker

    @property
    def is_healthy(self) -> bool:
        """Whether messages come to every consumer, as far as is known here."""
        return all(it.is_healthy for it in self._consumers)

    async def declare(self, queues: Iterable[str]) -> None:
        """Find these queues; make those that are missing if the URL says so. Raises BrokerError with all of them."""
        await require_queues(self._link, queues)

    async def publish(self, events: Sequence[Event], *, delay_seconds: float = 0.0) -> None:
        """Publish and wait until SQS has taken all; a delay is rounded up. Raises BrokerError."""
        queues = {self._queue_of(event) for event in events}
        await self._send([self._outgoing(event, delay_seconds) for event in events], queues)
        if self._link.address.topic:
            await publish_to_topic(self._link, events)

    async def consume(self, queue: str, *, prefetch: int) -> SQSConsumer:
        """Open a consumer; its `receive` waits over any later outage. Raises BrokerError."""
        await self.declare([queue])
        url = await self._link.url(self._link.address.queue_name(queue))
        consumer = SQSConsumer(self._link, queue, url, prefetch=prefetch)
        self._consumers.append(consumer)
        return consumer

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Delete these; a receipt that has expired is ignored: that message comes again. Raises BrokerError."""
        await self.copy(deliveries)
        receipts = receipts_of(deliveries)
        await delete(self._link, receipts)
        for receipt in receipts:
            receipt.is_settled = True
            if receipt.consumer is not None:
                receipt.consumer.forget([receipt])
        for delivery in deliveries:
            if delivery.on_ack:
                delivery.on_ack()

    async def copy(self, deliveries: Sequence[Delivery]) -> None:
        """Give the topic, if there is one, what clients have published of what was handled. Raises BrokerError."""
        if self._link.address.topic:
            await copy_to_topic(self._link, deliveries)

    async def nack(self, deliveries: Sequence[Delivery]) -> None:
        """Give these back, after a pause from the second time on; at the limit SQS dead-letters them."""
        by_consumer: defaultdict[SQSConsumer, dict[Receipt, int]] = defaultdict(dict)
        for delivery in deliveries:
            for receipt in receipts_of([delivery]):
                if receipt.consumer is not None:
                    by_consumer[receipt.consumer][receipt] = _pause_seconds(delivery.count)
        await asyncio.gather(*(consumer.release(pauses) for consumer, pauses in by_consumer.items()))

    async def release(self, queue: str, handle: str, *, count: int) -> None:
        """Let a message that Lambda's event source holds come again after its pause, and not after its visibility.

        Raises BrokerError.
        """
        url = await self._link.url(self._link.address.queue_name(queue))
        await hide(self._link, {Receipt(url, handle): _pause_seconds(count)})

    async def postpone(self, delivery: Delivery, event: Event, *, delay_seconds: float) -> None:
        """Send the copy with its delay, then ack."""
        await self._send([self._outgoing(event, delay_seconds)], {self._queue_of(event)})
        await self.ack([delivery])

    async def dead_letter(self, delivery: Delivery, reason: str) -> None:
        """Send the body as it came to the queue's dead letters, with the reason as an attribute."""
        name = self._link.address.dead_name(delivery.queue)
        text = escape(delivery.body.decode(errors="replace"))
        letter = Outgoing(name, text, attributes=_reason(reason, len(text.encode())))
        await self._send([letter], {delivery.queue})

    async def close(self) -> None:
        """Close the consumers, which takes as long as a poll waits, then the connections."""
        await asyncio.gather(*(consumer.close() for consumer in self._consumers))
        self._link.close()

    async def _send(self, messages: Sequence[Outgoing], queues: Iterable[str]) -> None:
        made = [queue for queue in queues if self._link.address.can_declare or is_selector_queue(queue)]
        await self.declare(made)  # costs nothing for queues that were found before
        await self._publisher.publish(messages)

    def _queue_of(self, event: Event) -> str:
        """Return the event's queue; where no runner reads those of labels, the one whose reader refuses such Trials."""
        is_launch = isinstance(event, TrialCreated) and event.runner_selector
        if is_launch and not self._link.address.has_runners:
            return launch_queue(TargetKind.PROCESS)
        return queue_of(event)

    def _outgoing(self, event: Event, delay_seconds: float) -> Outgoing:
        delay = min(MAX_DELAY_SECONDS, math.ceil(max(0.0, delay_seconds)))
        name = self._link.address.queue_name(self._queue_of(event))
        return Outgoing(name, encode_text(event), delay, group_of(event))


def _pause_seconds(count: int) -> int:
    """Return how long a message that failed for the nth time waits; the first and the last time not at all."""
    return math.ceil(REDELIVERY_SECONDS * (2**count - 2)) if count < DELIVERY_LIMIT else 0


def _reason(reason: str, body_bytes: int) -> dict[str, str]:
    """Return the attribute, as long as the message's size allows; without room the reason is in the log alone."""
    room = min(REASON_BYTES, MAX_MESSAGE_BYTES - body_bytes - len(REASON_ATTRIBUTE) - len("String"))
    text = escape(reason).encode()[: max(0, room)].decode(errors="ignore")
    return {REASON_ATTRIBUTE: text} if text else {}
