"""What an SNS topic gets a copy of: what functions publish, and what clients have sent, once it is handled."""

import asyncio
import json
from uuid import uuid4

import boto3
from types_boto3_sqs import SQSClient

from events.envelope import decode, encode
from events.experiment import ExperimentEdited
from functions.identity import SOURCE
from infra.broker.port import Delivery
from infra.broker.sqs import SQSBroker
from tests.builders import a_tick, an_edit

QUEUE = "experiment-edit"
PATIENCE_SECONDS = 20.0


async def test_a_topic_gets_a_copy_with_the_events_type(aws: str, sqs_url: str, sqs_client: SQSClient) -> None:
    topic, own = _a_topic(aws, sqs_client)
    broker = await SQSBroker.connect(f"{sqs_url}&topic={topic}", [QUEUE])

    await broker.publish([an_edit(), a_tick()])
    await broker.close()

    assert [decode(body) for body in _bodies(sqs_client, own)] == [an_edit()]


async def test_a_topic_gets_what_a_client_sent_to_a_queue_once_it_is_handled(
    aws: str, sqs_url: str, sqs_client: SQSClient, sqs_prefix: str
) -> None:
    topic, own = _a_topic(aws, sqs_client)
    broker = await SQSBroker.connect(f"{sqs_url}&topic={topic}", [QUEUE])
    queue_url = sqs_client.get_queue_url(QueueName=sqs_prefix + QUEUE)["QueueUrl"]
    ours = an_edit(id="ours", source=SOURCE)
    for event in (an_edit(), ours, an_edit(redelivery=1)):
        sqs_client.send_message(QueueUrl=queue_url, MessageBody=encode(event).decode())
    sqs_client.send_message(QueueUrl=queue_url, MessageBody="no event")

    received = await _receive(broker, 4)
    before = _bodies(sqs_client, own)
    await broker.ack(received)
    await broker.close()

    assert before == []
    assert [decode(body) for body in _bodies(sqs_client, own)] == [an_edit()]


def _a_topic(aws: str, client: SQSClient) -> tuple[str, str]:
    """Make a topic and a queue of its own that gets the edits of it; return the ARN and the URL."""
    sns, name = boto3.client("sns", endpoint_url=aws), f"subscriber-{uuid4().hex[:8]}"
    topic = sns.create_topic(Name=name)["TopicArn"]
    own = client.create_queue(QueueName=name)["QueueUrl"]
    policy = json.dumps({"type": [ExperimentEdited.type]})
    about = {"RawMessageDelivery": "true", "FilterPolicy": policy}
    arn = f"arn:aws:sqs:us-east-1:123456789012:{name}"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=about)
    return topic, own


async def _receive(broker: SQSBroker, count: int) -> list[Delivery]:
    consumer = await broker.consume(QUEUE, prefetch=100)
    found: list[Delivery] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(found) < count:
            found += await consumer.receive(count - len(found))
    return found


def _bodies(client: SQSClient, url: str) -> list[str]:
    return [it["Body"] for it in client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])]
