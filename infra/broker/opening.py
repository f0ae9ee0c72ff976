"""Open the broker that a URL names."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from functions.errors import KuttabError
from infra.broker.port import Broker


class UnknownBrokerError(KuttabError):
    """No adapter knows this URL: use amqp://…, amqps://… or sqs://…."""


async def open_broker(url: str, queues: Iterable[str]) -> Broker:
    """Connect, and declare these queues; on SQS they must be there unless the URL says `declare=true`.

    Raises BrokerError, UnknownBrokerError.
    """
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
    if scheme == "sqs":
        from infra.broker.sqs import SQSBroker

        return await SQSBroker.connect(url, queues)
    message = f"{scheme or url!r}: no broker of this kind is known; use amqp://USER:PASSWORD@HOST/ or sqs://?region=…"
    raise UnknownBrokerError(message)
