"""The runtime on SQS: half-good batches, bodies that mean nothing, and a broker that does not take what follows."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from types_boto3_sqs import SQSClient

from events.envelope import Event, decode, encode
from functions.errors import Retry
from infra.broker.port import Consumer, Delivery
from infra.broker.sqs import REASON_ATTRIBUTE, SQSBroker
from infra.runtime import Runtime
from tests.builders import a_created_event, a_tick, an_edit
from tests.fakes import House
from tests.services.sqs_faults import break_sqs, internal_error

ADMIT, EDIT = "experiment-admit", "experiment-edit"
PATIENCE_SECONDS = 20.0


@pytest.fixture
async def broker(sqs_url: str) -> AsyncIterator[SQSBroker]:
    """Open an empty broker."""
    opened = await SQSBroker.connect(sqs_url, [ADMIT, EDIT, "suggestion-suggest"])
    yield opened
    await opened.close()


@pytest.fixture
def runtime(house: House, broker: SQSBroker) -> Runtime:
    return Runtime(house.wiring, broker)


def _put(client: SQSClient, prefix: str, queue: str, *bodies: str) -> None:
    url = client.get_queue_url(QueueName=prefix + queue)["QueueUrl"]
    for body in bodies:
        client.send_message(QueueUrl=url, MessageBody=body)


def _reasons(client: SQSClient, prefix: str, queue: str) -> dict[str, str]:
    """Return the reasons of a queue's dead letters, by their bodies."""
    url = client.get_queue_url(QueueName=f"{prefix}{queue}-dead")["QueueUrl"]
    answer = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    return {it["Body"]: it["MessageAttributes"][REASON_ATTRIBUTE]["StringValue"] for it in answer.get("Messages", [])}


async def _receive(consumer: Consumer, count: int = 1) -> list[Delivery]:
    found: list[Delivery] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(found) < count:
            found += await consumer.receive(count - len(found))
    return found


async def test_of_a_half_good_batch_the_right_messages_are_dead_lettered(
    runtime: Runtime, house: House, broker: SQSBroker, sqs_client: SQSClient, sqs_prefix: str
) -> None:
    foreign, shapeless = (
        encode(a_tick()).decode(),
        encode(a_created_event()).decode().replace('"experiment"', '"trial"'),
    )
    good = encode(a_created_event()).decode()
    _put(sqs_client, sqs_prefix, ADMIT, "no json", good, "[]", foreign, shapeless)
    consumer = await broker.consume(ADMIT, prefetch=10)

    await runtime.process(await _receive(consumer, 5))

    reasons = _reasons(sqs_client, sqs_prefix, ADMIT)
    assert reasons.keys() == {"no json", "[]", foreign, shapeless}
    assert reasons["no json"].startswith("body: not JSON")
    assert reasons["[]"] == "body: must be a JSON object, got list"
    assert reasons[foreign] == "type: kuttab.clock.ticked.v1 does not belong into queue experiment-admit"
    assert "experiment" in reasons[shapeless]
    assert (await house.experiment()).name == "digits"
    await consumer.close()
    assert await _is_empty(sqs_client, sqs_prefix, ADMIT)


async def test_what_follows_is_published_before_the_ack_or_the_message_comes_again(
    runtime: Runtime, house: House, broker: SQSBroker
) -> None:
    await broker.publish([a_created_event()])
    admissions = await broker.consume(ADMIT, prefetch=10)
    await break_sqs(broker, "SendMessageBatch", *[internal_error] * 4)

    await runtime.process(await _receive(admissions))
    again = await _receive(admissions)
    await runtime.process(again)

    requests = await broker.consume("suggestion-suggest", prefetch=10)
    assert again[0].count == 2
    assert len(await _receive(requests)) == 1


async def test_a_retry_is_a_copy_that_comes_later_and_counts_as_no_failure(
    runtime: Runtime, house: House, broker: SQSBroker
) -> None:
    async def handle(event: Event, **_: Any) -> list[Event]:
        raise Retry("not yet", delay_seconds=1)

    house.wiring._bound["functions.experiment.edit"] = handle
    await broker.publish([an_edit()])
    consumer = await broker.consume(EDIT, prefetch=10)
    begun = asyncio.get_running_loop().time()

    await runtime.process(await _receive(consumer))

    (again,) = await _receive(consumer)
    assert (decode(again.body).redelivery, again.count) == (1, 1)
    assert asyncio.get_running_loop().time() - begun >= 1


async def _is_empty(client: SQSClient, prefix: str, queue: str) -> bool:
    url = client.get_queue_url(QueueName=prefix + queue)["QueueUrl"]
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    return all(answer[name] == "0" for name in names)  # type: ignore[literal-required]
