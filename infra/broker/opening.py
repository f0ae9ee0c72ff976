"""Open the broker that a URL names."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from functions.errors import KuttabError
from infra.broker.port import Broker


class UnknownBrokerError(KuttabError):
    """No adapter knows this URL: use amqp://… or amqps://…."""


async def open_broker(url: str, queues: Iterable[str]) -> Broker:
    """Connect, and declare these queues. Raises BrokerError, UnknownBrokerError."""
    scheme = urlsplit(url).scheme
    if scheme in {"amqp", "amqps"}:
        from infra.broker.rabbitmq import RabbitMQBroker

        broker = await RabbitMQBroker.connect(url)
        try:
            await broker.declare(queues)
        except BaseException:
            await broker.close()
            raise
        return broker
    message = f"{scheme or url!r}: no broker of this kind is known; use amqp://USER:PASSWORD@HOST/"
    raise UnknownBrokerError(message)
