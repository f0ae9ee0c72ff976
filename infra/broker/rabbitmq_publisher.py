"""Declare and publish on RabbitMQ: every message mandatory, confirms awaited together, bounded tries."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from aio_pika.exceptions import DeliveryError, PublishError
from aiormq import Channel
from pamqp.commands import Basic

from infra.broker.port import BrokerError
from infra.broker.rabbitmq_link import RPC_SECONDS, Link, LinkLostError, answer, broker_error
from infra.broker.topology import EXCHANGES, Queue

PAUSES_SECONDS = (0.1, 0.2, 0.4, 0.8)
"""Between the tries of one publish: together shorter than a lease; the runtime's nack or reconcile does the rest."""
IN_FLIGHT_COUNT = 500
"""Messages whose confirms are awaited together: more bring no more speed."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way."""

    queues: tuple[Queue, ...]
    """What must exist for the message to have a route, now and later."""
    exchange: str
    routing_key: str
    body: bytes
    properties: Basic.Properties


class Publisher:
    """The one channel on which this process publishes and declares."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._channel: Channel | None = None
        self._opening = asyncio.Lock()
        self._declared: set[str] = set()

    async def declare(self, queues: Iterable[Queue], *, is_anew: bool = False) -> None:
        """Declare what has not been declared on this channel yet, or all, with its bindings. Raises BrokerError."""
        channel = await self._open()
        queues = tuple(queues)
        self._declared -= {queue.name for queue in queues if is_anew}
        missing = {queue.name: queue for queue in queues if queue.name not in self._declared}.values()
        if not missing:
            return
        for exchange, kind in EXCHANGES.items():
            await answer(channel.exchange_declare(exchange, exchange_type=kind, durable=True))
        for queue in missing:
            await answer(channel.queue_declare(queue.name, durable=True, arguments=dict(queue.arguments)))
            for it in queue.bindings:
                await answer(channel.queue_bind(queue.name, it.exchange, it.routing_key, arguments=dict(it.arguments)))
            self._declared.add(queue.name)

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Return when the broker has confirmed every message; one may be published twice. Raises BrokerError."""
        left = list(messages)
        for pause in (*PAUSES_SECONDS, None):
            try:
                left, reason = await self._attempt(left)
            except LinkLostError as error:
                reason = str(error)
            if not left:
                return
            if pause is not None:
                await asyncio.sleep(pause)
        raise BrokerError(f"{len(left)} of {len(messages)} messages were not confirmed: {reason}")

    async def _attempt(self, messages: Sequence[Outgoing]) -> tuple[list[Outgoing], str]:
        """Publish these; return those that were not confirmed and why."""
        await self.declare(queue for message in messages for queue in message.queues)
        channel = await self._open()
        left, reason, waiting = [], "", iter(messages)
        while some := list(islice(waiting, IN_FLIGHT_COUNT)):
            results = await asyncio.gather(*(_publish(channel, it) for it in some), return_exceptions=True)
            for message, result in zip(some, results, strict=True):
                if isinstance(result, BaseException):
                    left.append(message)
                    reason = self._judge(message, result)
        return left, reason

    def _judge(self, message: Outgoing, error: BaseException) -> str:
        """Say why a message was not confirmed. Raises BrokerError where trying again would end the same."""
        if isinstance(error, PublishError):
            self._declared -= {queue.name for queue in message.queues}
            return f"no queue is bound for {message.routing_key}"
        if isinstance(error, DeliveryError):
            return f"the broker refused a message for {message.routing_key}"
        said = broker_error(error)
        if not isinstance(said, LinkLostError):
            raise said from error
        return str(said)

    async def _open(self) -> Channel:
        async with self._opening:
            if self._channel is None or self._channel.is_closed:
                self._declared.clear()  # a broker that was away may have lost everything
                self._channel = await self._link.channel()
            return self._channel


async def _publish(channel: Channel, message: Outgoing) -> None:
    """Publish one message and await its confirm, without waiting for the socket in between."""
    await channel.basic_publish(
        message.body,
        exchange=message.exchange,
        routing_key=message.routing_key,
        properties=message.properties,
        mandatory=True,
        timeout=RPC_SECONDS,
        wait=False,
    )
