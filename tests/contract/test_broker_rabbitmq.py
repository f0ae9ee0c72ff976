"""The broker's contract, held against RabbitMQ."""

from collections.abc import AsyncIterator, Sequence

import aio_pika
import pytest

from infra.broker.rabbitmq import RabbitMQBroker
from infra.broker.topology import REASON_HEADER, name_of
from tests.contract.test_broker import *  # noqa: F403 - the suite; the fixture `adapter` below replaces its own
from tests.contract.test_broker import QUEUE, Adapter


class RabbitMQAdapter:
    """RabbitMQBroker, and a client that looks behind it."""

    takes_bytes = True

    def __init__(self, broker: RabbitMQBroker, client: aio_pika.abc.AbstractChannel) -> None:
        self.broker = broker
        self._client = client

    async def put_body(self, queue: str, body: bytes) -> None:
        await self._client.default_exchange.publish(aio_pika.Message(body), name_of(queue))

    async def dead_letters(self) -> Sequence[tuple[str, bytes, str]]:
        queue = await self._client.get_queue(f"{name_of(QUEUE)}.dead")
        found = []
        while message := await queue.get(fail=False):
            found.append((QUEUE, message.body, str(message.headers.get(REASON_HEADER, ""))))
        return found


@pytest.fixture
async def adapter(rabbitmq_url: str) -> AsyncIterator[Adapter]:
    """Open an empty broker."""
    broker = await RabbitMQBroker.connect(rabbitmq_url)
    await broker.declare([QUEUE])
    async with await aio_pika.connect(rabbitmq_url) as connection:
        yield RabbitMQAdapter(broker, await connection.channel())
    await broker.close()
