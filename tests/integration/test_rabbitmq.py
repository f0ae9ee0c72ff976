"""A real RabbitMQ: it restarts, loses connections and refuses; clients of any kind publish and listen."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from urllib.parse import urlsplit

import aio_pika
import pytest
from kombu import Connection

from events.envelope import CONTENT_TYPE, decode, encode
from events.trial import TargetKind, TrialCreated
from functions.catalog import launch_queue
from infra.broker import rabbitmq_consumer, topology
from infra.broker.port import DELIVERY_LIMIT, BrokerError, Consumer, Delivery
from infra.broker.rabbitmq import RabbitMQBroker
from infra.broker.topology import EVENTS, name_of
from tests.builders import a_launch_request, a_search_request, a_tick, a_trial, an_edit, an_experiment
from tests.services.rabbitmq import RabbitMQServer

QUEUE = "experiment-edit"
PATIENCE_SECONDS = 30.0
"""Longer than a broker takes to come back."""
SILENCE_SECONDS = 0.3

Channel = aio_pika.abc.AbstractChannel


@pytest.fixture
async def broker(rabbitmq_url: str) -> AsyncIterator[RabbitMQBroker]:
    opened = await RabbitMQBroker.connect(rabbitmq_url)
    yield opened
    await opened.close()


@pytest.fixture
async def client(rabbitmq_url: str) -> AsyncIterator[Channel]:
    """Open a client that knows nothing of us."""
    async with await aio_pika.connect(rabbitmq_url) as connection:
        yield await connection.channel()


async def _receive(consumer: Consumer, count: int = 1) -> list[Delivery]:
    found: list[Delivery] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(found) < count:
            found += await consumer.receive(count - len(found))
    return found


async def _take_all(broker: RabbitMQBroker, consumer: Consumer, wanted: set[str]) -> set[str]:
    """Ack what comes until all of these have come."""
    seen: set[str] = set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not wanted <= seen:
            deliveries = await consumer.receive(10)
            await broker.ack(deliveries)
            seen |= _ids(deliveries)
    return seen


def _ids(deliveries: Sequence[Delivery]) -> set[str]:
    return {decode(delivery.body).id for delivery in deliveries}


async def _listen(client: Channel, *keys: str) -> aio_pika.abc.AbstractQueue:
    """Bind a queue of the client's own."""
    queue = await client.declare_queue(exclusive=True)
    for key in keys:
        await queue.bind(EVENTS, key)
    return queue


async def _hear(queue: aio_pika.abc.AbstractQueue, count: int) -> list[str]:
    """Return the event types of so many messages."""
    types = []
    async with asyncio.timeout(PATIENCE_SECONDS), queue.iterator(no_ack=True) as messages:
        while len(types) < count:
            types.append(decode((await anext(messages)).body).type)
    return types


async def _eventually(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await is_so():  # noqa: ASYNC110 - the broker tells nobody
            await asyncio.sleep(0.05)


async def test_a_broker_that_restarts_loses_nothing_and_is_found_again(
    rabbitmq: RabbitMQServer, broker: RabbitMQBroker
) -> None:
    consumer = await broker.consume(QUEUE, prefetch=10)
    await broker.publish([an_edit(id=f"before-{index}") for index in range(20)])
    held = await _receive(consumer, 3)

    await asyncio.to_thread(rabbitmq.stop)
    with pytest.raises(BrokerError):
        await broker.publish([an_edit(id="lost")])
    receiving = asyncio.create_task(consumer.receive(1))
    await asyncio.to_thread(rabbitmq.start)
    await broker.ack(held)
    first = await receiving
    await broker.ack(first)
    await broker.publish([an_edit(id="after")])

    wanted = {*(f"before-{index}" for index in range(20)), "after"}
    assert await _take_all(broker, consumer, wanted - _ids(first)) | _ids(first) == wanted
    assert broker.is_healthy


async def test_what_was_held_over_a_restart_comes_again_and_is_counted(
    rabbitmq: RabbitMQServer, broker: RabbitMQBroker
) -> None:
    consumer = await broker.consume(QUEUE, prefetch=10)
    await broker.publish([an_edit()])
    (held,) = await _receive(consumer)

    await asyncio.to_thread(rabbitmq.stop)
    await asyncio.to_thread(rabbitmq.start)
    (again,) = await _receive(consumer)
    await broker.ack([held])

    assert (again.body, again.count) == (held.body, 2)
    await broker.ack([again])


async def test_a_connection_that_the_broker_closes_is_opened_again(
    rabbitmq: RabbitMQServer, broker: RabbitMQBroker
) -> None:
    consumer = await broker.consume(QUEUE, prefetch=10)

    await asyncio.to_thread(rabbitmq.control, "close_all_connections", "a test")
    await broker.publish([an_edit()])

    assert _ids(await _receive(consumer)) == {"edit-1"}


async def test_a_consumer_that_the_broker_has_forgotten_subscribes_again(
    broker: RabbitMQBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rabbitmq_consumer, "WATCH_SECONDS", 0.1)
    consumer = await broker.consume(QUEUE, prefetch=10)
    assert consumer._stream is not None
    assert consumer._stream._tag is not None

    await consumer._stream.channel.basic_cancel(consumer._stream._tag, nowait=True)
    await broker.publish([an_edit()])

    assert _ids(await _receive(consumer)) == {"edit-1"}


async def test_a_queue_that_somebody_deletes_is_declared_again(broker: RabbitMQBroker, client: Channel) -> None:
    consumer = await broker.consume(QUEUE, prefetch=10)

    await client.queue_delete(name_of(QUEUE))
    await broker.publish([an_edit()])

    assert _ids(await _receive(consumer)) == {"edit-1"}


async def test_a_message_that_kills_its_consumers_is_dead_lettered_at_the_limit(
    broker: RabbitMQBroker, rabbitmq_url: str, client: Channel
) -> None:
    await broker.publish([an_edit()])

    for _ in range(DELIVERY_LIMIT):
        connection = await aio_pika.connect(rabbitmq_url)
        queue = await (await connection.channel()).get_queue(name_of(QUEUE))
        await _eventually(lambda queue=queue: _has_come(queue))
        await connection.close()

    dead = await client.get_queue(f"{name_of(QUEUE)}.dead")
    await _eventually(lambda: _has_come(dead))


async def _has_come(queue: aio_pika.abc.AbstractQueue) -> bool:
    """Take one message and never answer."""
    return await queue.get(fail=False) is not None


async def test_a_consumer_that_closes_in_order_counts_no_delivery(broker: RabbitMQBroker) -> None:
    await broker.publish([an_edit()])
    for _ in range(DELIVERY_LIMIT + 1):
        consumer = await broker.consume(QUEUE, prefetch=10)
        (delivery,) = await _receive(consumer)
        await consumer.close()

    assert delivery.count == 1


async def test_a_host_without_a_free_slot_holds_nothing_that_another_could_start(broker: RabbitMQBroker) -> None:
    busy, idle = [await broker.consume(QUEUE, prefetch=1) for _ in range(2)]
    await broker.publish([an_edit(id="first")])
    await broker.ack(await _receive(busy))

    await broker.publish([an_edit(id="second"), an_edit(id="third")])

    for _ in range(2):
        await broker.ack(await _receive(idle))
    await broker.publish([an_edit(id="fourth")])
    assert _ids(await _receive(busy)) == {"fourth"}


async def test_a_client_of_kombu_publishes_what_we_consume(broker: RabbitMQBroker, rabbitmq_url: str) -> None:
    consumer = await broker.consume(QUEUE, prefetch=10)

    def publish() -> None:
        with Connection(rabbitmq_url) as connection, connection.Producer() as producer:
            body, key = encode(an_edit()), an_edit().type
            producer.publish(
                body, exchange=EVENTS, routing_key=key, content_type=CONTENT_TYPE, content_encoding="utf-8"
            )

    await asyncio.to_thread(publish)

    (delivery,) = await _receive(consumer)
    assert decode(delivery.body) == an_edit()


async def test_a_bare_client_publishes_what_we_consume(broker: RabbitMQBroker, client: Channel) -> None:
    consumer = await broker.consume(QUEUE, prefetch=10)

    events = await client.get_exchange(EVENTS)
    await events.publish(aio_pika.Message(encode(an_edit())), "kuttab.experiment.edited.v1")

    (delivery,) = await _receive(consumer)
    assert decode(delivery.body) == an_edit()


async def test_a_queue_of_ones_own_hears_everything(broker: RabbitMQBroker, client: Channel) -> None:
    await broker.declare()
    own = await _listen(client, "kuttab.#")
    events = [an_edit(), a_tick(), a_search_request(), a_launch_request(a_trial(an_experiment()))]

    await broker.publish(events)

    assert sorted(await _hear(own, 4)) == sorted(event.type for event in events)


async def test_a_client_of_external_trials_hears_these_alone(broker: RabbitMQBroker, client: Channel) -> None:
    await broker.declare()
    own = await _listen(client, "kuttab.trial.created.v1.external")
    trials = [a_trial(an_experiment(), target=kind) for kind in (TargetKind.PROCESS, TargetKind.EXTERNAL)]

    await broker.publish([a_launch_request(trial) for trial in trials])

    ours = await client.get_queue("kuttab.trial-created-external")
    assert len(await _hear(own, 1)) == len(await _hear(ours, 1)) == 1
    assert await own.get(fail=False) is None


async def test_a_trial_with_runner_labels_waits_for_a_runner_that_bears_them(broker: RabbitMQBroker) -> None:
    trial = a_trial(an_experiment(), target=TargetKind.PROCESS)
    event = a_launch_request(trial, runner_selector={"gpu": "a100"})
    any_runner = await broker.consume("trial-launch-process", prefetch=10)

    await broker.publish([event])

    labelled = await broker.consume(launch_queue(TargetKind.PROCESS, {"gpu": "a100"}), prefetch=10)
    assert _ids(await _receive(labelled)) == {event.id}
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(SILENCE_SECONDS):
            await any_runner.receive(1)


async def test_a_delay_between_two_queues_is_rounded_up(broker: RabbitMQBroker, client: Channel) -> None:
    await broker.publish([an_edit()], delay_seconds=1.2)

    waiting = await client.get_queue("kuttab.retry.2s")
    await _eventually(lambda: _has_come(waiting))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"user": "guest:wrong"}, "refuses this user or password"),
        ({"path": "/nowhere"}, "nowhere"),
        ({"port": 1}, "Connect call failed"),
        ({"scheme": "http"}, "amqp://USER:PASSWORD@HOST"),
        ({"port": "x"}, "cannot be read"),
    ],
    ids=["password", "virtual host", "nobody there", "scheme", "port"],
)
async def test_a_broker_that_cannot_be_used_is_named_in_one_line(
    rabbitmq_url: str, changes: dict[str, object], words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    parts = urlsplit(rabbitmq_url)
    of = {"scheme": "amqp", "user": "guest:guest", "port": parts.port, "path": parts.path, **changes}

    with pytest.raises(BrokerError) as caught:
        await RabbitMQBroker.connect("{scheme}://{user}@127.0.0.1:{port}{path}".format(**of))

    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "wrong" not in str(caught.value)
    assert capfd.readouterr().err == ""


async def test_a_user_without_the_right_to_declare_is_told_so_in_one_line(
    rabbitmq: RabbitMQServer, rabbitmq_url: str
) -> None:
    vhost = urlsplit(rabbitmq_url).path[1:]
    await asyncio.to_thread(rabbitmq.control, "add_user", f"reader-{vhost}", "toy")
    await asyncio.to_thread(rabbitmq.control, "set_permissions", "--vhost", vhost, f"reader-{vhost}", "^$", ".*", ".*")
    broker = await RabbitMQBroker.connect(rabbitmq_url.replace("guest:guest", f"reader-{vhost}:toy"))

    with pytest.raises(BrokerError, match=r"^ACCESS_REFUSED[^\n]*kuttab[^\n]*$"):
        await broker.declare()

    await broker.close()


async def test_a_queue_of_other_arguments_is_named_in_one_line(broker: RabbitMQBroker, client: Channel) -> None:
    await client.declare_queue(name_of(QUEUE), durable=True)

    with pytest.raises(BrokerError, match=r"^PRECONDITION_FAILED[^\n]*kuttab.experiment-edit[^\n]*$"):
        await broker.publish([an_edit()])


async def test_a_dead_letter_of_a_queue_that_nobody_knows_is_refused(broker: RabbitMQBroker) -> None:
    with pytest.raises(BrokerError, match="strange: no such queue"):
        await broker.dead_letter(Delivery("strange", b"body"), "why")


async def test_a_selectors_queue_that_nobody_reads_is_deleted_and_made_again_when_it_is_used(
    broker: RabbitMQBroker, client: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topology, "IDLE_MILLISECONDS", 1_000)
    topology.queues_of.cache_clear()
    read, unread = (launch_queue(TargetKind.PROCESS, {"gpu": it}) for it in ("a100", "h100"))
    event = _a_launch_on("h100")
    waiting = asyncio.create_task((await broker.consume(read, prefetch=1)).receive(1))
    consumer = await broker.consume(unread, prefetch=1)
    await broker.publish([event])

    await _eventually(lambda: _is_gone(client, unread))
    kept = not await _is_gone(client, read)
    receiving = asyncio.create_task(_receive(consumer))
    await _eventually(lambda: _is_there(client, unread))
    await broker.publish([event])
    (delivery,) = await receiving

    assert kept
    assert decode(delivery.body) == event
    waiting.cancel()
    topology.queues_of.cache_clear()


def _a_launch_on(gpu: str) -> TrialCreated:
    asked = {"target": TargetKind.PROCESS, "runner_selector": {"gpu": gpu}}
    return a_launch_request(a_trial(an_experiment())).model_copy(update=asked)


async def _is_there(client: Channel, queue: str) -> bool:
    return not await _is_gone(client, queue)


async def _is_gone(client: Channel, queue: str) -> bool:
    try:
        await client.get_queue(name_of(queue), ensure=True)
    except aio_pika.exceptions.ChannelNotFoundEntity:
        await client.reopen()
        return True
    return False


async def test_dead_letters_of_selectors_share_a_queue_that_stays(broker: RabbitMQBroker, client: Channel) -> None:
    queue = launch_queue(TargetKind.PROCESS, {"gpu": "a100"})
    event = _a_launch_on("a100")
    consumer = await broker.consume(queue, prefetch=1)
    await broker.publish([event])
    (delivery,) = await _receive(consumer)

    await broker.dead_letter(delivery, "nobody knows this")

    dead = await client.get_queue(f"{name_of(launch_queue(TargetKind.PROCESS))}.dead")
    await _eventually(lambda: _has_come(dead))
