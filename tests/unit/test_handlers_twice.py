"""Delivery is at least once: every handler run twice in a row equals once, in state and announcements."""

from collections.abc import Awaitable, Callable

import pytest

from events.envelope import Event
from events.experiment import ExperimentFinished
from events.suggestion import SuggestionRequested
from events.trial import TrialCreated, TrialStopRequested, WorkerOutcome
from functions.catalog import SUBSCRIPTIONS, queue_of, subscription_of
from tests.builders import (
    a_change,
    a_created_event,
    a_delete,
    a_finished_trial,
    a_range,
    a_report,
    a_stop,
    a_tick,
    a_trial_deletion,
    an_edit,
)
from tests.fakes import House

History = Callable[[House], Awaitable[Event]]


async def _created(house: House) -> Event:
    return a_created_event()


async def _created_badly(house: House) -> Event:
    return a_created_event(maxTrialCount=0)


async def _requested(house: House) -> Event:
    (request,) = await house.play(a_created_event(), hold=[SuggestionRequested])
    return request


async def _trial_created(house: House) -> Event:
    first, _ = await house.play(a_created_event(), hold=[TrialCreated])
    return first


async def _worker_prints(house: House) -> Event:
    trial, _ = await house.start()
    house.target.write(trial, "loss=0.5\nloss=0.25\n")
    return a_change(trial)


async def _worker_ends(house: House) -> Event:
    event = await _worker_prints(house)
    house.target.end(await house.trial())
    return event


async def _worker_vanishes(house: House) -> Event:
    trial, _ = await house.start()
    house.target.lose(trial)
    return a_change(trial)


async def _reported(house: House) -> Event:
    trial, _ = await house.start()
    return a_report(trial, a_range(0.5, 0.25))


async def _stop_requested(house: House) -> Event:
    await house.start()
    stops = await house.play(a_stop(), hold=[TrialStopRequested])
    return stops[0]


async def _finished(house: House) -> Event:
    trial, _ = await house.start()
    return a_finished_trial(trial, 0.5)


async def _lost(house: House) -> Event:
    trial, _ = await house.start()
    return a_finished_trial(trial, outcome=WorkerOutcome.LOST, log_end=None)


async def _half_read(house: House) -> Event:
    trial, _ = await house.start()
    return a_finished_trial(trial, log_end=100)


async def _preempted(house: House) -> Event:
    trial, _ = await house.start()
    return a_finished_trial(trial, outcome=WorkerOutcome.FAILED, reason="Preempted", exit_code=143)


async def _trial_deleted(house: House) -> Event:
    trial, _ = await house.start()
    return a_trial_deletion(trial)


async def _edited(house: House) -> Event:
    await house.start()
    return an_edit(parallel=3, most=5)


async def _restarted(house: House) -> Event:
    trials = await house.start(resumePolicy="LongRunning", maxTrialCount=2)
    await house.play(*(a_finished_trial(trial, 0.5, id=f"end-{trial.number}") for trial in trials))
    return an_edit(most=5)


async def _stopped(house: House) -> Event:
    await house.start()
    return a_stop()


async def _deleted(house: House) -> Event:
    await house.start()
    return a_delete()


async def _ended(house: House) -> Event:
    trials = await house.start(maxTrialCount=2)
    ends = (a_finished_trial(trial, 0.5, id=f"end-{trial.number}") for trial in trials)
    return (await house.play(*ends, hold=[ExperimentFinished]))[0]


async def _ended_with_stops(house: House) -> Event:
    objective = {"type": "minimize", "objectiveMetricName": "loss", "goal": 0.1}
    trial, _ = await house.start(objective=objective, onComplete="stop")
    return (await house.play(a_finished_trial(trial, 0.05), hold=[ExperimentFinished]))[0]


async def _gone(house: House) -> Event:
    await house.play(a_created_event(), hold=[SuggestionRequested])
    return (await house.play(a_delete(), hold=[ExperimentFinished]))[0]


async def _time_passed(house: House) -> Event:
    await house.start()
    house.clock.advance(3600)
    return a_tick()


HISTORIES: tuple[History, ...] = (
    _created,
    _created_badly,
    _requested,
    _trial_created,
    _worker_prints,
    _worker_ends,
    _worker_vanishes,
    _reported,
    _stop_requested,
    _finished,
    _lost,
    _half_read,
    _preempted,
    _trial_deleted,
    _edited,
    _restarted,
    _stopped,
    _deleted,
    _ended,
    _ended_with_stops,
    _gone,
    _time_passed,
)
every_history = pytest.mark.parametrize("history", HISTORIES, ids=lambda history: history.__name__.strip("_"))


@every_history
async def test_a_second_delivery_to_another_process_changes_nothing_and_announces_the_same(
    house: House, history: History
) -> None:
    event = await history(house)
    first = await house.handle(event)
    state = house.rows()
    house.restart()

    again = await house.handle(event)

    assert house.rows() == state
    assert again == ([] if history is _time_passed else first)


@every_history
async def test_a_second_delivery_to_the_same_process_changes_nothing_and_says_nothing_new(
    house: House, history: History
) -> None:
    event = await history(house)
    first = await house.handle(event)
    state = house.rows()

    again = await house.handle(event)

    assert house.rows() == state
    assert [announced for announced in again if announced not in first] == []


async def test_the_histories_reach_every_function(house: House) -> None:
    reached = set()
    for history in HISTORIES:
        for table in reversed(list(house.rows())):
            house.raw.execute(f"DELETE FROM {table}")
        house.restart()
        subscription = subscription_of(queue_of(await history(house)))
        assert subscription is not None
        reached.add(subscription.function)

    assert reached == {subscription.function for subscription in SUBSCRIPTIONS}
