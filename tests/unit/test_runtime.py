"""The promise of the runtime: commit, publish, ack; and what becomes of a message that fails."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from events.envelope import Event, encode
from events.experiment import ExperimentEdited
from events.observation import MetricReported
from events.suggestion import SuggestionRequested
from functions.catalog import queue_of
from functions.errors import Reject, Retry, TransientError
from infra.broker.port import Delivery
from infra.runtime import TRANSIENT_TRIES, Runtime
from tests.builders import (
    a_created_event,
    a_finished_trial,
    a_range,
    a_report,
    a_search_request,
    a_tick,
    an_edit,
)
from tests.fakes import FakeBroker, House, WatchedStores

EDIT = "functions.experiment.edit"

Handle = Callable[..., Awaitable[list[Event]]]


@pytest.fixture
def steps() -> list[str]:
    """Hold what store and broker were asked for, in order."""
    return []


@pytest.fixture
def stores(house: House, steps: list[str]) -> WatchedStores:
    """Write every commit down."""
    return WatchedStores(house.stores, steps)


@pytest.fixture
def broker(steps: list[str]) -> FakeBroker:
    """Write down what the broker is asked for."""
    return FakeBroker(steps)


@pytest.fixture
def runtime(house: House, stores: WatchedStores, broker: FakeBroker, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """Run without pauses."""
    monkeypatch.setattr("infra.runtime.TRANSIENT_PAUSE_SECONDS", 0.0)
    house.wiring.stores = stores
    return Runtime(house.wiring, broker)


def _deliver(*events: Event) -> list[Delivery]:
    return [Delivery(queue_of(event), encode(event)) for event in events]


def _replace(house: House, function: str, handle: Handle) -> None:
    """Let another handler answer for a function."""
    house.wiring._bound[function] = handle


async def test_commit_comes_before_publish_and_publish_before_ack(runtime: Runtime, steps: list[str]) -> None:
    await runtime.process(_deliver(a_created_event()))

    assert steps == ["commit", "publish", "ack"]


async def test_handlers_with_outside_steps_keep_the_order_too(runtime: Runtime, house: House, steps: list[str]) -> None:
    await house.handle(a_created_event())
    steps.clear()

    await runtime.process(_deliver(a_search_request()))

    assert steps[-2:] == ["publish", "ack"]
    assert set(steps[:-2]) == {"commit"}


async def test_without_announcements_nothing_is_published(runtime: Runtime, house: House, broker: FakeBroker) -> None:
    trial, _ = await house.start()

    await runtime.process(_deliver(a_report(trial, a_range(0.5))))

    assert broker.published == []
    assert len(broker.acked) == 1


async def test_a_group_shares_one_transaction_and_one_ack(runtime: Runtime, house: House, steps: list[str]) -> None:
    trial, other = await house.start()
    steps.clear()

    await runtime.process(
        _deliver(
            a_report(trial, a_range(0.5)),
            a_report(other, a_range(0.4), id="second"),
            a_report(trial, a_range(0.3, start=10), id="third"),
        )
    )

    assert steps == ["commit", "ack"]
    assert [(await house.trial(number)).cursor for number in (1, 2)] == [20, 10]


async def test_groups_of_two_experiments_do_not_share_a_transaction(runtime: Runtime, steps: list[str]) -> None:
    await runtime.process(_deliver(a_created_event("uid-a", name="a"), a_created_event("uid-b", name="b", id="b")))

    assert steps.count("commit") == 2


async def test_announcements_are_published_once(runtime: Runtime, house: House, broker: FakeBroker) -> None:
    trials = await house.start(parallelTrialCount=3, maxTrialCount=9)

    await runtime.process(_deliver(*(a_finished_trial(it, 0.5, id=f"end-{it.number}") for it in trials)))

    requests = [event for event, _ in broker.published if isinstance(event, SuggestionRequested)]
    assert len(requests) == 1
    assert len(broker.acked) == 3


@pytest.mark.parametrize(
    "error", [ValueError("poison"), Reject("poison"), Retry("poison")], ids=lambda it: type(it).__name__
)
async def test_a_poison_message_fails_alone(
    runtime: Runtime, house: House, broker: FakeBroker, error: Exception
) -> None:
    await house.handle(a_created_event())
    edit = house.wiring.bind(EDIT)

    async def choke(event: ExperimentEdited, **ports: Any) -> list[Event]:
        if event.id == "edit-2":
            raise error
        return await edit(event, **ports)

    _replace(house, EDIT, choke)
    good, poison, last = _deliver(an_edit(id="edit-1"), an_edit(id="edit-2", most=5), an_edit(id="edit-3", most=7))

    await runtime.process([good, poison, last])

    assert (await house.experiment()).spec.max_trial_count == 7
    assert good in broker.acked
    assert last in broker.acked
    assert (poison in broker.nacked) == isinstance(error, ValueError)


async def test_a_failed_group_leaves_nothing_half_done(runtime: Runtime, house: House, broker: FakeBroker) -> None:
    await house.handle(a_created_event())
    before = house.rows()
    edit = house.wiring.bind(EDIT)

    async def choke(event: ExperimentEdited, **ports: Any) -> list[Event]:
        await edit(event, **ports)
        raise ValueError("after the change")

    _replace(house, EDIT, choke)

    await runtime.process(_deliver(an_edit(most=9)))

    assert house.rows() == before
    assert broker.published == []
    assert len(broker.nacked) == 1


async def test_a_busy_store_reruns_the_group(
    runtime: Runtime, house: House, stores: WatchedStores, broker: FakeBroker
) -> None:
    stores.failures.extend([TransientError("deadlock")] * (TRANSIENT_TRIES - 1))

    await runtime.process(_deliver(a_created_event()))

    assert (await house.experiment()).uid == "uid-digits"
    assert len(broker.acked) == 1


async def test_a_store_that_stays_busy_leaves_the_message_to_the_broker(
    runtime: Runtime, stores: WatchedStores, broker: FakeBroker
) -> None:
    stores.failures.extend([TransientError("deadlock")] * TRANSIENT_TRIES)

    await runtime.process(_deliver(a_created_event()))

    assert (len(broker.acked), len(broker.nacked)) == (0, 1)


async def test_retry_publishes_a_delayed_copy_and_then_acks(
    runtime: Runtime, broker: FakeBroker, steps: list[str]
) -> None:
    await runtime.process(_deliver(an_edit(redelivery=2)))

    ((copy, delay_seconds),) = broker.published
    assert (copy.id, copy.redelivery, delay_seconds) == ("edit-1", 3, 4.0)
    assert steps == ["publish", "ack"]


async def test_reject_dead_letters_with_the_reason_and_then_acks(
    runtime: Runtime, broker: FakeBroker, steps: list[str]
) -> None:
    (delivery,) = _deliver(an_edit(redelivery=8))

    await runtime.process([delivery])

    assert broker.dead == [(delivery, "no Experiment default/digits uid-digits")]
    assert steps == ["dead-letter", "ack"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"no json", "body: not JSON"),
        (b"[]", "body: must be a JSON object, got list"),
        (b"{}", "specversion: must be '1.0', got None"),
        (b'{"specversion":"1.0","id":"1","source":"x","type":"y"}', "type: 'y' is not an event type"),
        (
            encode(an_edit()).replace(b'"parallelTrialCount":2', b'"parallelTrialCount":"many"'),
            "budget.parallelTrialCount",
        ),
        (encode(a_tick()), "type: kuttab.clock.ticked.v1 does not belong into queue experiment-edit"),
    ],
    ids=["no JSON", "no object", "no CloudEvent", "unknown type", "bad data", "wrong queue"],
)
async def test_a_malformed_message_is_dead_lettered_and_disturbs_no_other(
    runtime: Runtime, house: House, broker: FakeBroker, body: bytes, reason: str
) -> None:
    await house.handle(a_created_event())
    bad, (good,) = Delivery("experiment-edit", body), _deliver(an_edit(most=9))

    await runtime.process([bad, good])

    assert [(delivery, text.startswith(reason)) for delivery, text in broker.dead] == [(bad, True)]
    assert (await house.experiment()).spec.max_trial_count == 9
    assert sorted(map(id, broker.acked)) == sorted(map(id, (bad, good)))


async def test_a_broker_that_does_not_confirm_gets_no_ack(runtime: Runtime, broker: FakeBroker) -> None:
    broker.confirms = False

    await runtime.process(_deliver(a_created_event()))

    assert (broker.acked, len(broker.nacked)) == ([], 1)


@pytest.mark.parametrize("redelivery", [0, 8], ids=["retry", "reject"])
async def test_a_failing_message_is_not_acked_before_the_broker_has_its_copy(
    runtime: Runtime, broker: FakeBroker, redelivery: int
) -> None:
    broker.confirms = False

    await runtime.process(_deliver(an_edit(redelivery=redelivery)))

    assert (broker.acked, len(broker.nacked)) == ([], 1)


async def test_a_broker_that_takes_no_dead_letter_does_not_hold_up_the_batch(
    runtime: Runtime, house: House, broker: FakeBroker
) -> None:
    trial, _ = await house.start()
    broker.confirms = False
    bad, (good,) = Delivery("observation-record", b"no json"), _deliver(a_report(trial, a_range(0.5)))

    await runtime.process([bad, good])

    assert (broker.nacked, broker.acked) == ([bad], [good])


async def test_a_second_delivery_announces_the_same_under_the_same_id(runtime: Runtime, broker: FakeBroker) -> None:
    await runtime.process(_deliver(a_created_event()))
    await runtime.process(_deliver(a_created_event()))

    (first, _), (again, _) = broker.published
    assert again == first


async def test_an_event_in_kombus_envelope_is_understood(runtime: Runtime, house: House) -> None:
    import base64
    import json

    body = base64.b64encode(encode(a_created_event())).decode()
    envelope = {"body": body, "content-type": "", "headers": {}, "properties": {"body_encoding": "base64"}}

    await runtime.process([Delivery("experiment-admit", json.dumps(envelope).encode())])

    assert (await house.experiment()).uid == "uid-digits"


async def test_a_bug_is_logged_once_with_its_event(
    runtime: Runtime, house: House, caplog: pytest.LogCaptureFixture
) -> None:
    async def choke(event: MetricReported, **ports: Any) -> list[Event]:
        raise ZeroDivisionError

    _replace(house, EDIT, choke)

    await runtime.process(_deliver(an_edit()))

    (record,) = [it for it in caplog.records if it.levelname == "ERROR"]
    assert (record.__dict__["event_id"], record.__dict__["function"]) == ("edit-1", EDIT)
    assert record.exc_info is not None
