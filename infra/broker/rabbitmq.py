"""RabbitMQBroker: quorum queues, confirms that are awaited together, consumers that survive the broker's restart."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Self

from pamqp.commands import Basic

from events.envelope import CONTENT_TYPE, Event, encode
from functions.catalog import queue_of
from infra.broker.port import BrokerError, Delivery
from infra.broker.rabbitmq_consumer import Handle, RabbitMQConsumer
from infra.broker.rabbitmq_link import Link
from infra.broker.rabbitmq_publisher import Outgoing, Publisher
from infra.broker.rabbitmq_stream import Stream
from infra.broker.topology import (
    DEAD,
    DELAY_HEADER,
    EVENTS,
    REASON_HEADER,
    RETRY,
    Queue,
    catalogue_queues,
    dead_key,
    name_of,
    queues_of,
    retry_queue,
    routing_key,
)

REASON_LENGTH = 4_000
"""Characters of a dead letter's reason: a message's headers must fit into one frame."""
_PERSISTENT = 2


class RabbitMQBroker:
    """The port `Broker`.

    Publishing and consuming have a connection each: a broker that is short of memory stops reading from publishers,
    and acks must still reach it.
    """

    def __init__(self, url: str) -> None:
        """Use `connect`, which also finds out whether the broker is there."""
        self._publishing = Link(url, name="kuttab publisher")
        self._consuming = Link(url, name="kuttab consumer")
        self._publisher = Publisher(self._publishing)
        self._consumers: list[RabbitMQConsumer] = []

    @classmethod
    async def connect(cls, url: str) -> Self:
        """Connect to `amqp://user:password@host:port/vhost`. Raises BrokerError, one line without the password."""
        broker = cls(url)
        await broker._publishing.open()
        return broker

    @property
    def is_healthy(self) -> bool:
        """Whether messages can be published and come to every consumer, as far as is known here."""
        return self._publishing.is_open and all(it.is_healthy for it in self._consumers)

    async def declare(self, queues: Iterable[str] = ()) -> None:
        """Declare these queues of the catalogue, or all; what is missing is declared anyway when it is first needed."""
        await self._publisher.declare(_queues(queues or catalogue_queues()))

    async def publish(self, events: Sequence[Event], *, delay_seconds: float = 0.0) -> None:
        """Publish and wait until the broker has taken all; a delay is rounded up. Raises BrokerError."""
        if delay_seconds > 0:
            await self._publisher.publish([_delayed(event, delay_seconds) for event in events])
        else:
            await self._publisher.publish([_direct(event) for event in events])

    async def consume(self, queue: str, *, prefetch: int) -> RabbitMQConsumer:
        """Open a consumer; its `receive` waits over any later outage. Raises BrokerError."""
        # Anew, since the broker may have deleted what nobody has read for long.
        prepare = partial(self._publisher.declare, _queues([queue]), is_anew=True)
        consumer = RabbitMQConsumer(self._consuming, queue, prefetch=prefetch, prepare=prepare)
        await consumer.open()
        self._consumers.append(consumer)
        return consumer

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Say that these are done; of a channel that has gone it means nothing, and they come again."""
        for stream, tags in (await _settled(deliveries)).items():
            await stream.ack(tags)
        for delivery in deliveries:
            if delivery.on_ack:
                delivery.on_ack()

    async def nack(self, deliveries: Sequence[Delivery]) -> None:
        """Give these back, after a pause from the second time on; at the limit the broker dead-letters them."""
        for delivery in deliveries:
            if isinstance(delivery.token, Handle):
                await delivery.token.consumer.nack(delivery.token, count=delivery.count)

    async def postpone(self, delivery: Delivery, event: Event, *, delay_seconds: float) -> None:
        """Publish the copy through a retry queue, then ack."""
        await self.publish([event], delay_seconds=delay_seconds)
        await self.ack([delivery])

    async def dead_letter(self, delivery: Delivery, reason: str) -> None:
        """Publish the body as it came to the queue's dead letters, with the reason in a header."""
        properties = Basic.Properties(delivery_mode=_PERSISTENT, headers={REASON_HEADER: reason[:REASON_LENGTH]})
        queues = _queues([delivery.queue])
        await self._publisher.publish([Outgoing(queues, DEAD, dead_key(delivery.queue), delivery.body, properties)])

    async def close(self) -> None:
        """Close the consumers, then the connections."""
        await asyncio.gather(*(consumer.close() for consumer in self._consumers))
        await asyncio.gather(self._publishing.close(), self._consuming.close())


def _queues(names: Iterable[str]) -> tuple[Queue, ...]:
    try:
        return tuple(queue for name in names for queue in queues_of(name))
    except KeyError as error:
        raise BrokerError(f"{error.args[0]}: no such queue in the catalogue") from error


def _direct(event: Event) -> Outgoing:
    return Outgoing(queues_of(queue_of(event)), EVENTS, routing_key(event), encode(event), _properties(event))


def _delayed(event: Event, delay_seconds: float) -> Outgoing:
    """Address the retry queue; from there the message goes by its routing key straight into its own queue."""
    seconds, retry = retry_queue(delay_seconds)
    queue = queue_of(event)
    properties = _properties(event, {DELAY_HEADER: seconds})
    return Outgoing((retry, *queues_of(queue)), RETRY, name_of(queue), encode(event), properties)


def _properties(event: Event, headers: Mapping[str, int] | None = None) -> Basic.Properties:
    """Return what AMQP tools show; the CloudEvent itself is the body."""
    return Basic.Properties(
        content_type=CONTENT_TYPE,
        delivery_mode=_PERSISTENT,
        message_id=event.id,
        message_type=event.type,
        correlation_id=event.partition_key,
        headers=dict(headers) if headers else None,
    )


async def _settled(deliveries: Sequence[Delivery]) -> dict[Stream, set[int]]:
    """Return the delivery tags by the channel that they came on, when their consumers are ready for the room."""
    tags: defaultdict[Stream, set[int]] = defaultdict(set)
    for delivery in deliveries:
        if isinstance(delivery.token, Handle):
            tags[delivery.token.stream].add(delivery.token.tag)
            await delivery.token.consumer.settle(delivery.token.stream)
    return tags
