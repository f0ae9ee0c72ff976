"""trial.created: the target is called once an attempt, by the holder of a committed claim only."""

from collections.abc import Sequence
from typing import Any

import pytest

from events.envelope import Event
from events.trial import FailureClass, TrialCreated, TrialFinished, TrialStopRequested, WorkerOutcome
from functions.trial.model import TrialState
from functions.trial.view import to_resource
from functions.worker import LaunchRefusedError
from tests.builders import a_created_event, a_delete, a_launch_request, a_stop
from tests.fakes import House


class ProcessDiedError(Exception):
    """The process that launched is gone."""


async def _created(house: House, **manifest: Any) -> Sequence[Event]:
    return await house.play(a_created_event(**manifest), hold=[TrialCreated])


async def test_a_launch_runs_the_worker_and_notes_where(house: House) -> None:
    event, _ = await _created(house)

    announced = await house.handle(event)

    trial = await house.trial()
    assert announced == []
    assert house.target.launched == [(trial.uid, 1)]
    assert (trial.state, trial.host, trial.reference) == (TrialState.RUNNING, "host-a", "fake/1/1")


async def test_another_event_does_not_launch_what_is_being_launched(house: House) -> None:
    event, _ = await _created(house)
    trial = await house.trial()

    async def reconcile_asks_too() -> None:
        house.restart("host-b")
        await house.handle(a_launch_request(trial, id="another"))

    house.target.during_launch = reconcile_asks_too

    await house.handle(event)

    assert house.target.launched == [(trial.uid, 1)]


async def _die_launching(house: House, event: Event) -> None:
    async def die() -> None:
        raise ProcessDiedError

    house.target.during_launch = die
    with pytest.raises(ProcessDiedError):
        await house.handle(event)
    house.target.during_launch = None


async def test_the_same_event_redelivered_ends_the_launch_that_a_crash_cut_off(house: House) -> None:
    event, _ = await _created(house)
    await _die_launching(house, event)
    house.restart("host-b")

    await house.handle(event)

    assert (await house.trial()).state == TrialState.RUNNING


@pytest.mark.parametrize(("after_seconds", "state"), [(59, TrialState.LAUNCHING), (60, TrialState.RUNNING)])
async def test_another_event_takes_a_cut_off_launch_over_after_its_lease(
    house: House, after_seconds: float, state: TrialState
) -> None:
    event, _ = await _created(house)
    await _die_launching(house, event)
    house.restart("host-b")
    house.clock.advance(after_seconds)

    await house.handle(a_launch_request(await house.trial(), id="another"))

    assert (await house.trial()).state == state


async def test_a_cut_off_launch_of_a_process_stays_with_its_host(house: House) -> None:
    event, _ = await _created(house, kind="Process")
    await _die_launching(house, event)
    house.restart("host-b")
    house.clock.advance(3600)
    another = a_launch_request(await house.trial(), id="another")

    await house.handle(another)
    stranger = (await house.trial()).state
    house.restart("host-a")
    await house.handle(another)

    assert (stranger, (await house.trial()).state) == (TrialState.LAUNCHING, TrialState.RUNNING)


async def test_a_refused_launch_fails_the_trial_with_its_reason_and_message(house: House) -> None:
    event, _ = await _created(house, maxFailedTrialCount=1)
    house.target.refusal = LaunchRefusedError("CommandNotFound", "spec.command: train: not found")

    (announced,) = await house.handle(event)
    await house.handle(announced)

    trial = await house.trial()
    assert isinstance(announced, TrialFinished)
    assert announced.outcome == WorkerOutcome.REFUSED
    assert trial.state == TrialState.FAILED
    assert (trial.reason, trial.message) == ("CommandNotFound", "spec.command: train: not found")


async def test_a_template_that_cannot_be_filled_fails_the_trial_at_once_with_one_message(house: House) -> None:
    event, _ = await _created(house)
    await house.change(assignments=())

    await house.play(event)

    trial = await house.trial()
    missing = "spec.trialTemplate: unable to find non-meta parameter from TrialParameters in ParameterAssignment: x"
    assert (trial.state, trial.reason, trial.message) == (TrialState.FAILED, "InvalidTemplate", missing)
    assert (trial.failure, trial.attempt) == (FailureClass.LAUNCH_FAILED, 1)
    assert (trial.uid, 1) not in house.target.launched
    assert to_resource(trial, await house.experiment()).spec.run_spec["kind"] == "Simulated"


async def test_a_stop_that_came_during_the_launch_is_announced_after_it(house: House) -> None:
    event, _ = await _created(house)
    house.target.during_launch = lambda: house.play(a_stop())

    announced = await house.handle(event)

    assert [type(follow) for follow in announced] == [TrialStopRequested]
    assert house.target.removed == []
    assert (await house.trial()).state == TrialState.RUNNING


async def test_a_worker_whose_experiment_was_deleted_during_the_launch_is_removed(house: House) -> None:
    event, _ = await _created(house)
    trial = await house.trial()

    async def purge() -> None:
        house.raw.execute("DELETE FROM trials")
        house.raw.execute("DELETE FROM experiments")

    house.target.during_launch = purge

    announced = await house.handle(event)

    assert announced == []
    assert house.target.removed == [(trial.uid, 1)]


@pytest.mark.parametrize(
    "moved_on",
    [{"attempt": 2, "state": TrialState.PENDING}, {"state": TrialState.KILLED}],
    ids=["newer attempt", "ended"],
)
async def test_a_worker_whose_trial_moved_on_during_the_launch_is_removed(
    house: House, moved_on: dict[str, Any]
) -> None:
    event, _ = await _created(house)
    house.target.during_launch = lambda: house.change(**moved_on)

    announced = await house.handle(event)

    assert announced == []
    assert house.target.removed == [((await house.trial()).uid, 1)]
    assert (await house.trial()).state == moved_on["state"]


async def test_nothing_is_launched_after_the_end(house: House) -> None:
    event, _ = await _created(house)
    await house.handle(a_stop())

    await house.handle(event)

    assert house.target.launched == []
    assert (await house.trial()).state == TrialState.KILLED


async def test_nothing_is_launched_of_a_deleted_experiment(house: House) -> None:
    event, _ = await _created(house)
    await house.play(a_delete())

    await house.handle(event)

    assert house.target.launched == []


async def test_an_older_attempt_is_not_launched(house: House) -> None:
    event, _ = await _created(house)
    await house.change(attempt=2)

    await house.handle(event)

    assert house.target.launched == []
    assert (await house.trial()).state == TrialState.PENDING
