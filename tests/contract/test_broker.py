"""The broker's contract, held against every adapter: at least once, and nothing lost."""

import asyncio
import base64
import errno
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol

import pytest

from events.envelope import decode, encode
from infra.broker.memory import DeadLetter, MemoryBroker
from infra.broker.port import DELIVERY_LIMIT, Broker, Consumer, Delivery
from infra.broker.unwrap import unwrap
from tests.builders import a_search_request, a_tick, an_edit

QUEUE = "experiment-edit"
PATIENCE_SECONDS = 10.0
"""Longer than any broker takes; a message that does not come by then is lost."""
SILENCE_SECONDS = 0.2
"""How long nothing must come for nothing to have come."""


class Adapter(Protocol):
    """A broker, and what a test needs to see behind it."""

    broker: Broker
    takes_bytes: bool
    """Whether a body may be bytes that are no text."""

    async def put_body(self, queue: str, body: bytes) -> None:
        """Put raw bytes into a queue, as any client could."""
        ...

    async def dead_letters(self) -> Sequence[tuple[str, bytes, str]]:
        """Return (queue, body, reason) of each dead letter."""
        ...


class MemoryAdapter:
    """MemoryBroker."""

    takes_bytes = True

    def __init__(self) -> None:
        self.broker = MemoryBroker()

    async def put_body(self, queue: str, body: bytes) -> None:
        await self.broker.put_body(queue, body)

    async def dead_letters(self) -> Sequence[tuple[str, bytes, str]]:
        return [(letter.queue, letter.body, letter.reason) for letter in self.broker.dead_letters]


async def _open_memory() -> Adapter:
    return MemoryAdapter()


ADAPTERS: dict[str, Callable[[], Awaitable[Adapter]]] = {"memory": _open_memory}


@pytest.fixture(params=ADAPTERS)
async def adapter(request: pytest.FixtureRequest) -> AsyncIterator[Adapter]:
    """Open an empty broker of each adapter."""
    opened = await ADAPTERS[request.param]()
    yield opened
    await opened.broker.close()


@pytest.fixture
async def consumer(adapter: Adapter) -> AsyncIterator[Consumer]:
    """Open a consumer of the queue."""
    opened = await adapter.broker.consume(QUEUE, prefetch=100)
    yield opened
    await opened.close()


async def _receive(consumer: Consumer, count: int = 1) -> list[Delivery]:
    """Return exactly so many messages, as soon as they have come."""
    found: list[Delivery] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(found) < count:
            found += await consumer.receive(count - len(found))
    return found


async def _expect_silence(consumer: Consumer) -> None:
    """Fail if anything comes."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(SILENCE_SECONDS):
            await consumer.receive(10)


def _ids(deliveries: Sequence[Delivery]) -> set[str]:
    return {decode(unwrap(delivery.body)).id for delivery in deliveries}


async def test_what_is_published_is_received_whole(adapter: Adapter, consumer: Consumer) -> None:
    event = an_edit(traceparent="00-é", extensions={"tenant": "a"})

    await adapter.broker.publish([event])

    (delivery,) = await _receive(consumer)
    assert decode(delivery.body) == event
    assert (delivery.queue, delivery.count) == (QUEUE, 1)


async def test_an_event_reaches_its_own_queue_only(adapter: Adapter, consumer: Consumer) -> None:
    await adapter.broker.publish([a_search_request(), a_tick(), an_edit()])

    received = await _receive(consumer)

    assert _ids(received) == {"edit-1"}
    await _expect_silence(consumer)


async def test_a_message_waits_for_its_consumer(adapter: Adapter) -> None:
    await adapter.broker.publish([an_edit()])

    consumer = await adapter.broker.consume(QUEUE, prefetch=1)

    assert len(await _receive(consumer)) == 1
    await consumer.close()


async def test_a_consumer_that_waits_gets_what_comes(adapter: Adapter, consumer: Consumer) -> None:
    waiting = asyncio.create_task(_receive(consumer))
    await asyncio.sleep(0)

    await adapter.broker.publish([an_edit()])

    assert _ids(await waiting) == {"edit-1"}


async def test_no_more_is_received_than_was_asked_for(adapter: Adapter, consumer: Consumer) -> None:
    await adapter.broker.publish([an_edit(id=f"edit-{index}") for index in range(5)])

    async with asyncio.timeout(PATIENCE_SECONDS):
        assert len(await consumer.receive(2)) <= 2


async def test_an_acked_message_does_not_come_again(adapter: Adapter, consumer: Consumer) -> None:
    await adapter.broker.publish([an_edit()])

    await adapter.broker.ack(await _receive(consumer))
    await consumer.close()

    again = await adapter.broker.consume(QUEUE, prefetch=10)
    await _expect_silence(again)
    await again.close()


async def test_a_nacked_message_comes_again_and_is_counted(adapter: Adapter, consumer: Consumer) -> None:
    await adapter.broker.publish([an_edit()])
    (first,) = await _receive(consumer)

    await adapter.broker.nack([first])

    (second,) = await _receive(consumer)
    assert (second.body, second.count) == (first.body, 2)


async def test_at_the_delivery_limit_a_message_is_dead_lettered(adapter: Adapter, consumer: Consumer) -> None:
    await adapter.broker.publish([an_edit()])
    counts = []
    for _ in range(DELIVERY_LIMIT):
        (delivery,) = await _receive(consumer)
        counts.append(delivery.count)
        await adapter.broker.nack([delivery])

    await _expect_silence(consumer)
    ((queue, body, _),) = await adapter.dead_letters()
    assert counts == list(range(1, DELIVERY_LIMIT + 1))
    assert (queue, decode(body).id) == (QUEUE, "edit-1")


async def test_a_dead_letter_has_its_reason_and_leaves_the_ack_to_the_consumer(
    adapter: Adapter, consumer: Consumer
) -> None:
    await adapter.broker.publish([an_edit()])
    (delivery,) = await _receive(consumer)

    await adapter.broker.dead_letter(delivery, "spec.x: é is wrong\nand so is y")
    await adapter.broker.ack([delivery])

    assert await adapter.dead_letters() == [(QUEUE, delivery.body, "spec.x: é is wrong\nand so is y")]
    await _expect_silence(consumer)


async def test_a_message_that_is_held_when_its_consumer_closes_goes_back(adapter: Adapter) -> None:
    await adapter.broker.publish([an_edit(id=f"edit-{index}") for index in range(3)])
    first = await adapter.broker.consume(QUEUE, prefetch=10)
    held = await _receive(first, 3)
    await adapter.broker.ack(held[:1])

    await first.close()

    second = await adapter.broker.consume(QUEUE, prefetch=10)
    assert _ids(await _receive(second, 2)) == _ids(held[1:])
    await _expect_silence(second)
    await second.close()


async def test_an_ack_after_the_consumer_has_closed_is_ignored(adapter: Adapter) -> None:
    await adapter.broker.publish([an_edit()])
    first = await adapter.broker.consume(QUEUE, prefetch=10)
    held = await _receive(first)
    await first.close()

    await adapter.broker.ack(held)

    second = await adapter.broker.consume(QUEUE, prefetch=10)
    assert len(await _receive(second)) == 1
    await second.close()


@pytest.mark.parametrize("is_published_before", [True, False], ids=["published first", "cancelled first"])
async def test_nothing_is_lost_when_receiving_is_cancelled(adapter: Adapter, is_published_before: bool) -> None:
    for round_number in range(20):
        consumer = await adapter.broker.consume(QUEUE, prefetch=10)
        receiving = asyncio.create_task(consumer.receive(10))
        for _ in range(round_number % 5):
            await asyncio.sleep(0)
        if is_published_before:
            await adapter.broker.publish([an_edit(id=f"edit-{round_number:02}")])
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)
        if not is_published_before:
            await adapter.broker.publish([an_edit(id=f"edit-{round_number:02}")])
        await consumer.close()

    last = await adapter.broker.consume(QUEUE, prefetch=100)
    assert _ids(await _receive(last, 20)) == {f"edit-{index:02}" for index in range(20)}
    await last.close()


async def test_a_delayed_message_comes_after_its_delay(adapter: Adapter, consumer: Consumer) -> None:
    clock = asyncio.get_running_loop()
    published_at = clock.time()
    await adapter.broker.publish([an_edit(id="late")], delay_seconds=1.0)
    await adapter.broker.publish([an_edit(id="soon")])

    soon = _ids(await _receive(consumer))
    late = _ids(await _receive(consumer))

    assert (soon, late) == ({"soon"}, {"late"})
    assert clock.time() - published_at >= 1.0


async def test_a_consumer_never_holds_more_than_its_prefetch(adapter: Adapter) -> None:
    await adapter.broker.publish([an_edit(id=f"edit-{index}") for index in range(3)])
    consumer = await adapter.broker.consume(QUEUE, prefetch=2)
    held = await _receive(consumer, 2)
    await _expect_silence(consumer)

    await adapter.broker.ack(held[:1])

    assert len(await _receive(consumer)) == 1
    await consumer.close()


async def test_a_dead_letter_that_cannot_be_kept_disturbs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def disk_is_full(_: DeadLetter) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    broker = MemoryBroker(on_dead_letter=disk_is_full)

    await broker.dead_letter(Delivery(QUEUE, b"body"), "why")

    (record,) = caplog.records
    assert (record.__dict__["reason"], len(broker.dead_letters)) == ("why", 1)


async def test_an_ack_lets_a_waiting_consumer_go_on(adapter: Adapter) -> None:
    await adapter.broker.publish([an_edit(id=f"edit-{index}") for index in range(2)])
    consumer = await adapter.broker.consume(QUEUE, prefetch=1)
    held = await _receive(consumer)
    waiting = asyncio.create_task(_receive(consumer))
    await asyncio.sleep(0)

    await adapter.broker.ack(held)

    assert _ids(await waiting) != _ids(held)
    await consumer.close()


async def test_consumers_of_one_queue_share_it(adapter: Adapter) -> None:
    consumers = [await adapter.broker.consume(QUEUE, prefetch=2) for _ in range(3)]
    await adapter.broker.publish([an_edit(id=f"edit-{index}") for index in range(6)])

    received = [delivery for consumer in consumers for delivery in await _receive(consumer, 2)]

    assert len(received) == 6
    assert len(_ids(received)) == 6
    for consumer in consumers:
        await consumer.close()


async def test_many_messages_come_through_whole(adapter: Adapter, consumer: Consumer) -> None:
    events = [an_edit(id=f"edit-{index:04}") for index in range(250)]
    await adapter.broker.publish(events)

    received: list[Delivery] = []
    while len(received) < len(events):
        page = await _receive(consumer)
        await adapter.broker.ack(page)
        received += page

    assert _ids(received) == {event.id for event in events}


async def test_the_largest_message_comes_through(adapter: Adapter, consumer: Consumer) -> None:
    event = an_edit(extensions={"padding": "x" * 250_000})

    await adapter.broker.publish([event])

    (delivery,) = await _receive(consumer)
    assert decode(delivery.body) == event


_PLAIN = encode(an_edit())
_BASE64 = base64.b64encode(_PLAIN)
_ENVELOPE = {"content-type": "application/cloudevents+json", "content-encoding": "binary", "headers": {}}
_KOMBU = json.dumps(
    {**_ENVELOPE, "body": _BASE64.decode(), "properties": {"body_encoding": "base64", "delivery_tag": "1"}}
).encode()
_KOMBU_TEXT = json.dumps({**_ENVELOPE, "body": _PLAIN.decode(), "properties": {"delivery_tag": "1"}}).encode()

BODIES = {
    "plain": _PLAIN,
    "base64": _BASE64,
    "kombu": _KOMBU,
    "kombu, text": _KOMBU_TEXT,
    "kombu in base64": base64.b64encode(_KOMBU),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_a_body_of_any_client_is_taken_as_it_is(adapter: Adapter, consumer: Consumer, body: bytes) -> None:
    await adapter.put_body(QUEUE, body)

    (delivery,) = await _receive(consumer)

    assert decode(unwrap(delivery.body)) == an_edit()


@pytest.mark.parametrize(
    "body", [b"no json", b"\xff\xfe{", b"[" * 100_000, b" "], ids=["text", "bytes", "deep", "blank"]
)
async def test_a_body_that_means_nothing_comes_through_for_the_runtime_to_judge(
    adapter: Adapter, consumer: Consumer, body: bytes
) -> None:
    if not (adapter.takes_bytes or _is_text(body)):
        pytest.skip("no client can put these bytes into such a queue")
    await adapter.put_body(QUEUE, body)

    (delivery,) = await _receive(consumer)

    assert delivery.body == body
    assert unwrap(delivery.body) == body


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
