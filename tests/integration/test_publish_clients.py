"""Clients of every kind against a real RabbitMQ: what they publish arrives in its queue and is understood."""

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aio_pika
import pytest

from events.client import Publisher, PublishError, publish, publish_all
from events.envelope import CONTENT_TYPE, Event, decode
from events.experiment import ExperimentCreated, ExperimentFinished
from events.trial import TrialFinished
from functions.catalog import queue_of
from infra.broker.rabbitmq import RabbitMQBroker
from infra.broker.topology import EVENTS, name_of, routing_key
from tests.builders import (
    a_created_event,
    a_delete,
    a_finished_trial,
    a_launch_request,
    a_range,
    a_report,
    a_stop,
    a_trial,
    an_edit,
    an_experiment,
)
from tests.services.rabbitmq import RabbitMQServer

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "publish"
PATIENCE_SECONDS = 60.0
"""Longer than a broker takes to come back, and than a runner takes to start on a busy machine."""


def of_clients() -> list[Event]:
    """Return one of each event that clients publish."""
    trial = a_trial(an_experiment())
    of_workers = [a_report(trial, a_range(0.5, pushed=True)), a_finished_trial(trial, 0.5)]
    return [a_created_event(), an_edit(), a_stop(), a_delete(), *of_workers]


Channel = aio_pika.abc.AbstractChannel
Queue = aio_pika.abc.AbstractQueue


@pytest.fixture
async def client(rabbitmq_url: str) -> AsyncIterator[Channel]:
    """Open a client that looks into queues, at a broker with a runner's queues."""
    broker = await RabbitMQBroker.connect(rabbitmq_url)
    await broker.declare()
    await broker.close()
    async with await aio_pika.connect(rabbitmq_url) as connection:
        yield await connection.channel()


async def _take(queue: Queue, count: int = 1) -> list[aio_pika.abc.AbstractIncomingMessage]:
    async with asyncio.timeout(PATIENCE_SECONDS), queue.iterator(no_ack=True) as messages:
        return [await anext(messages) for _ in range(count)]


async def _take_from(client: Channel, queue: str) -> aio_pika.abc.AbstractIncomingMessage:
    """Take one message from a catalogue queue."""
    (message,) = await _take(await client.get_queue(name_of(queue)))
    return message


async def _listen(client: Channel, *keys: str) -> Queue:
    queue = await client.declare_queue(exclusive=True)
    for key in keys:
        await queue.bind(EVENTS, key)
    return queue


async def _refusal(url: str, event: Event | None = None) -> str:
    """Return why the event cannot be published."""
    with pytest.raises(PublishError) as refused:
        await asyncio.to_thread(publish, url, event or an_edit(), patience_seconds=0.2)
    assert "\n" not in str(refused.value)
    return str(refused.value)


async def run(*command: object, cwd: Path = ROOT) -> str:
    """Run a program to its end and return what it prints."""
    process = await asyncio.create_subprocess_exec(*map(str, command), cwd=cwd, stdout=PIPE, stderr=STDOUT)
    async with asyncio.timeout(PATIENCE_SECONDS):
        printed, _ = await process.communicate()
    assert process.returncode == 0, printed.decode()
    return printed.decode()


@asynccontextmanager
async def _running(*arguments: object, until: str, log: Path, **environment: str) -> AsyncIterator[Process]:
    """Start a program of Python's, wait until it says so, and stop it at the end."""
    command = [sys.executable, "-u", "-m", *map(str, arguments)]
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env={**os.environ, **environment}, stdout=file, stderr=STDOUT
        )
    try:
        await _eventually(lambda: until in log.read_text() or process.returncode is not None)
        assert process.returncode is None, f"see {log}"
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _eventually(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not is_so():  # noqa: ASYNC110 - other processes tell nobody
            await asyncio.sleep(0.05)


async def test_what_the_sdk_publishes_arrives_where_a_runner_reads_it(rabbitmq_url: str, client: Channel) -> None:
    events = of_clients()

    await asyncio.to_thread(publish_all, rabbitmq_url, events)

    assert [decode((await _take_from(client, queue_of(event))).body) for event in events] == events


async def test_the_body_is_the_plain_event_and_the_rest_is_for_people(rabbitmq_url: str, client: Channel) -> None:
    await asyncio.to_thread(publish, rabbitmq_url, an_edit())

    message = await _take_from(client, "experiment-edit")

    assert (message.content_type, message.type, message.message_id) == (CONTENT_TYPE, an_edit().type, an_edit().id)
    assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert message.routing_key == routing_key(an_edit())


async def test_a_broker_where_no_runner_has_been_yet_says_so(rabbitmq_url: str) -> None:
    assert (await _refusal(rabbitmq_url)).endswith("the broker has no exchange kuttab.events: start a runner first")


async def test_an_event_that_no_queue_takes_is_refused_and_the_next_is_published(
    rabbitmq_url: str, client: Channel
) -> None:
    with Publisher(rabbitmq_url) as publisher:
        with pytest.raises(PublishError, match=r"no queue takes kuttab\.trial\.created\.v1"):
            await asyncio.to_thread(publisher.publish, a_launch_request(a_trial(an_experiment())))

        await asyncio.to_thread(publisher.publish, an_edit())

    assert decode((await _take_from(client, "experiment-edit")).body) == an_edit()


async def test_an_event_that_a_full_queue_refuses_was_not_published(rabbitmq_url: str, client: Channel) -> None:
    full = {"x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish"}
    queue = await client.declare_queue("full", durable=True, arguments=full)
    await queue.bind(EVENTS, an_edit().type)

    with pytest.raises(PublishError, match="did not take the event"):
        await asyncio.to_thread(
            publish_all, rabbitmq_url, [an_edit(id=str(number)) for number in range(20)], patience_seconds=0
        )


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("guest:guest@", "guest:hunter2@", "the broker refuses this user or password"),
        ("/test", "/nowhere-", "not found"),
    ],
    ids=["password", "virtual host"],
)
async def test_a_broker_that_refuses_is_one_line(rabbitmq_url: str, old: str, new: str, reason: str) -> None:
    said = await _refusal(rabbitmq_url.replace(old, new))

    assert said.startswith("amqp://guest@127.0.0.1:")
    assert said.endswith(reason)
    assert "hunter2" not in said


async def test_a_user_needs_no_right_but_to_write_to_the_exchange(
    rabbitmq: RabbitMQServer, rabbitmq_url: str, client: Channel
) -> None:
    vhost = urlsplit(rabbitmq_url).path[1:]
    user, grant = f"guest-{vhost}", ("set_permissions", "--vhost", vhost)
    url = rabbitmq_url.replace("guest:guest", f"{user}:toy")
    await asyncio.to_thread(rabbitmq.control, "add_user", user, "toy")

    await asyncio.to_thread(rabbitmq.control, *grant, user, "^$", "^$", ".*")
    said = await _refusal(url)
    await asyncio.to_thread(rabbitmq.control, *grant, user, "^$", r"^kuttab\.events$", "^$")
    await asyncio.to_thread(publish, url, an_edit())

    assert "ACCESS_REFUSED - access to exchange 'kuttab.events'" in said
    assert decode((await _take_from(client, "experiment-edit")).body) == an_edit()


async def test_a_patient_publisher_outlives_a_restart_of_the_broker(
    rabbitmq: RabbitMQServer, rabbitmq_url: str, client: Channel
) -> None:
    with Publisher(rabbitmq_url, patience_seconds=PATIENCE_SECONDS) as publisher:
        await asyncio.to_thread(publisher.publish, an_edit(id="before"))

        await asyncio.to_thread(rabbitmq.stop)
        waiting = asyncio.create_task(asyncio.to_thread(publisher.publish, an_edit(id="after")))
        await asyncio.to_thread(rabbitmq.start)
        await waiting

    async with await aio_pika.connect(rabbitmq_url) as connection:
        queue = await (await connection.channel()).get_queue(name_of("experiment-edit"))
        assert [decode(message.body).id for message in await _take(queue, 2)] == ["before", "after"]


@pytest.mark.parametrize("name", ["with_aio_pika", "with_kombu"])
async def test_an_example_submits_an_experiment(rabbitmq_url: str, client: Channel, name: str) -> None:
    printed = await run(sys.executable, "-m", f"examples.publish.{name}", rabbitmq_url, EXAMPLES / "experiment.json")

    event = decode((await _take_from(client, "experiment-admit")).body)

    assert isinstance(event, ExperimentCreated)
    assert event.experiment.name == event.resource["metadata"]["name"] == "parabola"
    assert printed == f"published {event.type} {event.id}\n"


@pytest.mark.slow
async def test_the_node_example_submits_an_experiment(rabbitmq_url: str, client: Channel, tmp_path: Path) -> None:
    program = await _install_node_example(tmp_path)

    printed = await run("node", program, rabbitmq_url, EXAMPLES / "experiment.json")

    event = decode((await _take_from(client, "experiment-admit")).body)
    assert isinstance(event, ExperimentCreated)
    assert printed == f"published {event.type} {event.id}\n"


@pytest.mark.slow
async def test_the_node_example_says_in_one_line_what_is_wrong(rabbitmq_url: str, tmp_path: Path) -> None:
    program = await _install_node_example(tmp_path)
    wrong = {
        rabbitmq_url: "no exchange 'kuttab.events'",
        rabbitmq_url.replace("guest:guest", "guest:hunter2"): "ACCESS_REFUSED",
        "amqp://guest:hunter2@127.0.0.1:1/": "ECONNREFUSED",
    }

    for url, reason in wrong.items():
        process = await asyncio.create_subprocess_exec(
            "node", program, url, EXAMPLES / "experiment.json", stdout=PIPE, stderr=PIPE
        )
        printed, said = await process.communicate()

        assert (process.returncode, printed) == (1, b"")
        assert said.startswith(b"not published: ")
        assert reason.replace("_", "-") in said.decode().replace("_", "-")
        assert said.count(b"\n") == 1
        assert b"hunter2" not in said


async def _install_node_example(folder: Path) -> Path:
    """Install what the lock file pins into a copy of the example."""
    if missing := [name for name in ("node", "npm") if shutil.which(name) is None]:
        advice = "install Node 18 or newer with npm, or leave these tests out with KUTTAB_TEST_SERVICES=off"
        pytest.fail(f"{' and '.join(missing)} not found: {advice}", pytrace=False)
    for name in ("package.json", "package-lock.json", "publish.mjs"):
        shutil.copy(EXAMPLES / "with_node" / name, folder)
    await run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)
    return folder / "publish.mjs"


@pytest.mark.slow
async def test_the_examples_together_run_an_external_experiment_to_its_end(rabbitmq_url: str, tmp_path: Path) -> None:
    database = {"KUTTAB_BROKER_URL": rabbitmq_url, "KUTTAB_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/kuttab.db"}
    runner = ["local_runner", "runner", "--dir", tmp_path / "runner"]
    await run("env", *(f"{name}={value}" for name, value in database.items()), *_kuttab("db", "upgrade"))

    async with (
        _running(*runner, until="is at work", log=tmp_path / "runner.log", **database),
        await aio_pika.connect(rabbitmq_url) as connection,
        _running("examples.publish.external_worker", rabbitmq_url, until="", log=tmp_path / "worker.log"),
        _running("examples.publish.subscribe", rabbitmq_url, until="takes", log=tmp_path / "seen.log"),
    ):
        everything = await _listen(await connection.channel(), "kuttab.#")
        await run(*_example("with_aio_pika"), rabbitmq_url, EXAMPLES / "experiment.json")
        told = await _hear_until_the_end(everything)
        finished = [event for event in told if isinstance(event, TrialFinished)]
        await _eventually(lambda: (tmp_path / "seen.log").read_text().count("Succeeded") == 6)

    assert isinstance(told[-1], ExperimentFinished)
    assert told[-1].result == "Succeeded"
    assert len({event.trial.uid for event in finished}) == len(finished) == 6
    assert (tmp_path / "worker.log").read_text().count(": Succeeded") == 6


def _kuttab(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "local_runner", *arguments]


def _example(name: str) -> list[str]:
    return [sys.executable, "-m", f"examples.publish.{name}"]


async def _hear_until_the_end(queue: Queue) -> list[Any]:
    """Return every event up to the end of the Experiment."""
    told: list[Event] = []
    async with asyncio.timeout(PATIENCE_SECONDS), queue.iterator(no_ack=True) as messages:
        async for message in messages:
            told.append(decode(message.body))
            if isinstance(told[-1], ExperimentFinished):
                break
    return told
