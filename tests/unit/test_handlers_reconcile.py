"""clock.ticked: the rows alone say what is missing; it is announced again, less and less often, and not for ever."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from events.envelope import Event
from events.experiment import ExperimentFinished
from events.suggestion import SuggestionRequested
from events.trial import TrialCreated, TrialFinished, TrialStopRequested, WorkerChanged, WorkerOutcome
from functions.catalog import BY_QUEUE
from functions.experiment.reasons import Phase
from functions.ports import Host
from functions.trial.model import Trial, TrialState
from tests.builders import a_change, a_created_event, a_delete, a_finished_trial, a_stop, a_tick
from tests.fakes import House


async def _tick_for(house: House, total: float, *, step: float = 1.0) -> list[tuple[float, Event]]:
    """Let time pass with a tick every step; return what was announced and when."""
    heard = []
    for index in range(int(total / step)):
        house.clock.advance(step)
        heard += [((index + 1) * step, event) for event in await house.handle(a_tick(f"tick-{index}"))]
    return heard


def _kinds(heard: Sequence[tuple[float, Event]]) -> set[type[Event]]:
    return {type(event) for _, event in heard}


async def test_nothing_is_said_before_its_time(house: House) -> None:
    await house.play(a_created_event(), hold=[SuggestionRequested])

    assert await _tick_for(house, house.limits.nudge_base_seconds - 1) == []


@pytest.mark.parametrize(
    ("lost", "found"),
    [(SuggestionRequested, SuggestionRequested), (TrialCreated, TrialCreated)],
    ids=["request", "launch"],
)
async def test_an_announcement_that_a_broker_lost_is_made_again(
    house: House, lost: type[Event], found: type[Event]
) -> None:
    await house.play(a_created_event(), hold=[lost])

    assert found in _kinds(await _tick_for(house, 2 * house.limits.nudge_base_seconds))


async def test_a_stop_that_a_broker_lost_is_announced_again(house: House) -> None:
    await house.start()
    await house.play(a_stop(), hold=[TrialStopRequested])

    assert TrialStopRequested in _kinds(await _tick_for(house, 1))


async def test_a_conclusion_that_a_broker_lost_is_announced_again(house: House) -> None:
    trials = await house.start(maxTrialCount=2)
    ends = [a_finished_trial(it, 0.5, id=f"end-{it.number}") for it in trials]
    await house.play(*ends, hold=[ExperimentFinished])

    assert ExperimentFinished in _kinds(await _tick_for(house, house.limits.nudge_base_seconds))


async def test_a_purge_that_a_broker_lost_is_announced_again(house: House) -> None:
    await house.start()
    await house.play(a_delete(), hold=[ExperimentFinished])

    finished = [it for _, it in await _tick_for(house, 10) if isinstance(it, ExperimentFinished)]
    assert {event.result for event in finished} == {"Deleted"}


async def test_a_running_worker_is_looked_at_now_and_then(house: House) -> None:
    await house.start(maxTrialCount=2)

    heard = await _tick_for(house, 2 * house.limits.nudge_base_seconds)

    assert _kinds(heard) == {WorkerChanged}


async def test_the_pauses_double_up_to_a_cap(house: House) -> None:
    await house.play(a_created_event(parallelTrialCount=1), hold=[TrialCreated])

    heard = await _tick_for(house, 800, step=2)

    times = [at for at, event in heard if isinstance(event, TrialCreated)]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert len(pauses) >= 5
    for index, pause in enumerate(pauses):
        expected = min(house.limits.nudge_base_seconds * 2**index, house.limits.nudge_cap_seconds)
        assert 0.75 * expected <= pause <= 1.25 * expected + 2


async def test_progress_begins_the_pauses_anew(house: House) -> None:
    trial, _ = await house.start()
    await _tick_for(house, 120)
    nudged = (await house.trial()).nudges

    await house.handle(a_change(trial))

    assert nudged >= 3
    assert (await house.trial()).nudges == 0


async def test_a_launch_that_never_happens_fails_its_trial(house: House) -> None:
    await house.play(a_created_event(maxFailedTrialCount=2), hold=[TrialCreated])

    await _tick_for(house, 3600, step=20)

    states = {trial.state for trial in await house.trials()}
    experiment = await house.experiment()
    assert states == {TrialState.FAILED}
    assert (await house.trial()).reason == "PendingTimedOut"
    assert experiment.phase == Phase.FAILED


async def test_a_search_that_never_answers_fails_its_experiment(house: House) -> None:
    await house.play(a_created_event(), hold=[SuggestionRequested])

    await _tick_for(house, 3600, step=20)

    experiment = await house.experiment()
    assert experiment.phase == Phase.FAILED
    message = "Suggestion has failed: no answer to any request for suggestions"
    assert experiment.conditions[-1].message == message


async def test_a_trial_that_waits_for_a_slot_uses_nothing_up(house: House) -> None:
    await house.play(a_created_event(kind="Process"), hold=[TrialCreated])

    heard = await _tick_for(house, 6 * 3600, step=60)

    assert (await house.trial()).state == TrialState.PENDING
    assert TrialCreated in _kinds(heard)


async def test_a_trial_that_a_free_host_ignores_fails(house: House) -> None:
    await house.play(a_created_event(kind="Process"), hold=[TrialCreated])
    async with house.stores.begin() as store:
        await store.beat(Host("host-a", slots=4))

    for _ in range(400):
        async with house.stores.begin() as store:
            await store.beat(Host("host-a", slots=4))
        await _tick_for(house, 10, step=10)

    assert (await house.trial()).state == TrialState.FAILED


@pytest.mark.parametrize(("silent_seconds", "losses"), [(60, 0), (62, 2)])
async def test_a_host_is_lost_after_two_silences(house: House, silent_seconds: float, losses: int) -> None:
    await house.start(kind="Process")
    async with house.stores.begin() as store:
        await store.beat(Host("host-a", slots=4))

    heard = await _tick_for(house, silent_seconds)

    lost = [event for _, event in heard if isinstance(event, TrialFinished)]
    assert [event.outcome for event in lost] == [WorkerOutcome.LOST] * losses


async def test_a_host_that_slept_and_beats_again_is_not_lost(house: House) -> None:
    await house.start(kind="Process")
    async with house.stores.begin() as store:
        await store.beat(Host("host-a", slots=4))
    house.clock.advance(8 * 3600)
    await house.handle(a_tick("first"))
    async with house.stores.begin() as store:
        await store.beat(Host("host-a", slots=4))

    heard = await _tick_for(house, house.limits.host_silence_seconds)

    assert TrialFinished not in _kinds(heard)


async def test_trials_of_a_lost_host_run_again_elsewhere(house: House) -> None:
    await house.start(kind="Process")
    async with house.stores.begin() as store:
        await store.beat(Host("host-a", slots=4))
    heard = await _tick_for(house, 62)
    house.restart("host-b")

    await house.play(*(event for _, event in heard))

    assert {(it.state, it.attempt, it.host) for it in await house.trials()} == {(TrialState.RUNNING, 2, "host-b")}


@pytest.mark.parametrize(("passed", "state"), [(-600, TrialState.RUNNING), (1200, TrialState.FAILED)])
async def test_an_external_trial_has_a_deadline(house: House, passed: float, state: TrialState) -> None:
    events = await house.play(a_created_event(kind="External", maxFailedTrialCount=1), hold=[TrialCreated])
    for event in events:
        await house.wiring.run(BY_QUEUE["trial-launch"], event)

    await _tick_for(house, house.limits.external_timeout_seconds + passed, step=600)

    trial = await house.trial()
    assert trial.state == state
    assert state == TrialState.RUNNING or trial.reason == "DeadlineExceeded"


async def test_it_is_quiet_when_nothing_happens(house: House) -> None:
    trials = await house.start(maxTrialCount=2)
    for trial in trials:
        await house.play(a_finished_trial(trial, 0.5, id=f"end-{trial.number}"))
        await house.handle(a_change(trial))

    assert await _tick_for(house, 3600, step=10) == []


async def test_announcements_to_one_row_stay_few(house: House) -> None:
    await house.start(maxTrialCount=2)

    heard = await _tick_for(house, 1200, step=5)

    assert len(heard) <= 2 * (house.limits.nudge_limit + 2)


async def test_a_tick_takes_no_more_rows_than_a_page(house: House) -> None:
    await house.play(a_created_event(parallelTrialCount=250, maxTrialCount=250), hold=[TrialCreated])
    house.clock.advance(60)

    first = await house.handle(a_tick("1"))
    second = await house.handle(a_tick("2"))

    assert [len(first), len(second)] == [house.limits.page_count, 50]


async def test_old_tombstones_are_forgotten(house: House) -> None:
    await house.handle(a_delete())
    house.clock.advance(house.limits.tombstone_seconds + 1)

    await house.handle(a_tick())

    assert house.rows()["tombstones"] == []


def _let_workers_end(house: House, trials: Sequence[Trial]) -> None:
    for trial in trials:
        if not house.target.logs[trial.uid, trial.attempt]:
            house.target.write(trial, "loss=0.5\n")
        house.target.end(trial)


@pytest.mark.parametrize("lost", [SuggestionRequested, TrialCreated])
async def test_everything_ends_when_only_the_clock_is_left(house: House, lost: type[Event]) -> None:
    await house.play(a_created_event(), hold=[lost])

    for index in range(60):
        house.clock.advance(10)
        await house.play(a_tick(f"tick-{index}"))
        _let_workers_end(house, await house.trials())

    experiment = await house.experiment()
    assert (experiment.phase, experiment.created_count, experiment.succeeded) == (Phase.SUCCEEDED, 3, 3)


async def test_a_trial_that_nobody_can_settle_fails_in_the_end(house: House) -> None:
    trials = await house.start(maxFailedTrialCount=2, maxTrialCount=2)
    _let_workers_end(house, trials)

    for index in range(360):
        house.clock.advance(10)
        await house.play(a_tick(f"tick-{index}"), hold=[TrialFinished])

    assert {(it.state, it.reason) for it in await house.trials()} == {(TrialState.FAILED, "RunningTimedOut")}
    assert (await house.experiment()).phase == Phase.FAILED
