"""SQSBroker and SQSEventSource against moto: what only SQS does, and what goes wrong with it."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from types_boto3_sqs import SQSClient

from events.envelope import decode, encode
from events.trial import TargetKind, TrialCreated
from functions.catalog import launch_queue
from infra.broker import sqs_consumer, sqs_publisher
from infra.broker.port import DELIVERY_LIMIT, BrokerError, Delivery
from infra.broker.sqs import MAX_DELAY_SECONDS, REASON_ATTRIBUTE, SQSBroker
from infra.broker.sqs_address import read_sqs_address
from infra.broker.sqs_link import SQSLink
from infra.broker.sqs_receipts import Receipt
from infra.broker.sqs_source import Mapping, MappingError, SQSEventSource
from tests.builders import a_launch_request, a_reference, a_tick, a_trial, an_edit, an_experiment
from tests.data.event_examples import EXAMPLES
from tests.services.sqs_faults import Answer, break_sqs, fails_entry, internal_error, throttled

QUEUE = "experiment-edit"
PATIENCE_SECONDS = 20.0


@pytest.fixture
async def broker(sqs_url: str) -> AsyncIterator[SQSBroker]:
    """Open an empty broker."""
    opened = await SQSBroker.connect(sqs_url, [QUEUE])
    yield opened
    await opened.close()


@pytest.fixture
async def link(sqs_url: str) -> AsyncIterator[SQSLink]:
    """Open a client for an event source."""
    opened = SQSLink(read_sqs_address(sqs_url))
    yield opened
    opened.close()


@pytest.fixture
def queue_url(broker: SQSBroker, sqs_client: SQSClient, sqs_prefix: str) -> str:
    return sqs_client.get_queue_url(QueueName=sqs_prefix + QUEUE)["QueueUrl"]


@pytest.fixture
def dead_url(broker: SQSBroker, sqs_client: SQSClient, sqs_prefix: str) -> str:
    return sqs_client.get_queue_url(QueueName=f"{sqs_prefix}{QUEUE}-dead")["QueueUrl"]


async def _receive(broker: SQSBroker, count: int = 1) -> list[Delivery]:
    consumer = await broker.consume(QUEUE, prefetch=100)
    found: list[Delivery] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(found) < count:
            found += await consumer.receive(count - len(found))
    return found


def _bodies(client: SQSClient, url: str) -> list[str]:
    answer = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"])
    return [message["Body"] for message in answer.get("Messages", [])]


async def test_an_event_is_the_plain_body_in_the_group_of_its_namespace(
    broker: SQSBroker, sqs_client: SQSClient, queue_url: str
) -> None:
    event = an_edit(experiment=a_reference().model_copy(update={"namespace": "team-a"}))

    await broker.publish([event])

    (message,) = sqs_client.receive_message(QueueUrl=queue_url, MessageSystemAttributeNames=["All"])["Messages"]
    assert message["Body"].encode() == encode(event)
    assert message["Attributes"]["MessageGroupId"] == "team-a"


async def test_the_clocks_tick_has_no_group_and_finds_its_queue(
    broker: SQSBroker, sqs_client: SQSClient, sqs_prefix: str
) -> None:
    await broker.publish([a_tick()])

    url = sqs_client.get_queue_url(QueueName=f"{sqs_prefix}clock-reconcile")["QueueUrl"]
    (message,) = sqs_client.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"])["Messages"]
    assert decode(message["Body"]) == a_tick()
    assert "MessageGroupId" not in message["Attributes"]


async def test_the_queue_of_a_selector_is_made_though_the_others_must_be_there(broker: SQSBroker, sqs_url: str) -> None:
    trial = a_trial(an_experiment(), target=TargetKind.PROCESS)
    event = a_launch_request(trial, runner_selector={"gpu": "a100"})
    careful = await SQSBroker.connect(sqs_url.replace("declare=true", "declare=false"))
    reader = await careful.consume(launch_queue(TargetKind.PROCESS, {"gpu": "a100"}), prefetch=1)

    await broker.publish([event])

    (delivery,) = await reader.receive(1)
    assert decode(delivery.body) == event
    await careful.close()


async def test_entries_that_sqs_failed_are_sent_again_alone(broker: SQSBroker) -> None:
    calls = await break_sqs(broker, "SendMessageBatch", fails_entry("1", by_sender=False))

    await broker.publish([an_edit(id=f"edit-{index}") for index in range(3)])

    assert [len(json.loads(body)["Entries"]) for body in calls] == [3, 1]
    assert "edit-1" in json.loads(calls[1])["Entries"][0]["MessageBody"]


async def test_an_entry_that_is_the_senders_fault_is_not_tried_again(broker: SQSBroker) -> None:
    calls = await break_sqs(broker, "SendMessageBatch", fails_entry("0", by_sender=True))

    with pytest.raises(BrokerError, match="InternalError: not this one"):
        await broker.publish([an_edit()])

    assert len(calls) == 1


async def test_entries_that_fail_for_good_are_an_error(broker: SQSBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqs_publisher, "PAUSES_SECONDS", (0.0,))
    await break_sqs(broker, "SendMessageBatch", *[fails_entry("0", by_sender=False)] * 2)

    with pytest.raises(BrokerError, match="1 of 2 messages were not taken by SQS: InternalError"):
        await broker.publish([an_edit(id="a"), an_edit(id="b")])


@pytest.mark.parametrize("trouble", [throttled, internal_error], ids=["throttled", "500"])
async def test_trouble_of_sqs_is_tried_again(broker: SQSBroker, trouble: Answer) -> None:
    calls = await break_sqs(broker, "SendMessageBatch", trouble)

    await broker.publish([an_edit()])

    assert len(calls) == 2
    assert len(await _receive(broker)) == 1


@pytest.mark.slow
async def test_trouble_that_lasts_is_one_line_and_nothing_is_acked(broker: SQSBroker) -> None:
    await broker.publish([an_edit()])
    (delivery,) = await _receive(broker)
    await break_sqs(broker, "SendMessageBatch", *[internal_error] * 10)

    with pytest.raises(BrokerError, match=r"^[^\n]*InternalError[^\n]*$"):
        await broker.postpone(delivery, an_edit(id="again"), delay_seconds=1)

    await broker.nack([delivery])
    assert (await _receive(broker))[0].count == 2


async def test_messages_come_although_a_receive_failed(broker: SQSBroker, caplog: pytest.LogCaptureFixture) -> None:
    await broker.publish([an_edit()])
    await break_sqs(broker, "ReceiveMessage", *[internal_error] * 4)

    (delivery,) = await _receive(broker)

    assert decode(delivery.body) == an_edit()
    assert "cannot receive" in caplog.messages


async def test_a_receipt_that_has_expired_is_ignored(broker: SQSBroker, sqs_client: SQSClient, queue_url: str) -> None:
    await broker.publish([an_edit()])
    (delivery,) = await _receive(broker)
    foreign = Delivery(QUEUE, b"{}", token=Receipt(queue_url, "no such handle"))

    await broker.ack([foreign, delivery])

    assert _bodies(sqs_client, queue_url) == []


async def test_a_delay_is_never_longer_than_sqs_allows(broker: SQSBroker) -> None:
    calls = await break_sqs(broker, "SendMessageBatch")

    await broker.publish([an_edit()], delay_seconds=0.2)
    await broker.publish([an_edit()], delay_seconds=86_400)

    delays = [json.loads(body)["Entries"][0]["DelaySeconds"] for body in calls]
    assert delays == [1, MAX_DELAY_SECONDS]


async def test_the_reason_of_the_largest_dead_letter_gives_way(
    broker: SQSBroker, sqs_client: SQSClient, dead_url: str
) -> None:
    await broker.dead_letter(Delivery(QUEUE, b"x" * (1024 * 1024 - 100)), "why \ufffe " + "y" * 10_000)

    (message,) = sqs_client.receive_message(QueueUrl=dead_url, MessageAttributeNames=["All"])["Messages"]
    reason = message["MessageAttributes"][REASON_ATTRIBUTE]["StringValue"]
    assert reason.startswith("why \\ufffe yyy")
    assert len(reason) < 100


async def test_work_in_hand_outlives_its_visibility(
    broker: SQSBroker, sqs_client: SQSClient, queue_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqs_consumer, "VISIBILITY_SECONDS", 2)
    monkeypatch.setattr(sqs_consumer, "BEAT_SECONDS", 0.3)
    await broker.publish([an_edit()])
    (delivery,) = await _receive(broker)

    others = await asyncio.to_thread(sqs_client.receive_message, QueueUrl=queue_url, WaitTimeSeconds=4)

    assert "Messages" not in others
    await broker.ack([delivery])


async def test_a_crash_brings_the_message_back_after_its_visibility(
    sqs_url: str, broker: SQSBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqs_consumer, "VISIBILITY_SECONDS", 1)
    await broker.publish([an_edit()])
    crashed = SQSBroker(read_sqs_address(sqs_url))
    (first,) = await _receive(crashed)
    crashed._consumers[0]._beating.cancel()

    (second,) = await _receive(broker)

    assert (second.body, second.count) == (first.body, 2)
    crashed._link.close()


async def test_orderly_stops_never_dead_letter_a_message(
    broker: SQSBroker, sqs_client: SQSClient, dead_url: str
) -> None:
    await broker.publish([an_edit()])
    for _ in range(DELIVERY_LIMIT + 2):
        consumer = await broker.consume(QUEUE, prefetch=10)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await consumer.receive(10)
        await consumer.close()

    assert decode((await _receive(broker))[0].body) == an_edit()
    assert _bodies(sqs_client, dead_url) == []


async def test_queues_that_nobody_made_are_one_clear_error(sqs_url: str, sqs_prefix: str) -> None:
    with pytest.raises(BrokerError) as caught:
        await SQSBroker.connect(sqs_url.replace("&declare=true", ""), [QUEUE, "trial-settle"])

    names = ", ".join(f"{sqs_prefix}{name}" for name in (QUEUE, f"{QUEUE}-dead", "trial-settle", "trial-settle-dead"))
    assert f"no queue {names}: deploy template.yaml with prefix '{sqs_prefix}', or add &declare=true" in str(
        caught.value
    )


async def test_declaring_again_changes_nothing(broker: SQSBroker, sqs_url: str) -> None:
    again = await SQSBroker.connect(sqs_url, [QUEUE])

    await again.publish([an_edit()])

    assert len(await _receive(broker)) == 1
    await again.close()


@contextlib.asynccontextmanager
async def _polled(source: SQSEventSource) -> AsyncIterator[None]:
    running = asyncio.create_task(source.run())
    try:
        yield
    finally:
        source.stop()
        await running


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not is_so():  # noqa: ASYNC110 - a source tells nobody
            await asyncio.sleep(0.01)


async def test_a_source_deletes_what_was_handled_and_leaves_the_rest_alone(
    broker: SQSBroker, link: SQSLink, sqs_prefix: str, sqs_client: SQSClient, dead_url: str, queue_url: str
) -> None:
    sqs_client.set_queue_attributes(QueueUrl=queue_url, Attributes={"VisibilityTimeout": "1"})
    seen: list[str] = []

    def invoke(event: Any) -> object:
        bodies = {record["messageId"]: json.loads(record["body"])["id"] for record in event["Records"]}
        seen.extend(bodies.values())
        return {"batchItemFailures": [{"itemIdentifier": key} for key, body in bodies.items() if body == "poison"]}

    await broker.publish([an_edit(id="good"), an_edit(id="poison"), an_edit(id="fine")])
    async with _polled(SQSEventSource(link, sqs_prefix + QUEUE, invoke, Mapping())):
        await _until(lambda: seen.count("poison") == DELIVERY_LIMIT)
        await _until(lambda: _depth(sqs_client, dead_url) == 1)

    assert (seen.count("good"), seen.count("fine")) == (1, 1)
    assert [decode(body).id for body in _bodies(sqs_client, dead_url)] == ["poison"]


def _depth(client: SQSClient, url: str) -> int:
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


async def test_a_function_that_raises_fails_its_whole_batch(
    broker: SQSBroker, link: SQSLink, sqs_prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    def invoke(_: object) -> object:
        raise ZeroDivisionError

    await broker.publish([an_edit(id="a"), an_edit(id="b")])
    source = SQSEventSource(link, sqs_prefix + QUEUE, invoke, Mapping())
    async with _polled(source):
        await _until(lambda: source.counts["left"] == 2)

    assert (source.counts["errors"], source.counts["deleted"]) == (1, 0)
    assert "a function failed" in caplog.messages


async def test_a_source_has_no_more_invocations_at_a_time_than_its_mapping_says(
    broker: SQSBroker, link: SQSLink, sqs_prefix: str
) -> None:
    await broker.publish([an_edit(id=str(index)) for index in range(40)])
    now, most = 0, 0
    loop, met = asyncio.get_running_loop(), asyncio.Event()

    async def work() -> None:
        nonlocal now, most
        now += 1
        most = max(now, most)
        if most == 3:
            met.set()
        await met.wait()  # however slowly they come, three meet
        await asyncio.sleep(0.05)
        now -= 1

    def invoke(_: object) -> object:
        return asyncio.run_coroutine_threadsafe(work(), loop).result()

    source = SQSEventSource(link, sqs_prefix + QUEUE, invoke, Mapping(batch_count=2, concurrency=3))
    async with _polled(source):
        await _until(lambda: source.counts["deleted"] == 40)

    assert most == 3


async def test_a_source_goes_on_after_an_outage(
    broker: SQSBroker, link: SQSLink, sqs_prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    await broker.publish([an_edit()])
    await break_sqs(link, "ReceiveMessage", *[internal_error] * 4)
    source = SQSEventSource(link, sqs_prefix + QUEUE, lambda _: None, Mapping())

    async with _polled(source):
        await _until(lambda: source.counts["deleted"] == 1)

    assert "cannot receive" in caplog.messages


async def test_a_source_refuses_a_mapping_that_aws_refuses(broker: SQSBroker, link: SQSLink, sqs_prefix: str) -> None:
    source = SQSEventSource(link, sqs_prefix + QUEUE, lambda _: None, Mapping(timeout_seconds=900))

    with pytest.raises(MappingError, match="visibility of 60 s is below"):
        await source.run()


async def test_where_no_runner_reads_the_queues_of_labels_such_a_launch_goes_where_it_is_refused(
    sqs_url: str, sqs_client: SQSClient, sqs_prefix: str
) -> None:
    broker = await SQSBroker.connect(f"{sqs_url}&runners=false")
    created = next(it for it in EXAMPLES if isinstance(it, TrialCreated))
    launch = created.model_copy(update={"target": TargetKind.PROCESS, "runner_selector": {"gpu": "a100"}})

    await broker.publish([launch])

    await broker.close()
    url = sqs_client.get_queue_url(QueueName=f"{sqs_prefix}trial-launch-process")["QueueUrl"]
    (message,) = sqs_client.receive_message(QueueUrl=url)["Messages"]
    assert decode(message["Body"].encode()) == launch
