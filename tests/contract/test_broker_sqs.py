"""The broker's contract, held against SQS as moto plays it."""

from collections.abc import AsyncIterator, Sequence

import pytest
from types_boto3_sqs import SQSClient

from infra.broker.sqs import REASON_ATTRIBUTE, SQSBroker
from tests.contract.test_broker import *  # noqa: F403 - the suite; the fixture `adapter` below replaces its own
from tests.contract.test_broker import QUEUE, Adapter


class SQSAdapter:
    """SQSBroker, and a client that looks behind it."""

    takes_bytes = False

    def __init__(self, broker: SQSBroker, client: SQSClient, prefix: str) -> None:
        self.broker = broker
        self._client = client
        self._prefix = prefix

    async def put_body(self, queue: str, body: bytes) -> None:
        self._client.send_message(QueueUrl=self._url(queue), MessageBody=body.decode())

    async def dead_letters(self) -> Sequence[tuple[str, bytes, str]]:
        found = []
        url = self._url(f"{QUEUE}-dead")
        while messages := self._client.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages"):
            for message in messages:
                reason = message.get("MessageAttributes", {}).get(REASON_ATTRIBUTE, {}).get("StringValue", "")
                found.append((QUEUE, message["Body"].encode(), reason))
        return found

    def _url(self, queue: str) -> str:
        return self._client.get_queue_url(QueueName=self._prefix + queue)["QueueUrl"]


@pytest.fixture
async def adapter(sqs_url: str, sqs_prefix: str, sqs_client: SQSClient) -> AsyncIterator[Adapter]:
    """Open an empty broker."""
    broker = await SQSBroker.connect(sqs_url, [QUEUE])
    yield SQSAdapter(broker, sqs_client, sqs_prefix)
    await broker.close()
