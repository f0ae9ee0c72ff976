"""trial.stop_requested: a Trial ends in place, or its target is told once and the time of it is kept."""

from typing import Any

import pytest

from events.trial import TrialStopRequested, WorkerChanged
from functions.trial.model import StopReason, TrialState
from tests.builders import a_created_event, a_finished_trial, a_stop, a_stop_request
from tests.fakes import House


async def _asked_to_stop(house: House, **manifest: Any) -> TrialStopRequested:
    await house.start(**manifest)
    stop, _ = await house.play(a_stop(), hold=[TrialStopRequested])
    assert isinstance(stop, TrialStopRequested)
    return stop


async def test_a_running_worker_is_told_to_stop_and_then_looked_at(house: House) -> None:
    event = await _asked_to_stop(house)

    announced = await house.handle(event)

    trial = await house.trial()
    assert house.target.stopped == [(trial.uid, 1)]
    assert trial.stop_sent_at == house.clock.now
    assert [type(follow) for follow in announced] == [WorkerChanged]


async def test_the_first_time_that_the_target_was_told_stands(house: House) -> None:
    event = await _asked_to_stop(house)
    await house.handle(event)
    first = house.clock.now
    house.clock.advance(60)

    await house.handle(event)

    assert (await house.trial()).stop_sent_at == first


async def test_a_process_worker_is_left_to_its_own_host(house: House) -> None:
    event = await _asked_to_stop(house, kind="Process")

    announced = await house.handle(event)

    assert announced == []
    assert house.target.stopped == []
    assert (await house.trial()).stop_sent_at is None


async def test_a_trial_that_was_not_asked_to_stop_goes_on(house: House) -> None:
    trial, _ = await house.start()

    await house.handle(a_stop_request(trial))

    assert house.target.stopped == []


async def test_an_ended_trial_is_not_stopped(house: House) -> None:
    event = await _asked_to_stop(house)
    await house.handle(a_finished_trial(await house.trial(), 0.5))

    assert await house.handle(event) == []
    assert house.target.stopped == []


async def test_the_stop_of_an_older_attempt_is_ignored(house: House) -> None:
    event = await _asked_to_stop(house)
    await house.change(attempt=2)

    assert await house.handle(event) == []
    assert house.target.stopped == []


@pytest.mark.parametrize(
    ("reason", "state"),
    [(StopReason.KILLED, TrialState.KILLED), (StopReason.EARLY_STOPPED, TrialState.METRICS_UNAVAILABLE)],
)
async def test_a_pending_trial_ends_in_place(house: House, reason: StopReason, state: TrialState) -> None:
    await house.play(a_created_event())
    trial = await house.change(state=TrialState.PENDING, stop_reason=reason)
    async with house.stores.begin() as store:
        experiment = await store.experiment((await house.experiment()).ref, lock=True)
        assert experiment is not None
        experiment.count_move(TrialState.RUNNING, TrialState.PENDING)

    await house.handle(a_stop_request(trial))

    after = await house.trial()
    assert (after.state, house.target.stopped) == (state, [])
