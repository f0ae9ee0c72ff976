"""Delivery is unordered: every order of one Experiment's client events ends in the same state."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest

from events.envelope import Event
from functions.catalog import SUBSCRIPTIONS, launch_queue
from infra.broker.memory import MemoryBroker
from infra.broker.port import Delivery
from infra.runtime import Runtime
from tests.builders import a_created_event, a_delete, a_stop, an_edit
from tests.fakes import House, open_house

CREATED, FIRST, SECOND = a_created_event(), an_edit(id="edit-1", parallel=1), an_edit(id="edit-2", parallel=4, most=9)
STOPPED, DELETED = a_stop(), a_delete()


class HurriedBroker(MemoryBroker):
    """A broker whose delays are over at once: what is delayed comes after all that waits."""

    async def publish(self, events: Sequence[Event], *, delay_seconds: float = 0.0) -> None:
        await super().publish(events)

    async def postpone(self, delivery: Delivery, event: Event, *, delay_seconds: float) -> None:
        await super().postpone(delivery, event, delay_seconds=0)


async def _run(house: House, events: Sequence[Event], *, is_batch: bool) -> list[str]:
    """Let the runtime handle these events and all that follows; return the reasons of dead letters."""
    broker = HurriedBroker()
    runtime = Runtime(house.wiring, broker)
    queues = [it.queue for it in SUBSCRIPTIONS if it.queue != "trial-launch"]
    queues += [launch_queue(target) for target in house.wiring.targets]
    for event in events:
        await broker.publish([event])
        if not is_batch:
            await _exhaust(runtime, broker, queues, rounds=1)
    await _exhaust(runtime, broker, queues, rounds=100)
    assert not any(broker.depth(queue) for queue in queues)
    return [letter.reason for letter in broker.dead_letters]


async def _exhaust(runtime: Runtime, broker: MemoryBroker, queues: Sequence[str], *, rounds: int) -> None:
    for _ in range(rounds):
        taken = [delivery for queue in queues for delivery in broker.take(queue, 100)]
        if not taken:
            return
        await runtime.process(taken)


async def _summary(house: House) -> dict[str, Any]:
    experiment = await house.find_experiment()
    rows = {name: len(found) for name, found in house.rows().items() if found and name in {"tombstones", "experiments"}}
    if experiment is None or experiment.deleted_at:
        return {"tombstones": rows["tombstones"], "is_live": False}
    return {
        **rows,
        "phase": experiment.phase,
        "edit": experiment.edit_id,
        "budget": (experiment.spec.parallel_trial_count, experiment.spec.max_trial_count),
        "conditions": {(it.type, it.status, it.reason) for it in experiment.conditions if it.type != "Running"},
    }


@pytest.mark.parametrize("is_batch", [True, False], ids=["in batches", "one after another"])
@pytest.mark.parametrize(
    "events",
    [(CREATED, FIRST, SECOND), (CREATED, FIRST, SECOND, STOPPED), (CREATED, FIRST, SECOND, STOPPED, DELETED)],
    ids=["edited", "stopped", "deleted"],
)
async def test_every_order_of_client_events_ends_in_the_same_state(events: tuple[Event, ...], is_batch: bool) -> None:
    summaries, reasons = [], []
    for order in permutations(events):
        house = await open_house()
        reasons += await _run(house, order, is_batch=is_batch)
        summaries.append(await _summary(house))
        await house.stores.close()
        house.raw.close()

    assert [it for it in summaries if it != summaries[0]] == []
    assert reasons == []


@pytest.mark.parametrize("order", list(permutations((CREATED, SECOND, CREATED, SECOND))))
async def test_duplicates_in_any_order_count_once(house: House, order: tuple[Event, ...]) -> None:
    await _run(house, order, is_batch=True)

    experiment = await house.experiment()
    assert (experiment.edit_id, experiment.created_count, experiment.running) == ("edit-2", 4, 4)


async def test_a_command_whose_creation_never_comes_is_dead_lettered_in_the_end(house: House) -> None:
    (reason,) = await _run(house, [STOPPED], is_batch=True)

    assert reason == "no Experiment default/digits uid-digits"
