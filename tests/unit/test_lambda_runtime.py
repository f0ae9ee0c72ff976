"""Lambda's way in: records to handlers, failures to partial batch failures, on one loop and one connection."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from events.envelope import Event, encode
from events.reference import TrialRef
from events.trial import TargetKind
from functions.catalog import SUBSCRIPTIONS, queue_of
from functions.errors import Retry
from functions.worker import LaunchRefusedError, Worker
from infra.broker.port import BrokerError, Delivery
from infra.lambda_payload import PayloadError, Record, read_payload
from infra.lambda_runtime import ColdStartError, Sandbox, UnhandledError, _targets
from infra.settings import Settings
from infra.store.engine import SQLStores, make_engine
from infra.store.schema import upgrade
from infra.target.absent import AbsentTarget
from tests.builders import UID, a_created_event, a_reference, a_search_request, a_tick, an_edit
from tests.fakes import FakeBroker

ADMIT, EDIT, SUGGEST = "functions.experiment.admit", "functions.experiment.edit", "functions.suggestion.suggest"
RECONCILE = "functions.clock.reconcile"
PREFIX = "test-"
ENOUGH_SECONDS = 60.0


class ClosableBroker(FakeBroker):
    """A broker that nothing is opened for."""

    def __init__(self) -> None:
        super().__init__()
        self.released: list[tuple[str, str, int]] = []
        self.copied: list[bytes] = []
        self.has_topic = True

    async def release(self, queue: str, handle: str, *, count: int) -> None:
        self.released.append((queue, handle, count))

    async def copy(self, deliveries: Sequence[Delivery]) -> None:
        if not self.has_topic:
            raise BrokerError("the topic is gone")
        self.copied += [delivery.body for delivery in deliveries]

    async def close(self) -> None:
        self.steps.append("close")


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> ClosableBroker:
    """Stand behind the sandbox in place of SQS."""
    fake = ClosableBroker()

    async def connect(_: str) -> ClosableBroker:
        return fake

    monkeypatch.setattr("infra.lambda_runtime.SQSBroker.connect", connect)
    return fake


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Name a fresh database in a file."""
    settings = Settings(directory=tmp_path, broker=f"sqs://?region=us-east-1&prefix={PREFIX}")
    asyncio.run(_upgrade(settings.database_url))
    return settings


@pytest.fixture
def sandbox(settings: Settings, broker: ClosableBroker) -> Iterator[Sandbox]:
    """Boot, and shut down."""
    opened = Sandbox(settings)
    yield opened
    opened.close()


async def _upgrade(url: str) -> None:
    engine = make_engine(url)
    await upgrade(engine)
    await engine.dispose()


async def _find(url: str, uid: str = UID) -> int | None:
    """Return how many Trials the Experiment may have, or nothing where there is no such Experiment."""
    engine = make_engine(url)
    async with SQLStores(engine).begin() as store:
        experiment = await store.experiment(a_reference(uid))
    await engine.dispose()
    return experiment.spec.max_trial_count if experiment else None


def _records(*bodies: Event | str, queue: str = "experiment-admit", count: int = 1) -> dict[str, Any]:
    """Return what the event source calls with; ids are m1, m2 and so on."""
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "receiptHandle": f"r{number}",
                "body": body if isinstance(body, str) else encode(body).decode(),
                "attributes": {"ApproximateReceiveCount": str(count)},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{PREFIX}{queue}",
                "awsRegion": "us-east-1",
            }
            for number, body in enumerate(bodies, start=1)
        ]
    }


def _failed(answer: dict[str, Any]) -> list[str]:
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def test_a_good_batch_has_no_failures(sandbox: Sandbox, settings: Settings, broker: ClosableBroker) -> None:
    answer = sandbox.handle(ADMIT, _records(a_created_event()), ENOUGH_SECONDS)

    assert answer == {"batchItemFailures": []}
    assert asyncio.run(_find(settings.database_url)) == 3
    assert [event.type for event, _ in broker.published] == ["kuttab.suggestion.requested.v1"]


def test_what_was_handled_goes_to_the_topic_and_comes_again_where_that_refuses_it(
    sandbox: Sandbox, broker: ClosableBroker
) -> None:
    event = a_created_event()

    copied = sandbox.handle(ADMIT, _records(event), ENOUGH_SECONDS)
    broker.has_topic = False
    refused = sandbox.handle(ADMIT, _records(event), ENOUGH_SECONDS)

    assert (_failed(copied), _failed(refused)) == ([], ["m1"])
    assert broker.copied == [encode(event)]


def test_the_second_invocation_finds_the_loop_and_the_connection_of_the_first(sandbox: Sandbox) -> None:
    first = sandbox.handle(ADMIT, _records(a_created_event()), ENOUGH_SECONDS)
    second = sandbox.handle(SUGGEST, _records(a_search_request(), queue="suggestion-suggest"), ENOUGH_SECONDS)

    assert first == second == {"batchItemFailures": []}


@pytest.mark.parametrize(
    ("body", "reason"),
    [("{", "body: not JSON"), ("[]", "must be a JSON object"), ("hello", "body: not JSON"), ("", "body: not JSON")],
)
def test_a_body_that_is_no_event_is_dead_lettered_and_the_rest_is_handled(
    sandbox: Sandbox, settings: Settings, broker: ClosableBroker, body: str, reason: str
) -> None:
    answer = sandbox.handle(ADMIT, _records(body, a_created_event()), ENOUGH_SECONDS)

    ((delivery, why),) = broker.dead
    assert answer == {"batchItemFailures": []}
    assert (delivery.token, delivery.queue) == (Record("m1", "r1"), "experiment-admit")
    assert reason in why
    assert asyncio.run(_find(settings.database_url)) == 3


def test_an_event_of_another_queue_is_dead_lettered(sandbox: Sandbox, broker: ClosableBroker) -> None:
    sandbox.handle(ADMIT, _records(an_edit()), ENOUGH_SECONDS)

    assert "does not belong into queue experiment-admit" in broker.dead[0][1]


def test_a_message_that_breaks_its_handler_fails_alone(
    sandbox: Sandbox, broker: ClosableBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    _choke_on(monkeypatch, "bad")

    answer = sandbox.handle(
        ADMIT,
        _records(a_created_event("uid-a", name="a", id="good"), a_created_event("uid-b", name="b", id="bad")),
        ENOUGH_SECONDS,
    )

    assert _failed(answer) == ["m2"]
    assert broker.released == [("experiment-admit", "r2", 1)]
    assert broker.dead == []


def test_without_confirms_every_message_fails(sandbox: Sandbox, broker: ClosableBroker) -> None:
    broker.confirms = False

    answer = sandbox.handle(ADMIT, _records(a_created_event(), "{"), ENOUGH_SECONDS)

    assert sorted(_failed(answer)) == ["m1", "m2"]


def test_what_is_unfinished_when_the_time_is_up_comes_again_soon_and_the_next_invocation_works(
    sandbox: Sandbox, settings: Settings, broker: ClosableBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = _hang_on(monkeypatch, "slow")
    good, slow = a_created_event("uid-a", name="a", id="good"), a_created_event("uid-b", name="b", id="slow")

    cut = sandbox.handle(ADMIT, _records(good, slow), 1.0)
    release()
    again = sandbox.handle(ADMIT, _records(slow), ENOUGH_SECONDS)

    assert "m2" in _failed(cut)
    assert ("experiment-admit", "r2", 1) in broker.released
    assert again == {"batchItemFailures": []}
    assert asyncio.run(_find(settings.database_url, "uid-b")) == 3


def test_without_any_time_nothing_is_begun(sandbox: Sandbox, settings: Settings) -> None:
    answer = sandbox.handle(ADMIT, _records(a_created_event()), -1.0)

    assert _failed(answer) == ["m1"]
    assert asyncio.run(_find(settings.database_url)) is None


def test_a_schedule_ticks_the_clock(sandbox: Sandbox, broker: ClosableBroker) -> None:
    rule = {"id": "1-2", "detail-type": "Scheduled Event", "source": "aws.events", "time": "2026-03-01T12:00:00Z"}

    answer = sandbox.handle(RECONCILE, {**rule, "detail": {}}, ENOUGH_SECONDS)

    assert answer == {"batchItemFailures": []}
    assert broker.dead == []


def test_a_direct_call_that_is_not_handled_fails_as_a_call(sandbox: Sandbox, broker: ClosableBroker) -> None:
    broker.confirms = False

    with pytest.raises(UnhandledError, match="clock"):
        sandbox.handle(RECONCILE, {"no": "event"}, ENOUGH_SECONDS)


def test_a_database_without_tables_is_told_in_one_line(tmp_path: Path, broker: ClosableBroker) -> None:
    sandbox = Sandbox(Settings(directory=tmp_path, broker="sqs://?prefix=test-"))

    with pytest.raises(ColdStartError, match="run `kuttab db upgrade`") as caught:
        sandbox.handle(ADMIT, _records(a_created_event()), ENOUGH_SECONDS)

    assert "\n" not in str(caught.value)
    asyncio.run(_upgrade(f"sqlite+aiosqlite:///{tmp_path / 'kuttab.db'}"))
    assert sandbox.handle(ADMIT, _records(a_created_event()), ENOUGH_SECONDS) == {"batchItemFailures": []}
    sandbox.close()


@pytest.mark.parametrize(
    "payload",
    [
        {"Records": None},
        {"Records": ["text"]},
        {"Records": [{"messageId": "m1"}]},
        _records(a_created_event(), queue="experiment-edit"),
        _records(a_created_event(), queue="nobody"),
        {"Records": [{**_records("{}")["Records"][0], "eventSourceARN": "arn:aws:sqs:us-east-1:1:other-admit"}]},
    ],
    ids=["no list", "text", "half a record", "another function's queue", "an unknown queue", "another prefix"],
)
def test_a_payload_that_is_not_this_queues_fails_as_a_whole(payload: dict[str, Any]) -> None:
    with pytest.raises(PayloadError):
        read_payload(payload, ADMIT, prefix=PREFIX)


def test_records_become_deliveries_of_the_catalogues_queues() -> None:
    payload = _records(a_tick(), queue="clock-reconcile", count=4)

    (delivery,) = read_payload(payload, RECONCILE, prefix=PREFIX)

    assert (delivery.queue, delivery.count, delivery.token) == ("clock-reconcile", 4, Record("m1", "r1"))


@pytest.mark.parametrize("subscription", SUBSCRIPTIONS, ids=lambda it: it.queue)
def test_every_function_takes_a_call_of_its_own(subscription: Any) -> None:
    (delivery,) = read_payload({"id": "1"}, subscription.function, prefix=PREFIX)

    assert (delivery.queue, json.loads(delivery.body)) == (subscription.queue, {"id": "1"})


Handle = Callable[..., Awaitable[list[Event]]]


def _choke_on(monkeypatch: pytest.MonkeyPatch, event_id: str) -> None:
    from functions.experiment import admit

    handle = admit.handle

    async def choke(event: Any, **ports: Any) -> list[Event]:
        if event.id == event_id:
            raise ValueError("poison")
        return await handle(event, **ports)

    monkeypatch.setattr(admit, "handle", _with_ports_of(handle, choke))


def _hang_on(monkeypatch: pytest.MonkeyPatch, event_id: str) -> Callable[[], None]:
    """Let an event take for ever, until the returned function is called."""
    from functions.experiment import admit

    handle, is_hanging = admit.handle, [True]

    async def hang(event: Any, **ports: Any) -> list[Event]:
        if event.id == event_id and is_hanging:
            await asyncio.Event().wait()
        return await handle(event, **ports)

    monkeypatch.setattr(admit, "handle", _with_ports_of(handle, hang))
    return is_hanging.clear


def _with_ports_of(handle: Handle, other: Handle) -> Handle:
    """Let the wiring find the same ports."""
    from inspect import signature

    other.__signature__ = signature(handle)  # type: ignore[attr-defined]
    return other


def test_the_same_message_twice_in_a_batch_is_two_deliveries() -> None:
    payload = _records(a_tick(), a_tick(), queue="clock-reconcile")

    deliveries = read_payload(payload, RECONCILE, prefix=PREFIX)

    assert [it.token for it in deliveries] == [Record("m1", "r1"), Record("m2", "r2")]
    assert {queue_of(a_tick())} == {it.queue for it in deliveries}


def _a_worker() -> Worker:
    trial = TrialRef(name="trial", uid="uid-trial", number=1)
    return Worker(experiment=a_reference(), trial=trial, attempt=1, manifest={})


async def test_without_a_cluster_its_workers_are_refused_and_what_others_run_is_left_to_them(
    settings: Settings,
) -> None:
    target, worker = _targets(settings)[TargetKind.KUBERNETES], _a_worker()

    with pytest.raises(LaunchRefusedError, match="EksCluster=NAME"):
        await target.launch(worker)
    for end in (target.stop, target.remove):
        with pytest.raises(Retry):
            await end(worker)


def test_with_a_cluster_its_workers_are_reached_from_lambda(settings: Settings) -> None:
    there = _targets(replace(settings, eks_cluster="prod"))

    assert not isinstance(there[TargetKind.KUBERNETES], AbsentTarget)
    assert isinstance(there[TargetKind.PROCESS], AbsentTarget)
